package exposurepolicy

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// NewResource is the resource iks_exposure_policy.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the policy's side of the lifecycle.
type part struct{}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	_, _, problems := config.settings()
	return problems
}

// Observe compares the policy that is there with the one that is declared, and
// counts what it would refuse.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	live, err := g.look(ctx, m.Name.ValueString(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live.policy == nil && live.binding == nil {
		return framework.Observation{Gone: true}, nil
	}
	if m.imported() {
		if err := m.adopt(live); err != nil {
			return framework.Observation{}, err
		}
	}
	want, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	found := framework.Observation{Stamp: g.stamp(live), Drift: g.drift(live, want, owner)}
	if len(found.Drift) == 0 {
		if found.Missing, err = g.notInEffect(ctx, *live.policy, want); err != nil {
			return framework.Observation{}, err
		}
	}
	m.uncounted()
	if len(found.Drift)+len(found.Missing) > 0 && !g.kube.Caching() {
		return found, nil // it is waited for, and counted in the end
	}
	violations, err := g.violations(ctx, want)
	if apierrors.IsForbidden(err) {
		return found, nil
	}
	if err != nil {
		return framework.Observation{}, err
	}
	m.count(violations)
	return found, nil
}

// adopt fills an imported model with what the policy says.
func (m *model) adopt(live pair) error {
	name := m.Name.ValueString()
	if live.policy == nil {
		return framework.Refuse(path.Root("name"), "The policy cannot be imported",
			fmt.Sprintf("There is a ValidatingAdmissionPolicyBinding %s, and no policy of that name.", name))
	}
	s, ok := readSettings(*live.policy, live.binding)
	if !ok {
		return framework.Refuse(path.Root("name"), "The policy is not an exposure policy",
			fmt.Sprintf("ValidatingAdmissionPolicy %s was not made by iks_exposure_policy, or has been rewritten since: its rules, its exemptions or its message cannot be read. Manage it with another resource.", name))
	}
	m.declare(s)
	return nil
}

// read gives the settings of a model that is known as a whole.
func (m *model) read() (settings, error) {
	s, _, problems := m.settings()
	if len(problems) > 0 {
		return settings{}, &framework.Refusal{Problems: problems}
	}
	return s, nil
}

// Remove takes the binding away and then the policy, if they are ours, and
// waits until they are gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	return g.remove(ctx, m.Name.ValueString(), owner)
}

func (g ground) remove(ctx context.Context, name string, owner framework.Owner) (warnings []string, err error) {
	add := func(warning string, err error) error {
		if warning != "" {
			warnings = append(warnings, warning)
		}
		return err
	}
	if err := add(g.bindings.Remove(ctx, g.kube, "", name, owner)); err != nil {
		return warnings, err
	}
	return warnings, add(g.policies.Remove(ctx, g.kube, "", name, owner))
}
