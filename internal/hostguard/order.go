package hostguard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Before DNAT, what a policy passes skips the later policies of its tier. So an
// inbound guard, which passes, has to come behind a NodePort guard, which only
// denies: the other way round its sources would find the node ports open.
// Tiers do not matter: what one passes the next one still sees.

// Place is where a policy stands among those that are evaluated before DNAT.
type Place struct {
	// Name as calico.PolicyName gives it.
	Name string
	// Tier is "" for the default one.
	Tier string
	// Order is nil for a policy that is evaluated last.
	Order *float64
	// Roles of the host endpoints that it holds for.
	Roles []string
}

// before tells whether a packet meets p before q, in the same tier and at the
// same host endpoint.
func (p Place) before(q Place) bool {
	meets := slices.ContainsFunc(p.Roles, func(role string) bool { return slices.Contains(q.Roles, role) })
	return meets && cmp.Or(p.Tier, "default") == cmp.Or(q.Tier, "default") && p.compare(q) < 0
}

func (p Place) compare(q Place) int {
	switch {
	case p.Order == nil && q.Order == nil, p.Order != nil && q.Order != nil && *p.Order == *q.Order:
		return strings.Compare(p.Name, q.Name)
	case p.Order == nil:
		return 1
	case q.Order == nil:
		return -1
	}
	return cmp.Compare(*p.Order, *q.Order)
}

// placeOf gives the place of a policy that acts before DNAT on host endpoints by
// their role.
func placeOf(p calico.Policy) (Place, bool) {
	roles, ok := RolesFrom(p.Spec.Selector)
	return Place{Name: p.Name, Tier: p.Spec.Tier, Order: p.Spec.Order, Roles: roles}, ok && p.Spec.PreDNAT && p.Unreadable == nil
}

// ClosesAll tells whether a rule denies a protocol that has ports, or all
// protocols, from everywhere and to everywhere.
func ClosesAll(r v3.Rule) bool {
	bare := r
	bare.Action, bare.Protocol, bare.Metadata = "", nil, nil
	return r.Action == v3.Deny && (r.Protocol == nil || ProtocolName(*r.Protocol) != "") &&
		calico.Equal(calico.Spec{Ingress: []v3.Rule{bare}}, calico.Spec{Ingress: []v3.Rule{{}}})
}

// closesPorts tells whether a rule denies some ports.
func closesPorts(r v3.Rule) bool { return r.Action == v3.Deny && len(r.Destination.Ports) > 0 }

// BeforeNodePorts refuses a NodePort guard that is evaluated behind an inbound
// guard which is there and passes something.
func BeforeNodePorts(policies []calico.Policy, nodePorts Place) []framework.Problem {
	return misplaced(policies, nodePorts, func(p calico.Policy, other Place) bool {
		passes := slices.ContainsFunc(p.Spec.Ingress, func(r v3.Rule) bool { return r.Action == v3.Pass })
		return other.before(nodePorts) && passes && slices.ContainsFunc(p.Spec.Ingress, ClosesAll)
	}, func(other string, order *float64) string {
		return fmt.Sprintf("Inbound guard %s (order %s) would be evaluated before this NodePort guard (order %s), and what it passes skips the later policies of its tier before DNAT: to those sources the node ports would be open. Give this guard a lower order than the inbound guard, as the defaults 1100 and 1500 are.",
			other, OrderText(order), OrderText(nodePorts.Order))
	})
}

// BehindInbound refuses an inbound guard that is evaluated before a NodePort
// guard which is there, or before another policy that does nothing but deny ports.
func BehindInbound(policies []calico.Policy, inbound Place) []framework.Problem {
	return misplaced(policies, inbound, func(p calico.Policy, other Place) bool {
		return inbound.before(other) && len(p.Spec.Ingress) > 0 && !slices.ContainsFunc(p.Spec.Ingress, func(r v3.Rule) bool { return !closesPorts(r) })
	}, func(other string, order *float64) string {
		return fmt.Sprintf("This inbound guard (order %s) would be evaluated before policy %s (order %s), which denies ports as a NodePort guard does, and what it passes skips the later policies of its tier before DNAT: to those sources these ports would be open. Give this guard a higher order than that policy, as 1500 and a NodePort guard's 1100 are, which are the defaults.",
			OrderText(inbound.Order), other, OrderText(order))
	})
}

func misplaced(policies []calico.Policy, self Place, wrong func(calico.Policy, Place) bool, say func(other string, order *float64) string) []framework.Problem {
	var out []framework.Problem
	for _, p := range policies {
		other, acts := placeOf(p)
		if acts && p.Name != self.Name && wrong(p, other) {
			out = append(out, framework.Problem{Path: path.Root("order"), Summary: "The guards are in the wrong order", Detail: say(p.Name, other.Order)})
		}
	}
	return out
}

// LetInBefore names the policies that let what a guard means to close past it,
// before it gets to see the packet: before DNAT an Allow is final, and a Pass skips
// the rest of its tier. second is the name of another policy of the guard's own, ""
// for none.
func LetInBefore(policies []calico.Policy, guard Place, second string, meets func(v3.Rule) bool) []string {
	var out []string
	for _, p := range policies {
		spec := p.Spec
		if p.Name == guard.Name || p.Name == second || !spec.PreDNAT && !spec.DoNotTrack || calico.IsIBMs(p.Name) {
			continue
		}
		roles, byRole := calico.RolesOf(spec.Selector)
		if byRole && !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(guard.Roles, role) }) {
			continue
		}
		before := spec.DoNotTrack || guard.Order == nil && spec.Order != nil || guard.Order != nil && spec.Order != nil && *spec.Order <= *guard.Order
		skips := spec.PreDNAT && cmp.Or(spec.Tier, "default") == cmp.Or(guard.Tier, "default")
		past := func(r v3.Rule) bool { return (r.Action == v3.Allow || r.Action == v3.Pass && skips) && meets(r) }
		if before && slices.ContainsFunc(spec.Ingress, past) {
			out = append(out, fmt.Sprintf("policy %s (order %s) is evaluated first and lets in part of what the guard denies", p.Name, OrderText(spec.Order)))
		}
	}
	slices.Sort(out)
	return out
}
