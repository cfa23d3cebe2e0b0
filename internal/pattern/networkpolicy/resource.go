package networkpolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// NewResource is the resource iks_network_policy.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the policy's side of the lifecycle.
type part struct{}

// importKey reads what stands behind the cluster: [namespace/]name, or both one
// after the other.
func importKey(parts []string) (map[string]string, error) {
	all := strings.Split(strings.Join(parts, "/"), "/")
	switch {
	case len(parts) > 2 || len(all) > 2 || all[0] == "" || all[len(all)-1] == "":
		return nil, fmt.Errorf("%q does not name a policy, the form is \"cluster,name\" or \"cluster,namespace/name\"", strings.Join(parts, ","))
	case len(all) == 1:
		return map[string]string{"name": all[0]}, nil
	}
	return map[string]string{"namespace": all[0], "name": all[1]}, nil
}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	_, _, problems := config.declared()
	return problems
}

// Observe compares the policy that is there with the one that is declared.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	imported := m.imported()
	if imported {
		m.locate()
	}
	live, err := g.policies(m.Namespace.ValueString()).Find(ctx, m.key(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live == nil {
		return framework.Observation{Gone: true}, nil
	}
	if imported {
		if err := g.adopt(ctx, m, *live); err != nil {
			return framework.Observation{}, err
		}
	}
	d, _, _ := m.declared()
	m.API = types.StringValue(g.calico.API())
	drift := append(live.Drift(d.spec), ownership.MarkDrift(owner, live.Labels, live.Annotations)...)
	for i, s := range drift {
		drift[i] = "policy " + d.title() + ": " + s
	}
	return framework.Observation{Stamp: ownership.StampOf(*live), Drift: drift}, nil
}

// adopt fills an imported model. What a policy drops that is there already
// counts as known, as a configuration has to say so too.
func (g ground) adopt(ctx context.Context, m *model, live calico.Policy) error {
	if err := m.adopt(live); err != nil {
		return err
	}
	d, _, problems := m.declared()
	err := g.checkTier(ctx, d, true)
	_, refused := framework.AsRefusal(err)
	if err != nil && !refused {
		return err
	}
	if refused || slices.ContainsFunc(problems, func(p framework.Problem) bool { return !p.Warning }) {
		m.Acknowledge = types.SetValueMust(types.StringType, []attr.Value{types.StringValue(endOfTierDrop)})
	}
	return nil
}

// adopt fills an imported model with what a policy says, if these attributes
// can say it.
func (m *model) adopt(live calico.Policy) error {
	if ownership.IBMs(&live) {
		return framework.Refuse(path.Root("name"), "The policy is IBM's", fmt.Sprintf("%s is one of the policies that IBM makes and keeps; it is never touched.", live.Name))
	}
	m.declare(live.Spec)
	d, _, _ := m.declared()
	if rest := live.Drift(d.spec); len(rest) > 0 {
		return framework.Refuse(path.Root("name"), "The policy says more than iks_network_policy can",
			fmt.Sprintf("Policy %s cannot be imported: %s. Change it, or keep managing it as it is managed now.", d.title(), strings.Join(rest[:min(len(rest), 5)], "; ")))
	}
	return nil
}

// Remove takes the policy away if it is ours, and waits until it is gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	policies := g.policies(m.Namespace.ValueString())
	warning, err := policies.Remove(ctx, m.key(), owner.Owns)
	if err != nil {
		return nil, err
	}
	warnings := policies.Copies(ctx, m.key(), owner)
	if warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings, nil
}
