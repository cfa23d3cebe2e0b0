package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// fieldManager is helm's own, so that a person who takes over with helm meets no conflict with us.
const fieldManager = "helm"

// The marks that Helm puts on every object of a release.
const (
	managedBy          = "app.kubernetes.io/managed-by"
	releaseName        = "meta.helm.sh/release-name"
	releaseNamespace   = "meta.helm.sh/release-namespace"
	managedByHelm      = "Helm"
	hookBeforeCreation = releasev1.HookBeforeHookCreation
)

// ForeignObjectError is an object of the chart that is there already and belongs to nobody or to another release.
type ForeignObjectError struct {
	// Object is the object, for example "ConfigMap vpn/office-strongswan-config".
	Object string
	// Owner is the release that it belongs to, empty if to none.
	Owner string
}

func (e *ForeignObjectError) Error() string {
	if e.Owner == "" {
		return e.Object + " is there already and belongs to no Helm release"
	}
	return e.Object + " is there already and belongs to the Helm release " + e.Owner
}

// marked is the object with the marks of a release.
func (o object) marked(namespace, name string) unstructured.Unstructured {
	out := *o.body.DeepCopy()
	labels := maps.Clone(out.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[managedBy] = managedByHelm
	out.SetLabels(labels)
	annotations := maps.Clone(out.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[releaseName], annotations[releaseNamespace] = name, namespace
	out.SetAnnotations(annotations)
	return out
}

// owner is the release that a live object belongs to, as namespace/name; empty for none.
func owner(live unstructured.Unstructured) string {
	annotations := live.GetAnnotations()
	if live.GetLabels()[managedBy] != managedByHelm || annotations[releaseName] == "" {
		return ""
	}
	return annotations[releaseNamespace] + "/" + annotations[releaseName]
}

// find gives the live object, nil if it is not there.
func (c *Client) find(ctx context.Context, o object) (*unstructured.Unstructured, error) {
	live, err := kube.Get(ctx, c.kube, o.kind, o.body.GetNamespace(), o.body.GetName())
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &live, nil
}

// free makes sure that no object is another's, before anything is touched.
func (c *Client) free(ctx context.Context, r record, objects []object) error {
	for _, o := range objects {
		live, err := c.find(ctx, o)
		if err != nil {
			return err
		}
		if live != nil && owner(*live) != r.Namespace+"/"+r.Name {
			return &ForeignObjectError{Object: o.String(), Owner: owner(*live)}
		}
	}
	return nil
}

// apply writes objects, in their order. Fields that others changed are taken back.
func (c *Client) apply(ctx context.Context, r record, objects []object) error {
	for _, o := range objects {
		if err := c.applyOne(ctx, r, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) applyOne(ctx context.Context, r record, o object) error {
	_, err := kube.Apply(ctx, c.kube, o.kind, o.marked(r.Namespace, r.Name), kube.PatchOptions{FieldManager: fieldManager, Force: true})
	if err == nil || !immutable(err) {
		return err
	}
	// Jobs and bindings have fields that cannot change. Nobody lives in such an object, so it is made anew.
	if err := c.remove(ctx, o); err != nil {
		return err
	}
	if err := c.gone(ctx, []object{o}); err != nil {
		return err
	}
	_, err = kube.Apply(ctx, c.kube, o.kind, o.marked(r.Namespace, r.Name), kube.PatchOptions{FieldManager: fieldManager, Force: true})
	return err
}

// immutable says that an object of a kind that holds no state refuses a change because of a field that cannot change.
func immutable(err error) bool {
	var about *kube.Error
	if !apierrors.IsInvalid(err) || !errors.As(err, &about) {
		return false
	}
	switch about.Kind {
	case "Job", "RoleBinding", "ClusterRoleBinding":
		return strings.Contains(err.Error(), "immutable") || strings.Contains(err.Error(), "cannot change roleRef")
	default:
		return false
	}
}

// remove deletes an object; what it owns goes with it.
func (c *Client) remove(ctx context.Context, o object) error {
	options := kube.DeleteOptions{Propagation: metav1.DeletePropagationBackground}
	err := kube.Delete(ctx, c.kube, o.kind, o.body.GetNamespace(), o.body.GetName(), options)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// removeOwn deletes those of the objects that are the release's. What the chart wants kept, and what has become
// another's, stays and is returned.
func (c *Client) removeOwn(ctx context.Context, r record, objects []object) (removed []object, kept []string, err error) {
	for _, o := range removalOrder(objects) {
		if o.kept() {
			kept = append(kept, o.String())
			continue
		}
		live, err := c.find(ctx, o)
		switch {
		case err != nil:
			return removed, kept, err
		case live == nil:
			continue
		case owner(*live) != r.Namespace+"/"+r.Name:
			kept = append(kept, o.String())
			continue
		}
		if err := c.remove(ctx, o); err != nil {
			return removed, kept, err
		}
		removed = append(removed, o)
	}
	return removed, kept, nil
}

// gone waits until objects that were removed are no more.
func (c *Client) gone(ctx context.Context, objects []object) error {
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		for _, o := range objects {
			live, err := c.find(ctx, o)
			if err != nil {
				return false, "", err
			}
			if live != nil && live.GetDeletionTimestamp() != nil {
				state := o.String() + " is being deleted"
				if held := live.GetFinalizers(); len(held) > 0 {
					state += fmt.Sprintf(", held by its finalizers %q", held)
				}
				return false, state, nil
			}
		}
		return true, "", nil
	})
}

// without are those of the objects that others lack.
func without(objects, others []object) []object {
	have := map[string]bool{}
	for _, o := range others {
		have[o.key()] = true
	}
	var out []object
	for _, o := range objects {
		if !have[o.key()] {
			out = append(out, o)
		}
	}
	return out
}
