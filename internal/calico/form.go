package calico

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// formOfNew gives the name to create a policy under. Where objects are served as they are stored, the server does not
// know the two forms of a name for one policy, so that is checked here.
func (p Policies) formOfNew(ctx context.Context, name string) (string, error) {
	forms := p.client.door.otherNames(name)
	if !p.client.door.raw {
		return forms[0], nil
	}
	bare, err := p.storesBareNames(ctx)
	if err != nil {
		return "", err
	}
	if bare && forms[1] == name {
		forms[0], forms[1] = forms[1], forms[0]
	}
	other, err := kube.Get(ctx, p.client.kube, p.kind, p.namespace, forms[1])
	switch {
	case apierrors.IsNotFound(err):
		return forms[0], nil
	case err != nil:
		return "", err
	case p.nameOf(&other) == name:
		return "", apierrors.NewAlreadyExists(p.groupResource(), forms[1])
	default:
		return forms[0], nil
	}
}

// storesBareNames finds out, once, how Calico stores names of the default tier in this cluster: with the prefix
// "default." before 3.32, without it since. The objects that Calico itself has written show it; where there are none,
// the prefix is the form that every version understands.
func (p Policies) storesBareNames(ctx context.Context) (bool, error) {
	p.client.formsMu.Lock()
	defer p.client.formsMu.Unlock()
	if bare, ok := p.client.bare[p.kind.Resource]; ok {
		return bare, nil
	}
	objects, err := p.list(ctx, false)
	if err != nil && !apierrors.IsForbidden(err) {
		return false, err
	}
	prefixed, bare := 0, 0
	for i := range objects {
		o := &objects[i]
		if tierOr(o.Spec.value.Tier) != defaultTier || o.Annotations[metadataAnnotation] == "" {
			continue
		}
		if p.nameOf(o) == o.Name {
			bare++
		} else {
			prefixed++
		}
	}
	p.client.bare[p.kind.Resource] = bare > 0 && prefixed == 0
	return p.client.bare[p.kind.Resource], nil
}
