package remoteservice

import (
	"context"
	"net/netip"
	"slices"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says what speaks against the remote service, and lets the API server
// check it.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.remote(ctx)
	if problems = append(problems, r.Want.choice()...); len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	if err := checkSubnets(c, want); err != nil {
		return nil, err
	}
	var before []netip.Addr
	if r.Prior != nil {
		if prior, err := r.Prior.read(ctx); err == nil {
			before = prior.addresses
		}
	}
	warnings := want.publicWarnings(before)
	if !known {
		return warnings, nil
	}
	g, err := reach(ctx, c)
	if err != nil {
		return warnings, err
	}
	live, err := g.look(ctx, want.namespace, want.name, true)
	if err != nil {
		return warnings, err
	}
	force := r.Want.Force.ValueBool()
	if _, strangers := live.additions(want.name); want.hostname == "" && !force {
		if err := refuseStrangers(strangers); err != nil {
			return warnings, err
		}
	}
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Owner.Stamp, Held: r.Prior.holds(want), Force: force}
	if err := g.refuseUnlike(live.service, in); err != nil {
		return warnings, err
	}
	more, err := g.dryRun(ctx, live, want, in)
	return append(warnings, more...), err
}

// dryRun asks the API server whether it would take the objects.
func (g ground) dryRun(ctx context.Context, live scene, want remote, in ownership.Intent) ([]string, error) {
	warnings, err := g.services.DryRun(ctx, g.conn, want.service(), in)
	if err != nil || live.service == nil && len(warnings) > 0 {
		return warnings, err // the slices would say it once more
	}
	for _, f := range want.families() {
		of := in
		of.Held = in.Held && live.slice(want.name, f) != nil
		more, err := g.slices.DryRun(ctx, g.conn, want.slice(f, live.uid()), of)
		if err != nil {
			return warnings, err
		}
		warnings = append(warnings, more...)
	}
	return slices.Compact(warnings), nil
}
