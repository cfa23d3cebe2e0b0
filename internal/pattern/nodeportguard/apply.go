package nodeportguard

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply checks what the guard would do to the cluster as it is now, then makes
// or changes the policy. One that gets another name or tier is made there,
// verified, and removed here, so that there is a guard at every moment.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read()
	if err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	live, s, err := g.look(ctx, want.guard.key(), false)
	if err != nil {
		return err
	}
	if err := g.learn(ctx, s, want.guard.exempt, false); err != nil {
		return err
	}
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Stamp, Force: want.force, Sent: r.Sent}
	effective, _ := want.guard.narrowed(s.bearer)
	in.Held = r.Prior != nil && r.Prior.key() == effective.key()
	policy := effective.policy(in)
	next, err := policy.Decide(live)
	if err != nil {
		return err
	}
	if err := g.check(ctx, c, s, want, next, r.Warn); err != nil {
		return err
	}
	if err := g.Policies.Ensure(ctx, live, policy); err != nil {
		return err
	}
	if r.Prior == nil || in.Held {
		return nil
	}
	return g.moveFrom(ctx, r.Prior.key(), policy, r)
}

// check refuses, at the last moment, what would do harm or nothing at all.
func (g ground) check(ctx context.Context, c *cluster.Cluster, s scene, want settings, next ownership.Step, warn func(summary, detail string)) error {
	o := hostguard.Objections{Warnings: s.notEdge(want.guard.exempt)}
	if s.Matching(want.guard.roles) == 0 {
		o.Add(s.NoEndpoints(want.guard.roles, onVPC), want.noneIsFine)
	}
	if next != ownership.Keep {
		there, err := g.hasTier(ctx, want.guard.tier, false)
		if err != nil {
			return err
		}
		if !there {
			o.Add(noTier(want.guard.tier), false)
		}
		policies, err := g.Policies.List(ctx, false)
		if err != nil {
			return fmt.Errorf("finding out which policies are evaluated before the guard: %w", err)
		}
		aboutOrder(&o, policies, want)
		services, err := g.Services(ctx, false)
		switch {
		case apierrors.IsForbidden(err) && want.warnOnly:
			o.Warnings = append(o.Warnings, hostguard.UnseenServices)
		case err != nil:
			return fmt.Errorf("finding out which services the guard would cut off: %w", err)
		}
		aboutServices(&o, s, services, want)
	}
	for _, w := range o.Warnings {
		warn("The guard of cluster "+c.Name, w)
	}
	return o.Refusal()
}

func noTier(tier string) framework.Problem {
	return framework.Problem{
		Path: path.Root("tier"), Summary: "The tier does not exist",
		Detail: fmt.Sprintf("The cluster has no Calico tier %q, and a policy in it would not be enforced.", tier),
	}
}

// moveFrom removes the policy under its earlier name, once the new one is
// proven to be there.
func (g ground) moveFrom(ctx context.Context, old string, policy policy, r framework.ApplyRequest[model]) error {
	if err := g.Policies.Verify(ctx, policy); err != nil {
		return fmt.Errorf("%s stays: %w", old, err)
	}
	warning, err := g.Policies.Remove(ctx, old, policy.OwnsEarlier)
	if err == nil && warning != "" {
		r.Warn("The policy under the earlier name stays", warning)
	}
	return r.Sent(err)
}
