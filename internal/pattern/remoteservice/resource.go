package remoteservice

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// NewResource is the resource iks_remote_service.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the remote service's side of the lifecycle.
type part struct{}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(ctx context.Context, config *model) []framework.Problem {
	_, _, problems := config.remote(ctx)
	return append(problems, config.choice()...)
}

// Upsets implements framework.Unsteady: the Service has an IP while it leads to
// addresses, and gets another one when it does so again.
func (part) Upsets(prior, want *model) []string {
	if want.Endpoints.IsUnknown() || want.Endpoints.IsNull() != prior.Endpoints.IsNull() {
		return []string{"cluster_ip"}
	}
	return nil
}

// Observe compares the Service and its EndpointSlices with what is declared.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	live, err := g.look(ctx, m.Namespace.ValueString(), m.Name.ValueString(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live.service == nil {
		return framework.Observation{Gone: true}, nil
	}
	if m.imported() {
		if err := m.declare(live, g.services, owner); err != nil {
			return framework.Observation{}, err
		}
	}
	want, err := m.read(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	m.observe(*live.service)
	found := framework.Observation{Stamp: g.services.Stamp(*live.service), Drift: live.drift(want)}
	for _, sentence := range g.services.Drift(*live.service, want.service(), owner) {
		found.Drift = append(found.Drift, "Service: "+sentence)
	}
	for _, f := range want.families() {
		if slice := live.slice(want.name, f); slice != nil {
			for _, sentence := range g.slices.Drift(*slice, want.slice(f, live.service.UID), owner) {
				found.Drift = append(found.Drift, "EndpointSlice "+slice.Name+": "+sentence)
			}
		}
	}
	return found, nil
}

// Remove takes the Service away if it is ours, and then its EndpointSlices, and
// waits until they are gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	namespace, name := m.Namespace.ValueString(), m.Name.ValueString()
	var warnings []string
	warning, err := g.services.Remove(ctx, g.conn, namespace, name, owner)
	if warning != "" {
		warnings = append(warnings, warning)
	}
	for _, f := range families() {
		if err != nil {
			break
		}
		if warning, err = g.slices.Remove(ctx, g.conn, namespace, sliceName(name, f), owner); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings, err
}

// observe writes down what the cluster gave the Service.
func (m *model) observe(live corev1.Service) {
	m.DNSName = framework.StringOrNull(dnsName(live.Namespace, live.Name))
	m.ClusterIP = framework.StringOrNull(live.Spec.ClusterIP)
}
