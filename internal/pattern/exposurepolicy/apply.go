package exposurepolicy

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply makes or changes the policy, and then its binding. A policy that gets
// another name is made there, waited for until it is in effect, and then
// removed here, so that there is one at every moment.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read()
	if err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	old := ""
	if r.Prior != nil {
		old = r.Prior.Name.ValueString()
	}
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Stamp, Held: old == want.name, Force: want.force, Sent: r.Sent}
	if err := g.ensure(ctx, want, in); err != nil {
		return err
	}
	if old == "" || in.Held {
		return nil
	}
	if err := g.inEffect(ctx, want, in); err != nil {
		return fmt.Errorf("policy %s stays, because %s does not replace it yet: %w", old, want.name, err)
	}
	owner := r.Owner
	before, err := g.look(ctx, old, false)
	if err != nil {
		return err
	}
	if g.stamp(before) == r.Stamp {
		// Written by this resource when it got its stamp, in an update that failed.
		owner.Stamp, owner.Known = r.Stamp, true
	}
	warnings, err := g.remove(ctx, old, owner)
	if len(warnings) > 0 {
		r.Warn("The policy under the earlier name stays", strings.Join(warnings, "\n"))
	}
	return r.Sent(err)
}

// ensure makes both objects what they should be. The API server writes a
// policy's status whenever its spec changes, which overtakes a replacement:
// such a one is begun anew.
func (g ground) ensure(ctx context.Context, want settings, in ownership.Intent) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return g.ensurePolicy(ctx, want, in) })
	if err != nil {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error { return g.ensureBinding(ctx, want, in) })
}

// ensurePolicy makes the policy, and takes out fields that somebody added:
// those stay when ours are applied.
func (g ground) ensurePolicy(ctx context.Context, want settings, in ownership.Intent) error {
	p, err := g.policies.Ensure(ctx, g.kube, want.policy(), in)
	if err != nil || len(fieldDrift("policy", fields(p.Spec), fields(want.policy().Spec))) == 0 {
		return err
	}
	p.Spec = want.policy().Spec
	_, err = kube.Update(ctx, g.kube, g.policies.Kind, p, kube.WriteOptions{FieldManager: manager})
	return in.Sent(err)
}

// ensureBinding does the same for the binding.
func (g ground) ensureBinding(ctx context.Context, want settings, in ownership.Intent) error {
	b, err := g.bindings.Ensure(ctx, g.kube, want.binding(), in)
	if err != nil || len(bindingDrift(&b, want)) == 0 {
		return err
	}
	b.Spec = want.binding().Spec
	_, err = kube.Update(ctx, g.kube, g.bindings.Kind, b, kube.WriteOptions{FieldManager: manager})
	return in.Sent(err)
}

// inEffect waits until the policy is what it should be, and refuses what it
// should.
func (g ground) inEffect(ctx context.Context, want settings, in ownership.Intent) error {
	owner := in.Owner
	owner.Stamp, owner.Known = in.Stamp, true
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := g.look(ctx, want.name, false)
		if err != nil {
			return false, "", err
		}
		missing := g.drift(live, want, owner)
		if len(missing) == 0 {
			missing, err = g.notInEffect(ctx, *live.policy, want)
		}
		return len(missing) == 0 && err == nil, strings.Join(missing, "; "), err
	})
}
