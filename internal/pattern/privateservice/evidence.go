package privateservice

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// witnesses are those who know of addresses.
type witnesses struct {
	// subnets are the portable subnets of a classic cluster, or the subnets that
	// a VPC cluster's workers are in.
	subnets func(context.Context, *cluster.Cluster) ([]network, error)
	// balancers are the load balancers of the cluster's VPC.
	balancers func(context.Context, *cluster.Cluster) ([]balancer, error)
	// resolve looks a hostname up.
	resolve func(context.Context, string) ([]netip.Addr, error)
}

// reservedMap is the ConfigMap in which a classic cluster keeps its portable addresses.
const (
	reservedMap = "ibm-cloud-provider-vlan-ip-config"
	reservedKey = "vlanipmap.json"
)

// hear gathers what is known of addresses. It costs one request of each kind
// per cluster and run while a plan is made. What may not be asked for, or does
// not answer, is lacking: without evidence nothing is private.
func (w witnesses) hear(ctx context.Context, c *cluster.Cluster, k *kube.Client, a addresses) (evidence, error) {
	e := evidence{onVPC: c.OnVPC() || len(a.hostnames) > 0, resolved: map[string][]netip.Addr{}}
	lacks := func(what string, err error) {
		if err != nil {
			e.lacking = append(e.lacking, fmt.Sprintf("%s: %v", what, err))
		}
	}
	if a.pending() {
		return e, nil
	}
	var err error
	if !e.onVPC {
		e.portable, err = w.subnets(ctx, c)
		lacks("IKS's portable subnets could not be read", err)
		e.reserved, err = reserved(ctx, k)
		lacks("the cluster's map of portable addresses could not be read", err)
		return e, ctx.Err()
	}
	e.balancers, err = w.balancers(ctx, c)
	lacks("the VPC's load balancers could not be read", err)
	unlisted := slices.DeleteFunc(slices.Clone(a.hostnames), func(hostname string) bool {
		_, listed := e.listed(hostname)
		return listed
	})
	switch {
	case len(a.hostnames) > 0 && len(unlisted) == 0:
		return e, nil
	case err == nil:
		lacks("the VPC", fmt.Errorf("it lists no load balancer with the hostname %s that this identity may see", strings.Join(unlisted, ", ")))
	}
	subnets, err := w.subnets(ctx, c)
	lacks("the VPC's subnets could not be read", err)
	for _, s := range subnets {
		e.subnets = append(e.subnets, s.prefix)
	}
	for _, hostname := range unlisted {
		e.resolved[hostname], err = w.resolve(ctx, hostname)
		lacks("looking up "+hostname, err)
	}
	return e, ctx.Err()
}

// reserved reads the cluster's own map of portable addresses. A cluster that is
// given by cluster_access has no other witness.
func reserved(ctx context.Context, k *kube.Client) (map[netip.Addr]bool, error) {
	only := kube.ListOptions{Namespace: metav1.NamespaceSystem, Fields: "metadata.name=" + reservedMap}
	found, err := kube.CachedGet[corev1.ConfigMap](ctx, k, kube.ConfigMaps, metav1.NamespaceSystem, reservedMap, only)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	out, err := readReserved(found.Data[reservedKey])
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s, key %s: %w", metav1.NamespaceSystem, reservedMap, reservedKey, err)
	}
	return out, nil
}

// subnetsOf are the portable subnets of a classic cluster, or the subnets that
// a VPC cluster's workers are in.
func subnetsOf(ctx context.Context, c *cluster.Cluster) ([]network, error) {
	all, err := c.Subnets(ctx)
	if err != nil {
		return nil, err
	}
	var out []network
	for _, s := range all {
		if s.CIDR.IsValid() {
			out = append(out, network{prefix: s.CIDR, public: s.Public})
		}
	}
	return out, nil
}

// balancersOf are the load balancers of the cluster's region that the identity
// may see.
func balancersOf(ctx context.Context, c *cluster.Cluster) ([]balancer, error) {
	all, err := c.LoadBalancers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]balancer, len(all))
	for i, b := range all {
		out[i] = balancer{hostname: b.Hostname, public: b.Public}
	}
	return out, nil
}
