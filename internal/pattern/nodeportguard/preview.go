package nodeportguard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// dryRunDeadline bounds the dry run, so that a slow webhook does not hold up a plan.
const dryRunDeadline = 5 * time.Second

// Preview says what the guard will close and what speaks against it, and lets
// the API server check the policy.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.settings()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	key := ""
	if want.guard.name != "" && want.guard.tier != "" {
		key = want.guard.key()
	}
	live, s, err := g.look(ctx, key, true)
	if err != nil {
		return nil, err
	}
	if err := g.learn(ctx, s, want.guard.exempt, true); err != nil {
		return nil, err
	}
	in := intent{owner: r.Owner, stamp: r.Owner.Stamp, force: want.force}
	if in.stamp == "" {
		in.stamp = "planned"
	}
	in.held = r.Prior != nil && r.Prior.key() == key
	effective, stale := want.guard.narrowed(s.bearer)
	in.guard = effective

	var o objections
	for _, address := range stale {
		o.warnings = append(o.warnings, fmt.Sprintf("exempt address %s is no node's and no host endpoint's of one, so it is not exempt (load balancers' addresses go into allowed_destination_cidrs)", address))
	}
	o.warnings = append(o.warnings, s.notEdge(want.guard.exempt)...)
	if len(want.guard.roles) > 0 && s.matching(want.guard) == 0 {
		// Workers of a classic cluster may still come in this run.
		mayCome := !c.OnVPC() && len(s.endpoints) == 0
		o.add(s.noEndpoints(want.guard, c.OnVPC()), want.noneIsFine || want.doubt.none || mayCome)
	}
	next := create
	if known {
		if next, err = o.aboutOwner(live, in, want.doubt); err != nil {
			return o.warnings, err
		}
	}
	if next == keep {
		return o.warnings, o.refusal()
	}
	if err := g.aboutCluster(ctx, &o, s, want, r.Prior == nil); err != nil {
		return o.warnings, err
	}
	if err := o.refusal(); err != nil || !known {
		return o.warnings, err
	}
	return o.warnings, g.dryRun(ctx, live, in, next)
}

// aboutOwner decides what becomes of a policy that is there. One that bears
// another resource's stamp may be removed in this very run, before this one is
// made, so it is only warned of.
func (o *objections) aboutOwner(live *calico.GlobalNetworkPolicy, in intent, doubt doubt) (step, error) {
	next, err := decide(live, in)
	mayPass := func() bool { return doubt.force || !in.held && stampOf(*live) != "" }
	if refusal, ok := framework.AsRefusal(err); ok && !calico.IsIBMs(live.Name) && mayPass() {
		for _, p := range refusal.Problems {
			o.add(p, true)
		}
		return keep, nil
	}
	switch {
	case err != nil:
		return keep, err
	case next == adopt:
		o.warnings = append(o.warnings, fmt.Sprintf("policy %s is there already and does the same; it is taken over", live.Name))
	case next == rewrite && !in.owns(*live):
		o.warnings = append(o.warnings, fmt.Sprintf("policy %s is there already and is overwritten: %s. %s", live.Name,
			strings.Join(specDrift(*live, in.guard, in.guard, nobody), "; "), maker(*live)))
	}
	return next, nil
}

// aboutCluster says what the guard closes, and what it does not.
func (g ground) aboutCluster(ctx context.Context, o *objections, s scene, want settings, fresh bool) error {
	if fresh && len(want.guard.ports) > 0 && s.matching(want.guard) > 0 {
		o.warnings = append(o.warnings, fmt.Sprintf("new connections to %s %s are denied at %d host endpoints (%s)", strings.Join(want.guard.protocols, ", "),
			strings.Join(want.guard.ports.texts(), ", "), s.matching(want.guard), strings.Join(want.guard.roles, ", ")))
	}
	if open := s.notCovered(want.guard); len(open) > 0 {
		o.warnings = append(o.warnings, "not closed, whatever any policy says, are the failsafe ports "+strings.Join(open, ", "))
	}
	if want.guard.tier != "" {
		there, err := g.hasTier(ctx, want.guard.tier, true)
		if err != nil {
			return err
		}
		if !there {
			o.add(noTier(want.guard.tier), true)
		}
	}
	policies, err := g.policies.List(ctx, true)
	if err != nil {
		return err
	}
	o.warnings = append(o.warnings, letInBefore(policies, want.guard)...)
	services, err := g.services(ctx, true)
	switch {
	case apierrors.IsForbidden(err):
		o.warnings = append(o.warnings, unseenServices+" Applying needs to know.")
	case err != nil:
		return err
	}
	o.aboutServices(s, services, want)
	return nil
}

// letInBefore names the policies that allow what the guard means to close
// before it gets to see the packet: before DNAT an Allow is final.
func letInBefore(policies []calico.GlobalNetworkPolicy, g guard) []string {
	var out []string
	for _, p := range policies {
		spec := p.Spec
		if p.Name == g.key() || !spec.PreDNAT && !spec.DoNotTrack || calico.IsIBMs(p.Name) {
			continue
		}
		roles, byRole := calico.RolesOf(spec.Selector)
		if byRole && !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(g.roles, role) }) {
			continue
		}
		before := spec.DoNotTrack || g.order == nil && spec.Order != nil || g.order != nil && spec.Order != nil && *spec.Order <= *g.order
		if before && slices.ContainsFunc(spec.Ingress, func(r v3.Rule) bool { return allows(r, g) }) {
			out = append(out, fmt.Sprintf("policy %s (order %s) is evaluated first and lets in part of what the guard denies", p.Name, orderText(spec.Order)))
		}
	}
	slices.Sort(out)
	return out
}

func allows(r v3.Rule, g guard) bool {
	if r.Action != v3.Allow || r.Protocol != nil && !slices.Contains(g.protocols, protocolName(*r.Protocol)) {
		return false
	}
	set, numeric := portsFrom(r.Destination.Ports)
	if !numeric || len(set) == 0 {
		return true
	}
	return slices.ContainsFunc(set, func(a portRange) bool {
		return slices.ContainsFunc(g.ports, func(b portRange) bool { return a.first <= b.last && b.first <= a.last })
	})
}

// dryRun lets the API server check the policy without storing it.
func (g ground) dryRun(ctx context.Context, live *calico.GlobalNetworkPolicy, in intent, next step) error {
	ctx, cancel := context.WithTimeout(ctx, dryRunDeadline)
	defer cancel()
	var err error
	if next == create {
		_, err = g.policies.Create(ctx, in.policy(nil), true)
	} else {
		_, err = g.policies.Update(ctx, in.policy(live), true)
	}
	return err
}
