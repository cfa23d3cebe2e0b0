package inboundguard

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply checks what the guard would do to the cluster as it is now, then makes
// or changes the policies. Those that get another name are made there, verified,
// and removed here, so that there is a guard at every moment.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read()
	if err != nil {
		return err
	}
	g, err := hostguard.Reach(ctx, c)
	if err != nil {
		return err
	}
	s, err := g.Look(ctx, false, want.guard.key(), want.guard.ipvsKey())
	if err != nil {
		return err
	}
	before := priorGuard(r.Prior)
	policies := want.guard.policies(intents(want, before, r.Owner, r.Stamp, r.Sent))
	changes, err := decide(s, policies)
	if err != nil {
		return err
	}
	if err := check(ctx, g, c, s, want, changes, r.Warn); err != nil {
		return err
	}
	for n, policy := range policies {
		if err := g.Policies.Ensure(ctx, s.Live[n], policy); err != nil {
			return err
		}
	}
	return tidy(ctx, g, before, policies, r)
}

// priorGuard is the guard of a state, nil for none or for one that says nothing.
func priorGuard(prior *model) *guard {
	if prior == nil {
		return nil
	}
	before, _, _ := prior.settings()
	return &before.guard
}

// intents are what the resource wants with its two policies.
func intents(want settings, before *guard, owner framework.Owner, stamp string, sent func(error) error) (first, second ownership.Intent) {
	first = ownership.Intent{Owner: owner, Stamp: stamp, Force: want.force, Sent: sent}
	first.Held = before != nil && before.key() == want.guard.key()
	second = first
	second.Held = first.Held && len(before.balancers) > 0
	return first, second
}

// decide tells whether anything must be written, or refuses before anything is.
func decide(s hostguard.Scene, policies []ownership.Policy) (changes bool, err error) {
	for n, policy := range policies {
		next, err := policy.Decide(s.Live[n])
		if err != nil {
			return false, err
		}
		changes = changes || next != ownership.Keep
	}
	return changes, nil
}

// check refuses, at the last moment, what would do harm or nothing at all.
func check(ctx context.Context, g hostguard.Ground, c *cluster.Cluster, s hostguard.Scene, want settings, changes bool, warn func(summary, detail string)) error {
	var o hostguard.Objections
	if s.Matching(want.guard.roles) == 0 {
		o.Add(s.NoEndpoints(want.guard.roles, onVPC), want.noneIsFine)
	}
	if changes {
		aboutWorkers(&o, s, want)
		others, err := g.Policies.List(ctx, false)
		if err != nil {
			return fmt.Errorf("finding out which policies are evaluated behind the guard: %w", err)
		}
		aboutOrder(&o, others, want)
		services, err := g.Services(ctx, false)
		switch {
		case apierrors.IsForbidden(err) && want.warnOnly:
			o.Warn(hostguard.UnseenServices)
		case err != nil:
			return fmt.Errorf("finding out which services the guard cannot close: %w", err)
		}
		aboutServices(&o, s, services, want)
	}
	for _, w := range o.Warnings {
		warn("The guard of cluster "+c.Name, w)
	}
	return o.Refusal()
}

// tidy removes the policies that the resource had and does not want any more:
// under an earlier name, once the new ones are proven to be there, and the one
// for load balancers of version 2.0.
func tidy(ctx context.Context, g hostguard.Ground, before *guard, policies []ownership.Policy, r framework.ApplyRequest[model]) error {
	if before == nil {
		return nil
	}
	wanted := map[string]bool{}
	for _, policy := range policies {
		wanted[policy.Name] = true
	}
	had, err := before.had(ctx, g, r.Stamp)
	if err != nil {
		return err
	}
	for _, old := range had {
		if wanted[old] {
			continue
		}
		for _, policy := range policies {
			if err := g.Policies.Verify(ctx, policy); err != nil {
				return fmt.Errorf("%s stays: %w", old, err)
			}
		}
		warning, err := g.Policies.Remove(ctx, old, policies[0].OwnsEarlier)
		if err == nil && warning != "" {
			r.Warn("A policy that is not wanted any more stays", warning)
		}
		if r.Sent(err) != nil {
			return err
		}
	}
	return nil
}

// had names the policies of a guard that was declared. The second one is among
// them also where no load balancer was listed but it is there and bears the stamp:
// an apply that listed some, and was killed before it was saved, has left it.
func (g guard) had(ctx context.Context, on hostguard.Ground, stamp string) ([]string, error) {
	names := []string{g.key()}
	if len(g.balancers) > 0 {
		return append(names, g.ipvsKey()), nil
	}
	left, err := on.Policies.Find(ctx, g.ipvsKey(), false)
	if err == nil && leftBehind(left, stamp) {
		names = append(names, g.ipvsKey())
	}
	return names, err
}
