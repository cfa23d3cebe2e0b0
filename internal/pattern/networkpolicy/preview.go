package networkpolicy

import (
	"cmp"
	"context"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says whose policy stands there already, and lets the API server check
// the new one.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.declared()
	var refused []framework.Problem
	for _, p := range problems {
		if !p.Warning { // those are shown by Check
			refused = append(refused, p)
		}
	}
	if len(refused) > 0 {
		return nil, &framework.Refusal{Problems: refused}
	}
	if !known {
		return nil, nil
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	policies := g.policies(want.namespace)
	live, err := policies.Find(ctx, want.key, true)
	if err != nil {
		return nil, err
	}
	policy := want.policy(ownership.Intent{
		Owner: r.Owner, Stamp: cmp.Or(r.Owner.Stamp, "planned"), Force: want.force, Held: r.Want.stands(r.Prior),
	})
	next, warnings, err := policy.Foresee(live, r.Want.Force.IsUnknown())
	if err != nil || next == ownership.Keep {
		return warnings, err
	}
	if host := want.spec.ApplyOnForward || want.spec.PreDNAT || want.spec.DoNotTrack; host && c.OnVPC() {
		warnings = append(warnings, "workers of VPC clusters have no host endpoints, so policy "+want.title()+" holds for nothing there: use security groups")
	}
	if err := g.checkTier(ctx, want, true); err != nil {
		if refusal, ok := framework.AsRefusal(err); ok && refusal.Problems[0].Summary == noTier {
			// It may still come in this run.
			return append(warnings, refusal.Lines()...), nil
		}
		return warnings, err
	}
	return warnings, policies.DryRun(ctx, live, policy, next)
}
