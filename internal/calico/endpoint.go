package calico

import (
	"context"
	"fmt"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// HostEndpoint is one interface of one machine that policies apply to. Classic clusters have them for every worker,
// VPC clusters have none.
type HostEndpoint struct {
	Name string
	// Node is the name of the Node object.
	Node string
	// Interface is the interface's name, "*" for all, or empty if it is found by its addresses.
	Interface string
	// ExpectedIPs are the interface's addresses.
	ExpectedIPs []string
	Labels      map[string]string
}

// Role is the value of the label ibm.role, for example "worker_public"; empty if it has none.
func (e HostEndpoint) Role() string { return e.Labels[RoleLabel] }

// HostEndpoints gives all host endpoints. Cached allows an answer that other reads share.
func (c *Client) HostEndpoints(ctx context.Context, cached bool) ([]HostEndpoint, error) {
	kind := kindOf[v3.HostEndpointSpec](c.door, "hostendpoints", v3.KindHostEndpoint, false)
	objects, err := listAll(ctx, c, kind, cached)
	if err != nil {
		return nil, err
	}
	endpoints := make([]HostEndpoint, 0, len(objects))
	for i := range objects {
		o := &objects[i]
		if o.Spec.err != nil {
			return nil, fmt.Errorf("HostEndpoint %s cannot be understood: %w", o.Name, o.Spec.err)
		}
		labels, _ := userMetadata(c.door, &o.ObjectMeta)
		endpoints = append(endpoints, HostEndpoint{
			Name: o.Name, Node: o.Spec.value.Node, Interface: o.Spec.value.InterfaceName,
			ExpectedIPs: slices.Clone(o.Spec.value.ExpectedIPs), Labels: labels,
		})
	}
	return endpoints, nil
}

// WithRoles gives the endpoints that a policy for these roles applies to.
func WithRoles(endpoints []HostEndpoint, roles ...string) []HostEndpoint {
	var out []HostEndpoint
	for _, endpoint := range endpoints {
		if role, ok := endpoint.Labels[RoleLabel]; ok && slices.Contains(roles, role) {
			out = append(out, endpoint)
		}
	}
	return out
}

func listAll[S any](ctx context.Context, c *Client, kind kube.Kind[object[S]], cached bool) ([]object[S], error) {
	if cached {
		return kube.CachedList(ctx, c.kube, kind, kube.ListOptions{})
	}
	return kube.List(ctx, c.kube, kind, kube.ListOptions{})
}
