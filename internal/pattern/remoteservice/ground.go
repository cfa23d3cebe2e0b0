package remoteservice

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// manager is the field manager that both objects are written under.
const manager = "terraform-provider-iks/remote_service"

// ground is a cluster, as far as remote services need it.
type ground struct {
	conn     *kube.Client
	services ownership.Object[corev1.Service]
	slices   ownership.Object[discoveryv1.EndpointSlice]
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	conn, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	return ground{
		conn:     conn,
		services: ownership.Object[corev1.Service]{Kind: kube.Services, Manager: manager, Path: path.Root("name")},
		slices:   ownership.Object[discoveryv1.EndpointSlice]{Kind: kube.EndpointSlices, Manager: manager, Path: path.Root("endpoints")},
	}, nil
}

// look reads the Service and all EndpointSlices of its name. cached takes them
// from the lists of their namespace, which all remote services share.
func (g ground) look(ctx context.Context, namespace, name string, cached bool) (scene, error) {
	var s scene
	var err error
	if s.service, err = g.services.Find(ctx, g.conn, namespace, name, cached); err != nil {
		return s, err
	}
	var all []discoveryv1.EndpointSlice
	if cached {
		all, err = kube.CachedList(ctx, g.conn, kube.EndpointSlices, kube.ListOptions{Namespace: namespace})
	} else {
		all, err = kube.List(ctx, g.conn, kube.EndpointSlices, kube.ListOptions{Namespace: namespace, Labels: discoveryv1.LabelServiceName + "=" + name})
	}
	switch {
	case apierrors.IsForbidden(err):
		return g.known(ctx, s, namespace, name)
	case err != nil:
		return s, err
	}
	for _, slice := range all {
		if slice.Labels[discoveryv1.LabelServiceName] == name {
			s.slices = append(s.slices, *slice.DeepCopy())
		}
	}
	if !cached {
		return s, nil
	}
	return g.known(ctx, s, namespace, name)
}

// known adds the slices that are written here and that a list did not show: it
// may be forbidden to list, a label may be gone, and what a list lacks is asked for by name.
func (g ground) known(ctx context.Context, s scene, namespace, name string) (scene, error) {
	for _, f := range s.expected() {
		if s.slice(name, f) != nil {
			continue
		}
		slice, err := g.slices.Find(ctx, g.conn, namespace, sliceName(name, f), false)
		if err != nil {
			return s, err
		}
		if slice != nil {
			s.slices = append(s.slices, *slice)
		}
	}
	return s, nil
}

// uid of the Service, "" while it is not there.
func (s scene) uid() types.UID {
	if s.service == nil {
		return ""
	}
	return s.service.UID
}

// expected are the families that the Service itself speaks of.
func (s scene) expected() []corev1.IPFamily {
	if s.service == nil {
		return nil
	}
	return s.service.Spec.IPFamilies
}

// checkSubnets refuses addresses that packets of this cluster never leave it for.
func checkSubnets(c *cluster.Cluster, want remote) error {
	facts, ok := c.Facts()
	if !ok {
		return nil
	}
	return want.within(fmt.Sprintf("cluster %s", c.Name), map[string]string{"pod": facts.PodSubnet, "service": facts.ServiceSubnet})
}
