package nodeportguard

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
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
	if err := g.policies.Ensure(ctx, live, policy); err != nil {
		return err
	}
	if r.Prior == nil || in.Held {
		return nil
	}
	return g.moveFrom(ctx, r.Prior.key(), policy, r)
}

// check refuses, at the last moment, what would do harm or nothing at all.
func (g ground) check(ctx context.Context, c *cluster.Cluster, s scene, want settings, next ownership.Step, warn func(summary, detail string)) error {
	o := objections{warnings: s.notEdge(want.guard.exempt)}
	if s.matching(want.guard) == 0 {
		o.add(s.noEndpoints(want.guard, c.OnVPC()), want.noneIsFine)
	}
	if next != ownership.Keep {
		there, err := g.hasTier(ctx, want.guard.tier, false)
		if err != nil {
			return err
		}
		if !there {
			o.add(noTier(want.guard.tier), false)
		}
		services, err := g.services(ctx, false)
		switch {
		case apierrors.IsForbidden(err) && want.warnOnly:
			o.warnings = append(o.warnings, unseenServices)
		case err != nil:
			return fmt.Errorf("finding out which services the guard would cut off: %w", err)
		}
		o.aboutServices(s, services, want)
	}
	for _, w := range o.warnings {
		warn("The guard of cluster "+c.Name, w)
	}
	return o.refusal()
}

const unseenServices = "The services of the cluster may not be listed with these credentials, so it is not known whether the guard cuts off a load balancer."

func noTier(tier string) framework.Problem {
	return framework.Problem{
		Path: path.Root("tier"), Summary: "The tier does not exist",
		Detail: fmt.Sprintf("The cluster has no Calico tier %q, and a policy in it would not be enforced.", tier),
	}
}

// moveFrom removes the policy under its earlier name, once the new one is
// proven to be there.
func (g ground) moveFrom(ctx context.Context, old string, policy policy, r framework.ApplyRequest[model]) error {
	if err := g.policies.Verify(ctx, policy); err != nil {
		return fmt.Errorf("%s stays: %w", old, err)
	}
	warning, err := g.policies.Remove(ctx, old, policy.OwnsEarlier)
	if err == nil && warning != "" {
		r.Warn("The policy under the earlier name stays", warning)
	}
	return r.Sent(err)
}
