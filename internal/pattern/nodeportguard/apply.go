package nodeportguard

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
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
	in := intent{owner: r.Owner, stamp: r.Stamp, force: want.force}
	in.guard, _ = want.guard.narrowed(s.bearer)
	in.held = r.Prior != nil && r.Prior.key() == in.guard.key()
	next, err := decide(live, in)
	if err != nil {
		return err
	}
	if err := g.check(ctx, c, s, want, next, r.Warn); err != nil {
		return err
	}
	if err := g.ensure(ctx, live, in, r.Sent); err != nil {
		return err
	}
	if r.Prior == nil || in.held {
		return nil
	}
	return g.moveFrom(ctx, r.Prior.key(), in, r)
}

// check refuses, at the last moment, what would do harm or nothing at all.
func (g ground) check(ctx context.Context, c *cluster.Cluster, s scene, want settings, next step, warn func(summary, detail string)) error {
	o := objections{warnings: s.notEdge(want.guard.exempt)}
	if s.matching(want.guard) == 0 {
		o.add(s.noEndpoints(want.guard, c.OnVPC()), want.noneIsFine)
	}
	if next != keep {
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

// writeAttempts bounds how often a policy is decided about anew because
// somebody else wrote it in between.
const writeAttempts = 10

// ensure makes the policy what it should be. live is what was read of it; when
// that turns out to be old, it is read and decided about again.
func (g ground) ensure(ctx context.Context, live *calico.GlobalNetworkPolicy, in intent, sent func(error) error) error {
	for attempt := 1; ; attempt++ {
		next, err := decide(live, in)
		if err != nil {
			return err
		}
		switch next {
		case keep:
			return nil
		case create:
			_, err = g.policies.Create(ctx, in.policy(nil), false)
		case rewrite, adopt:
			_, err = g.policies.Update(ctx, in.policy(live), false)
		}
		err = sent(err)
		if !overtaken(err) || attempt == writeAttempts {
			return err
		}
		if live, err = g.find(ctx, in.guard.key(), false); err != nil {
			return err
		}
	}
}

// overtaken tells the errors of a write that somebody else was faster with.
func overtaken(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// moveFrom removes the policy under its earlier name, once the new one is
// proven to be there.
func (g ground) moveFrom(ctx context.Context, old string, in intent, r framework.ApplyRequest[model]) error {
	live, err := g.find(ctx, in.guard.key(), false)
	if err != nil {
		return err
	}
	if next, err := decide(live, in); err != nil || next != keep {
		return fmt.Errorf("policy %s is not there as it was written, so %s stays: %w", in.guard.key(), old, errOrChanged(err))
	}
	owns := func(stamp string) bool { return stamp == in.stamp || in.owner.Owns(stamp) }
	warning, err := g.remove(ctx, old, owns)
	if err == nil && warning != "" {
		r.Warn("The policy under the earlier name stays", warning)
	}
	return r.Sent(err)
}

func errOrChanged(err error) error {
	if err == nil {
		return errors.New("somebody else has changed it")
	}
	return err
}

// remove deletes a policy whose stamp is ours and waits until it is gone. One
// that is not ours stays, with a warning.
func (g ground) remove(ctx context.Context, key string, owns func(stamp string) bool) (warning string, err error) {
	err = kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := g.find(ctx, key, false)
		if err != nil || live == nil {
			return live == nil, "", err
		}
		if !owns(stampOf(*live)) {
			warning = fmt.Sprintf("Policy %s is left as it is. %s.", key, stranger(*live))
			return true, "", nil
		}
		if err := g.policies.Delete(ctx, *live, false); err != nil && !apierrors.IsNotFound(err) {
			return false, "", err
		}
		live, err = g.find(ctx, key, false)
		return live == nil && err == nil, "policy " + key + " is still there", err
	})
	return warning, err
}

// stranger says why a policy is not taken for ours.
func stranger(live calico.GlobalNetworkPolicy) string {
	if stampOf(live) == "" {
		return "It does not bear the ownership stamp any more, so somebody else has replaced it"
	}
	return maker(live)
}

// copies warns of other policies with this resource's stamp.
func (g ground) copies(ctx context.Context, key string, owner framework.Owner) []string {
	if owner.Stamp == "" {
		return nil
	}
	all, err := g.policies.List(ctx, false)
	if err != nil {
		return nil // the policy itself is gone, and that was the task
	}
	var warnings []string
	for _, p := range all {
		if p.Name != key && owner.Owns(stampOf(p)) {
			warnings = append(warnings, fmt.Sprintf("Policy %s bears the stamp of the removed resource as well: it is a copy, or an interrupted change of name left it. It is left as it is.", p.Name))
		}
	}
	return warnings
}
