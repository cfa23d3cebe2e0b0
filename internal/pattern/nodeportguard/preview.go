package nodeportguard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

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
	in := ownership.Intent{Owner: r.Owner, Stamp: cmp.Or(r.Owner.Stamp, "planned"), Force: want.force}
	in.Held = r.Prior != nil && r.Prior.key() == key
	effective, stale := want.guard.narrowed(s.bearer)
	policy := effective.policy(in)

	var o hostguard.Objections
	for _, address := range stale {
		o.Warnings = append(o.Warnings, fmt.Sprintf("exempt address %s is no node's and no host endpoint's of one, so it is not exempt (load balancers' addresses go into allowed_destination_cidrs)", address))
	}
	o.Warnings = append(o.Warnings, s.notEdge(want.guard.exempt)...)
	if len(want.guard.roles) > 0 && s.Matching(want.guard.roles) == 0 {
		// Workers of a classic cluster may still come in this run.
		mayCome := !s.VPC && len(s.Endpoints) == 0
		o.Add(s.NoEndpoints(want.guard.roles, onVPC), want.noneIsFine || want.doubt.none || mayCome)
	}
	next := ownership.Create
	if known {
		var foreseen []string
		next, foreseen, err = policy.Foresee(live, want.doubt.force)
		o.Warnings = append(o.Warnings, foreseen...)
		if err != nil {
			return o.Warnings, err
		}
	}
	if next == ownership.Keep {
		return o.Warnings, o.Refusal()
	}
	if err := g.aboutCluster(ctx, &o, s, want, r.Prior == nil); err != nil {
		return o.Warnings, err
	}
	if err := o.Refusal(); err != nil || !known {
		return o.Warnings, err
	}
	return o.Warnings, g.Policies.DryRun(ctx, live, policy, next)
}

// aboutCluster says what the guard closes, and what it does not.
func (g ground) aboutCluster(ctx context.Context, o *hostguard.Objections, s scene, want settings, fresh bool) error {
	if fresh && len(want.guard.ports) > 0 && s.Matching(want.guard.roles) > 0 {
		o.Warnings = append(o.Warnings, fmt.Sprintf("new connections to %s %s are denied at %d host endpoints (%s)", strings.Join(want.guard.protocols, ", "),
			strings.Join(want.guard.ports.Texts(), ", "), s.Matching(want.guard.roles), strings.Join(want.guard.roles, ", ")))
	}
	if open := s.notCovered(want.guard); len(open) > 0 {
		o.Warnings = append(o.Warnings, "not closed, whatever any policy says, are the failsafe ports "+strings.Join(open, ", "))
	}
	if want.guard.tier != "" {
		there, err := g.hasTier(ctx, want.guard.tier, true)
		if err != nil {
			return err
		}
		if !there {
			o.Add(noTier(want.guard.tier), true)
		}
	}
	policies, err := g.Policies.List(ctx, true)
	if err != nil {
		return err
	}
	o.Warn(letInBefore(policies, want)...)
	aboutOrder(o, policies, want)
	services, err := g.Services(ctx, true)
	switch {
	case apierrors.IsForbidden(err):
		o.Warnings = append(o.Warnings, hostguard.UnseenServices+" Applying needs to know.")
	case err != nil:
		return err
	}
	aboutServices(o, s, services, want)
	return nil
}

// letInBefore names the policies that let what the guard means to close past it
// before it gets to see the packet.
func letInBefore(policies []calico.Policy, want settings) []string {
	if want.doubt.place {
		return nil
	}
	return hostguard.LetInBefore(policies, want.guard.place(), "", func(r v3.Rule) bool { return meets(r, want.guard) })
}

// meets tells whether a rule is about ports that the guard closes.
func meets(r v3.Rule, g guard) bool {
	if r.Protocol != nil && !slices.Contains(g.protocols, hostguard.ProtocolName(*r.Protocol)) {
		return false
	}
	set, numeric := hostguard.PortsFrom(r.Destination.Ports)
	if !numeric || len(set) == 0 {
		return true
	}
	return set.Meets(g.ports)
}
