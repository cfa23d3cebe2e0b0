package privateservice

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says what applying opens and risks, and lets the API server check the
// Service.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	d, known, problems := r.Want.declaration()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	if _, told := c.Facts(); told {
		if err := misplaced(r.Want, d, c.OnVPC()); err != nil {
			return nil, err
		}
	}
	k, err := c.Kube(ctx)
	if err != nil {
		return nil, err
	}
	warnings := announced(r)
	if !c.OnVPC() {
		warnings = append(warnings, exposedPorts(d.ports, failsafe(ctx, k))...)
	}
	if d.externalPolicy == policyLocal && (r.Prior == nil || !r.Want.ExternalPolicy.Equal(r.Prior.ExternalPolicy)) {
		warnings = append(warnings, localOnEdge(ctx, k)...)
	}
	if !known || r.Replaces {
		return warnings, nil
	}
	said, err := services().DryRun(ctx, k, d.service(), ownership.Intent{
		Owner: r.Owner, Stamp: r.Owner.Stamp, Held: r.Prior.holds(d), Force: d.force,
	})
	return append(warnings, said...), err
}

// announced says what a new Service opens, and what becomes of a public one.
func announced(r framework.PreviewRequest[model]) []string {
	switch {
	case r.Prior == nil:
		return []string{r.Want.title() + " is made with a private load balancer; its node ports open on every interface of every worker as well, which iks_nodeport_guard closes on classic clusters"}
	case r.Prior.Exposure.ValueString() == string(isPublic):
		return []string{fmt.Sprintf("%s has a public load balancer (%s): it is taken down and made anew, with another address", r.Prior.title(), addressText(r.Prior))}
	}
	return nil
}

// failsafe gives Calico's failsafe ports, none where Calico does not tell.
func failsafe(ctx context.Context, k *kube.Client) []calico.FailsafePort {
	client, err := calico.Open(ctx, k)
	if err != nil {
		return nil
	}
	ports, err := client.FailsafePorts(ctx, true)
	if err != nil {
		return nil
	}
	return ports
}

// exposedPorts warns of ports that no guard can close, and of those that every guard does.
func exposedPorts(ports []port, failsafe []calico.FailsafePort) []string {
	var out []string
	for _, p := range ports {
		is := func(f calico.FailsafePort) bool { return f.Protocol == string(p.protocol) && int32(f.Port) == p.port }
		if slices.ContainsFunc(failsafe, is) {
			out = append(out, fmt.Sprintf("port %s %d is one of Calico's failsafe ports, which no policy can close", p.protocol, p.port))
		}
		if p.port >= firstNodePort && p.port <= lastNodePort {
			out = append(out, fmt.Sprintf("port %s %d lies in the range of node ports, where iks_nodeport_guard closes the load balancer's own port too", p.protocol, p.port))
		}
	}
	return out
}

// edgeNodes bear this label.
const edgeNodes = "dedicated=edge"

// localOnEdge warns where traffic that stays on its worker arrives at workers
// that are kept free of apps.
func localOnEdge(ctx context.Context, k *kube.Client) []string {
	nodes, err := kube.CachedList[corev1.Node](ctx, k, kube.Nodes, kube.ListOptions{Labels: edgeNodes})
	if err != nil || len(nodes) == 0 {
		return nil
	}
	var names []string
	for _, node := range nodes[:min(len(nodes), 3)] {
		names = append(names, node.Name)
	}
	return []string{fmt.Sprintf("with external_traffic_policy = \"Local\" the app's pods have to run on the edge nodes (%s) and tolerate their taint, or the load balancer leads nowhere", strings.Join(names, ", "))}
}
