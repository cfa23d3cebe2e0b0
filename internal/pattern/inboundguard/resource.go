package inboundguard

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// NewResource is the resource iks_inbound_guard.
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

// Observe compares the policies that are there with those that are declared.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	imported := m.imported()
	if imported {
		m.locate()
	}
	declared, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	g, err := hostguard.Reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	second := ""
	if imported || len(declared.guard.balancers) > 0 {
		second = declared.guard.ipvsKey()
	}
	s, err := g.Look(ctx, true, declared.guard.key(), second)
	if err != nil {
		return framework.Observation{}, err
	}
	at := cmp.Or(s.Live[0], s.Live[1])
	if at == nil || s.Live[0] == nil && (imported || !owner.Owns(ownership.StampOf(*at))) {
		return framework.Observation{Gone: true}, nil
	}
	if imported {
		if declared, err = m.adopt(s.Live[0], s.Live[1]); err != nil {
			return framework.Observation{}, err
		}
	}
	if second == "" {
		if s.Live[1], err = leftover(ctx, g, declared.guard.ipvsKey()); err != nil {
			return framework.Observation{}, err
		}
	}
	m.observe(s, declared.guard)
	found := framework.Observation{Stamp: ownership.StampOf(*at), Drift: declared.guard.drift(s.Live[0], s.Live[1], owner)}
	if s.Matching(declared.guard.roles) == 0 && !declared.noneIsFine {
		found.Missing = []string{"a host endpoint with the role " + strings.Join(declared.guard.roles, " or ")}
	}
	return found, nil
}

// leftover finds the second policy where none is declared, by the shared list
// alone: that it is missing there is no proof, and none is needed.
func leftover(ctx context.Context, g hostguard.Ground, key string) (*calico.Policy, error) {
	policies, err := g.Policies.List(ctx, true)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	for i := range policies {
		if policies[i].Name == key {
			return &policies[i], nil
		}
	}
	return nil, nil
}

// adopt fills an imported model with what the policies say.
func (m *model) adopt(live, second *calico.Policy) (settings, error) {
	var spec *v3.GlobalNetworkPolicySpec
	if second != nil && second.Spec.DoNotTrack && second.Unreadable == nil {
		spec = &second.Spec
	}
	g, ok := readGuard(m.Name.ValueString(), live.Spec, spec)
	if !ok || live.Unreadable != nil {
		return settings{}, framework.Refuse(path.Root("name"), "The policy is not an inbound guard",
			fmt.Sprintf("Policy %s does not deny a whole protocol before DNAT (preDNAT) on host endpoints that are selected by %s. Manage it with another resource, for example iks_network_policy.", live.Name, calico.RoleLabel))
	}
	m.declare(g)
	return m.read()
}

// Remove takes the policies away that are ours, and waits until they are gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	declared := priorGuard(m)
	g, err := hostguard.Reach(ctx, c)
	if err != nil {
		return nil, err
	}
	names, err := declared.had(ctx, g, owner.Stamp)
	if err != nil {
		return nil, err
	}
	var warnings []string
	for _, name := range names {
		warning, err := g.Policies.Remove(ctx, name, owner.Owns)
		if err != nil {
			return warnings, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return append(warnings, g.Policies.Copies(ctx, declared.key(), owner)...), nil
}
