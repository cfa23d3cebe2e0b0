package inboundguard

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says what the guard will close and what speaks against it, and lets
// the API server check the policies.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.settings()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	g, err := hostguard.Reach(ctx, c)
	if err != nil {
		return nil, err
	}
	first, second := "", ""
	if want.guard.name != "" {
		first, second = want.guard.key(), want.guard.ipvsKey()
	}
	s, err := g.Look(ctx, true, first, second)
	if err != nil {
		return nil, err
	}
	var o hostguard.Objections
	if len(want.guard.roles) > 0 && s.Matching(want.guard.roles) == 0 {
		// Workers of a classic cluster may still come in this run.
		mayCome := !s.VPC && len(s.Endpoints) == 0
		o.Add(s.NoEndpoints(want.guard.roles, onVPC), want.noneIsFine || want.doubt.none || mayCome)
	}
	before := priorGuard(r.Prior)
	policies := want.guard.policies(intents(want, before, r.Owner, cmp.Or(r.Owner.Stamp, "planned"), nil))
	steps := make([]ownership.Step, len(policies))
	changes := !known
	for n, policy := range policies {
		if !known {
			break
		}
		next, foreseen, err := policy.Foresee(s.Live[n], want.doubt.force)
		o.Warn(foreseen...)
		if err != nil {
			return o.Warnings, err
		}
		steps[n] = next
		changes = changes || next != ownership.Keep
	}
	if !changes {
		return o.Warnings, o.Refusal()
	}
	if err := aboutCluster(ctx, g, &o, s, want, before); err != nil {
		return o.Warnings, err
	}
	if err := o.Refusal(); err != nil || !known {
		return o.Warnings, err
	}
	return o.Warnings, dryRun(ctx, g, s.Live, policies, steps)
}

func dryRun(ctx context.Context, g hostguard.Ground, live []*calico.Policy, policies []ownership.Policy, steps []ownership.Step) error {
	for n, policy := range policies {
		if err := g.Policies.DryRun(ctx, live[n], policy, steps[n]); err != nil {
			return err
		}
	}
	return nil
}

// aboutCluster says what the guard closes, and what it does not. before is what it
// was so far, nil for a new one.
func aboutCluster(ctx context.Context, g hostguard.Ground, o *hostguard.Objections, s hostguard.Scene, want settings, before *guard) error {
	fresh := before == nil
	if fresh && s.Matching(want.guard.roles) > 0 {
		o.Warn(want.guard.sentence(s.Matching(want.guard.roles)))
	}
	if open := hostguard.Texts(s.FailsafeAmong(closes)); len(open) > 0 {
		o.Warn("not closed, whatever any policy says, are the failsafe ports " + strings.Join(open, ", "))
	}
	aboutWorkers(o, s, want)
	policies, err := g.Policies.List(ctx, true)
	if err != nil {
		return err
	}
	aboutOrder(o, policies, want)
	if !want.doubt.place {
		o.Warn(letInBefore(policies, want.guard, before)...)
	}
	o.Warn(ibmsAreFirst(policies, want.guard)...)
	services, err := g.Services(ctx, true)
	switch {
	case apierrors.IsForbidden(err):
		o.Warn(hostguard.UnseenServices + " Applying needs to know.")
	case err != nil:
		return err
	}
	if names := want.guard.answering(services); fresh && !s.Idle(want.guard.roles) && len(names) > 0 {
		o.Warn("load balancers that answer only to what passes: " + strings.Join(names, ", "))
	}
	aboutServices(o, s, services, want)
	return nil
}

// sentence says what the guard closes and passes.
func (g guard) sentence(endpoints int) string {
	text := fmt.Sprintf("new connections over %s are denied at %d host endpoints (%s)", strings.Join(hostguard.Protocols(), ", "), endpoints, strings.Join(g.roles, ", "))
	if passed := g.passed(); len(passed) > 0 {
		text += ", but for " + strings.Join(trafficTexts(passed), "; ")
	}
	return text
}
