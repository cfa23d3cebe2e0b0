package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	kjson "sigs.k8s.io/json"
)

// PostRender changes a manifest before it is applied and recorded. It gets all documents but hooks, and its error ends
// the operation.
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
	made, err := render(ctx, chart, o, nil)
	if err != nil {
		return Rendered{}, err
	}
	out := Rendered{Manifest: made.manifest, Notes: made.notes}
	for _, hook := range made.hooks {
		out.Hooks = append(out.Hooks, hook.Manifest)
	}
	return out, nil
}

// lookup is the template function that reads an object of the cluster.
type lookup = func(apiVersion, kind, namespace, name string) (map[string]any, error)

// rendered is what goes into a release.
type rendered struct {
	chart    *chartv2.Chart
	values   map[string]any
	manifest string
	hooks    []*releasev1.Hook
	notes    string
}

func render(ctx context.Context, chart *Chart, o RenderOptions, find lookup) (rendered, error) {
	if err := chartutil.ValidateReleaseName(o.Name); err != nil {
		return rendered{}, fmt.Errorf("release name %q: %w", o.Name, err)
	}
	copied, err := chart.fresh()
	if err != nil {
		return rendered{}, err
	}
	// Helm changes the values that it is given, and the chart.
	given, err := copyValues(o.Values)
	if err != nil {
		return rendered{}, err
	}
	recorded, err := copyValues(o.Values)
	if err != nil {
		return rendered{}, err
	}
	out := rendered{chart: copied, values: recorded}
	top, err := o.renderValues(copied, given)
	if err != nil {
		return out, fmt.Errorf("chart %s %s: %w", chart.Name(), chart.Version(), err)
	}
	templates := engine.Engine{}
	if find != nil {
		templates.CustomTemplateFuncs = map[string]any{"lookup": find}
	}
	files, err := templates.RenderWithContext(ctx, copied, top)
	if err != nil {
		return out, fmt.Errorf("chart %s %s cannot be rendered: %w", chart.Name(), chart.Version(), err)
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	return out.sorted(files, o.PostRender)
}

// renderValues is the whole of what templates see.
func (o RenderOptions) renderValues(chart *chartv2.Chart, given map[string]any) (common.Values, error) {
	capabilities, err := o.Capabilities.helm()
	if err != nil {
		return nil, err
	}
	if wanted := chart.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return nil, fmt.Errorf("it wants Kubernetes %s and the cluster has %s", wanted, capabilities.KubeVersion.Version)
	}
	yield(chart, given)
	if err := chartutil.ProcessDependencies(chart, given); err != nil {
		return nil, fmt.Errorf("its dependencies: %w", err)
	}
	revision := max(o.Revision, 1)
	about := common.ReleaseOptions{
		Name: o.Name, Namespace: o.Namespace, Revision: revision, IsInstall: revision == 1, IsUpgrade: revision > 1,
	}
	return util.ToRenderValues(chart, given, about, capabilities)
}

func (c Capabilities) helm() (*common.Capabilities, error) {
	out := common.DefaultCapabilities.Copy()
	if c.KubernetesVersion != "" {
		version, err := common.ParseKubeVersion(c.KubernetesVersion)
		if err != nil {
			return nil, fmt.Errorf("the cluster's version %q: %w", c.KubernetesVersion, err)
		}
		out.KubeVersion = *version
	}
	if c.APIVersions != nil {
		out.APIVersions = c.APIVersions
	}
	return out, nil
}

// yield takes out of a chart's defaults what a given value of another shape replaces (a table by a text, or the other
// way round). Helm comes to the same, but writes its remarks about it to the program's log.
func yield(chart *chartv2.Chart, given map[string]any) {
	yieldTables(chart.Values, given)
	for _, dependency := range chart.Dependencies() {
		if inner, ok := given[dependency.Name()].(map[string]any); ok {
			yield(dependency, inner)
		}
	}
}

func yieldTables(defaults, given map[string]any) {
	for key, value := range given {
		theirs, ours := defaults[key].(map[string]any)
		inner, table := value.(map[string]any)
		switch {
		case ours && table:
			yieldTables(theirs, inner)
		case ours != table && value != nil:
			delete(defaults, key)
		}
	}
}

// sorted splits the rendered files into hooks, notes and the manifest, in the order of installation.
func (r rendered) sorted(files map[string]string, post PostRender) (rendered, error) {
	for name, content := range files {
		if path.Base(name) != "NOTES.txt" {
			continue
		}
		if name == path.Join(r.chart.Name(), "templates", "NOTES.txt") {
			r.notes = content
		}
		delete(files, name)
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return r, fmt.Errorf("chart %s: %w", r.chart.Name(), err)
	}
	r.hooks = hooks
	var text strings.Builder
	for _, m := range manifests {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", m.Name, strings.TrimRight(m.Content, "\n"))
	}
	r.manifest = text.String()
	if post == nil {
		return r, nil
	}
	changed, err := post([]byte(r.manifest))
	if err != nil {
		return r, fmt.Errorf("chart %s %s: %w", r.chart.Name(), r.chart.Metadata.Version, err)
	}
	// What was added is put where its kind belongs.
	_, manifests, err = releaseutil.SortManifests(map[string]string{"manifest": string(changed)}, nil, releaseutil.InstallOrder)
	if err != nil {
		return r, fmt.Errorf("chart %s: %w", r.chart.Name(), err)
	}
	text.Reset()
	for _, m := range manifests {
		fmt.Fprintf(&text, "---\n%s\n", strings.TrimRight(m.Content, "\n"))
	}
	r.manifest = text.String()
	if strings.TrimSpace(r.manifest) == "" {
		return r, errors.New("nothing is left of the manifest")
	}
	return r, nil
}

// copyValues gives values of their own, of the types that JSON has.
func copyValues(values map[string]any) (map[string]any, error) {
	out := map[string]any{}
	if len(values) == 0 {
		return out, nil
	}
	raw, err := json.Marshal(values)
	if err == nil {
		err = kjson.UnmarshalCaseSensitivePreserveInts(raw, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("the values are not what YAML can say: %w", err)
	}
	return out, nil
}
