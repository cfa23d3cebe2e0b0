package privateingress

import (
	"context"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says whether a private ALB will serve the Ingress, and lets the API
// server check it. An ALB that is not enabled yet may be in this very run.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.ingress()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	f, err := g.fronts(ctx, true)
	if err != nil {
		return nil, err
	}
	var warnings []string
	chosen := choice{}
	if r.Config.Class.IsUnknown() {
		known = false // it is named, but nobody knows the name yet
	} else {
		chosen = f.choose(c.Name, want.class, want.albID)
	}
	for _, of := range []choice{chosen, f.checkALB(c.Name, c.ID, want.albID)} {
		if of.never != nil {
			return warnings, &framework.Refusal{Problems: []framework.Problem{*of.never}}
		}
		if of.notYet != nil {
			warnings = append(warnings, of.notYet.Summary+", and applying fails unless that has changed by then: "+strings.TrimSuffix(of.notYet.Detail, "."))
		}
	}
	if !known {
		return warnings, nil
	}
	want.class = chosen.class
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Owner.Stamp, Held: r.Prior.holds(want), Force: r.Want.Force.ValueBool()}
	more, err := g.ingresses.DryRun(ctx, g.conn, want.object(), in)
	return append(warnings, more...), err
}
