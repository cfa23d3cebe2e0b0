package nodeportguard

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// NewResource is the resource iks_nodeport_guard.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the guard's side of the lifecycle.
type part struct{}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	_, _, problems := config.settings()
	return problems
}

// Observe compares the policy that is there with the one that is declared.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	imported := m.imported()
	if imported {
		m.locate()
	}
	declared, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	live, s, err := g.look(ctx, m.key(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live == nil {
		return framework.Observation{Gone: true}, nil
	}
	if imported {
		if declared, err = g.adopted(ctx, m, *live, s); err != nil {
			return framework.Observation{}, err
		}
	}
	if err := g.learn(ctx, s, declared.guard.exempt, true); err != nil {
		return framework.Observation{}, err
	}
	_, stale := declared.guard.narrowed(s.bearer)
	m.observe(s, declared.guard, stale)
	found := framework.Observation{Stamp: ownership.StampOf(*live), Drift: drift(*live, declared.guard, owner, s.bearer)}
	if s.Matching(declared.guard.roles) == 0 && !declared.noneIsFine {
		found.Missing = []string{"a host endpoint with the role " + strings.Join(declared.guard.roles, " or ")}
	}
	return found, nil
}

// adopted fills an imported model with what the policy says.
func (g ground) adopted(ctx context.Context, m *model, live calico.Policy, s scene) (settings, error) {
	name := m.Name.ValueString()
	bare, ok := readGuard(name, live.Spec, nobody)
	if !ok || live.Unreadable != nil {
		return settings{}, framework.Refuse(path.Root("name"), "The policy is not a NodePort guard",
			fmt.Sprintf("Policy %s does not deny ports before DNAT (preDNAT) on host endpoints that are selected by %s. Manage it with another resource, for example iks_network_policy.", live.Name, calico.RoleLabel))
	}
	var addresses []netip.Addr
	for _, network := range bare.destinations {
		if network.IsSingleIP() {
			addresses = append(addresses, network.Addr())
		}
	}
	if err := g.learn(ctx, s, addresses, true); err != nil {
		return settings{}, err
	}
	guard, _ := readGuard(name, live.Spec, s.bearer)
	m.declare(guard)
	return m.read()
}

// read gives the settings of a model that is known as a whole.
func (m *model) read() (settings, error) {
	s, _, problems := m.settings()
	if len(problems) > 0 {
		return settings{}, &framework.Refusal{Problems: problems}
	}
	return s, nil
}

// Remove takes the policy away if it is ours, and waits until it is gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	warning, err := g.Policies.Remove(ctx, m.key(), owner.Owns)
	if err != nil {
		return nil, err
	}
	warnings := g.Policies.Copies(ctx, m.key(), owner)
	if warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings, nil
}
