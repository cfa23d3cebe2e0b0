package helm

import (
	"context"
)

// PostRender changes a manifest before it is applied and recorded. It gets all documents but hooks, and its error ends the operation.
type PostRender func(manifest []byte) ([]byte, error)

// Capabilities are what templates see of a cluster.
type Capabilities struct {
	// KubernetesVersion is the server's own, for example "v1.33.4+IKS".
	KubernetesVersion string
	// APIVersions are what .Capabilities.APIVersions.Has knows: "apps/v1" and "apps/v1/Deployment".
	APIVersions []string
}

// RenderOptions go with [Render].
type RenderOptions struct {
	Namespace, Name string
	// Revision is 1 for an install. Above it .Release.IsUpgrade is true.
	Revision     int
	Values       map[string]any
	Capabilities Capabilities
	PostRender   PostRender
}

// Rendered is what a chart makes of its values.
type Rendered struct {
	// Manifest are the objects as YAML documents in the order in which they are applied, without hooks.
	Manifest string
	// Hooks are the documents of the hooks, whatever their event.
	Hooks []string
	// Notes is the text that the chart has for people.
	Notes string
}

// Render renders a chart without a cluster. The template function lookup finds nothing, and none resolves names.
func Render(ctx context.Context, chart *Chart, o RenderOptions) (Rendered, error) {
	return Rendered{}, nil
}
