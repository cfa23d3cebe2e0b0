package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// object is one object of a manifest, and where it is served.
type object struct {
	kind anyKind
	body unstructured.Unstructured
}

// String names the object: "Deployment vpn/office-strongswan".
func (o object) String() string {
	name := o.body.GetName()
	if o.kind.Namespaced {
		name = o.body.GetNamespace() + "/" + name
	}
	return o.kind.Name + " " + name
}

// key says which object it is, whatever the version that it is written in.
func (o object) key() string { return o.kind.Group + " " + o.String() }

// kept says that the chart wants the object to stay when the release goes.
func (o object) kept() bool {
	return o.body.GetAnnotations()["helm.sh/resource-policy"] == "keep"
}

// objects reads the documents of a manifest, in their order. An object without a namespace is in the release's.
func (k *kinds) objects(ctx context.Context, manifest, namespace string) ([]object, error) {
	var out []object
	for _, document := range Documents(manifest) {
		o, err := k.object(ctx, document, namespace)
		if err != nil {
			return nil, err
		}
		if o != nil {
			out = append(out, *o)
		}
	}
	return out, nil
}

// known gives the objects of a manifest whose kinds the cluster serves: of others there can be none.
func (k *kinds) known(ctx context.Context, manifest, namespace string) ([]object, error) {
	var out []object
	for _, document := range Documents(manifest) {
		o, err := k.object(ctx, document, namespace)
		var unknown *notServedError
		switch {
		case errors.As(err, &unknown):
			continue
		case err != nil:
			return nil, err
		case o != nil:
			out = append(out, *o)
		}
	}
	return out, nil
}

// object reads one document, nil if there is nothing in it.
func (k *kinds) object(ctx context.Context, document, namespace string) (*object, error) {
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(document), &fields); err != nil {
		return nil, fmt.Errorf("a document of the manifest is no YAML: %w", err)
	}
	if len(fields) == 0 {
		return nil, nil
	}
	o := object{body: unstructured.Unstructured{Object: fields}}
	if o.body.GetName() == "" || o.body.GetKind() == "" || o.body.GetAPIVersion() == "" {
		return nil, errors.New("a document of the manifest lacks apiVersion, kind or metadata.name")
	}
	var err error
	if o.kind, err = k.of(ctx, o.body.GetAPIVersion(), o.body.GetKind()); err != nil {
		return nil, fmt.Errorf("%s %s: %w", o.body.GetKind(), o.body.GetName(), err)
	}
	switch {
	case !o.kind.Namespaced:
		o.body.SetNamespace("")
	case o.body.GetNamespace() == "":
		o.body.SetNamespace(namespace)
	}
	return &o, nil
}

// Documents splits a manifest into its YAML documents, in their order.
func Documents(manifest string) []string {
	split := releaseutil.SplitManifests(manifest)
	keys := make([]string, 0, len(split))
	for key := range split {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, byNumber)
	out := make([]string, 0, len(keys))
	for _, key := range keys {
		out = append(out, split[key])
	}
	return out
}

func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b) // manifest-2 before manifest-10
	}
	return strings.Compare(a, b)
}

// hooksFor gives the hooks of an event in the order in which they run.
func hooksFor(hooks []*releasev1.Hook, event releasev1.HookEvent) []*releasev1.Hook {
	var out []*releasev1.Hook
	for _, hook := range hooks {
		if slices.Contains(hook.Events, event) {
			out = append(out, hook)
		}
	}
	slices.SortStableFunc(out, func(a, b *releasev1.Hook) int {
		if a.Weight != b.Weight {
			return a.Weight - b.Weight
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// removalOrder sorts objects as Helm removes them: the reverse of dependence.
func removalOrder(objects []object) []object {
	rank := func(o object) int {
		if i := slices.Index(releaseutil.UninstallOrder, o.kind.Name); i >= 0 {
			return i
		}
		return -1 // what Helm does not know goes first: it may need what it knows
	}
	out := slices.Clone(objects)
	slices.SortStableFunc(out, func(a, b object) int { return rank(a) - rank(b) })
	return out
}
