package inboundguard

import (
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// sameSpec tells whether two policies do the same. The order of rules counts
// only between those that do different things.
func sameSpec(a, b v3.GlobalNetworkPolicySpec) bool {
	return calico.Equal(hostguard.Sorted(a), hostguard.Sorted(b))
}

// readGuard reads what a policy closes and passes. ok is false for a policy that
// is no inbound guard at all: that does not act before DNAT, closes no protocol
// altogether, or selects endpoints by something other than their role. What a
// guard cannot say is left out; comparing the guard's own spec with the policy's
// shows it. second is the policy before connection tracking, nil for none.
func readGuard(name string, spec v3.GlobalNetworkPolicySpec, second *v3.GlobalNetworkPolicySpec) (g guard, ok bool) {
	roles, ok := hostguard.RolesFrom(spec.Selector)
	if !ok || !spec.PreDNAT || !slices.ContainsFunc(spec.Ingress, hostguard.ClosesAll) {
		return guard{}, false
	}
	g = guard{name: name, roles: roles, order: spec.Order}
	for _, rule := range spec.Ingress {
		t, understood := trafficFrom(rule)
		switch {
		case !understood:
		case rule.Action == v3.Pass:
			g.passes = append(g.passes, t)
		case rule.Action == v3.Log && len(t.ports)+len(t.sources) > 0:
			g.logs = append(g.logs, t)
		}
	}
	g.sources = g.take(traffic.bySource)
	documented := hostguard.NetworksFrom(documentedMonitors())
	g.monitors = g.take(func(t traffic) bool {
		return slices.Equal(t.sources, documented) && t.same(traffic{sources: documented, protocol: numorstring.ProtocolTCP, ports: probed()})
	})
	g.takeManagement()
	if second != nil {
		g.balancers = g.closable(readBalancers(*second))
	}
	return g, true
}

// trafficFrom reads what a rule matches. False where that is nothing that a guard
// can say, and for what would be everything.
func trafficFrom(rule v3.Rule) (traffic, bool) {
	set, numeric := hostguard.PortsFrom(rule.Destination.Ports)
	t := traffic{
		sources:      hostguard.NetworksFrom(rule.Source.Nets),
		destinations: hostguard.NetworksFrom(rule.Destination.Nets),
		ports:        set,
	}
	if rule.Protocol != nil {
		t.protocol = hostguard.ProtocolName(*rule.Protocol)
	}
	foreign := func(n netip.Prefix) bool { return !n.Addr().Is4() || n.Bits() == 0 }
	if !numeric || t.everything() || len(t.ports) > 0 && t.protocol == "" || slices.ContainsFunc(append(slices.Clone(t.sources), t.destinations...), foreign) {
		return traffic{}, false
	}
	return t, calico.Equal(calico.Spec{Ingress: []v3.Rule{bare(rule)}}, calico.Spec{Ingress: []v3.Rule{bare(t.rule(rule.Action))}})
}

// bare leaves out of a rule what does not change what it matches.
func bare(rule v3.Rule) v3.Rule {
	rule.Metadata = nil
	return rule
}

// same tells whether two kinds of traffic are the same.
func (t traffic) same(o traffic) bool {
	return calico.Equal(calico.Spec{Ingress: []v3.Rule{t.rule(v3.Pass)}}, calico.Spec{Ingress: []v3.Rule{o.rule(v3.Pass)}})
}

// take takes the first of the passes that is like this out of them, and gives
// its sources.
func (g *guard) take(like func(traffic) bool) []netip.Prefix {
	n := slices.IndexFunc(g.passes, like)
	if n < 0 {
		return nil
	}
	sources := g.passes[n].sources
	g.passes = slices.Delete(g.passes, n, n+1)
	return sources
}

// takeManagement takes what passes for IBM's management out of the passes, if
// all of it is there.
func (g *guard) takeManagement() {
	rest := slices.Clone(g.passes)
	for _, wanted := range management() {
		n := slices.IndexFunc(rest, wanted.same)
		if n < 0 {
			return
		}
		rest = slices.Delete(rest, n, n+1)
	}
	g.passes, g.management = rest, true
}
