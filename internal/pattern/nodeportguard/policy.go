package nodeportguard

import (
	"cmp"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// sameSpec tells whether two policies do the same. The order of rules counts
// only where they do different things, and a guard's all deny.
func sameSpec(a, b v3.GlobalNetworkPolicySpec) bool {
	return calico.Equal(hostguard.Sorted(a), hostguard.Sorted(b))
}

// readGuard reads what a policy closes. ok is false for a policy that is no
// guard at all: that does not act before DNAT, denies nothing, or selects
// endpoints by something other than their role. What a guard cannot say is
// left out; comparing the guard's own spec with the policy's shows it.
func readGuard(name string, spec v3.GlobalNetworkPolicySpec, bearer bearer) (g guard, ok bool) {
	g = guard{name: name, tier: cmp.Or(spec.Tier, defaultTier), order: spec.Order}
	roles, ok := hostguard.RolesFrom(spec.Selector)
	if !ok || !spec.PreDNAT {
		return guard{}, false
	}
	g.roles = roles
	for _, rule := range hostguard.Sorted(spec).Ingress {
		if rule.Action != v3.Deny || rule.Protocol == nil {
			continue
		}
		protocol := hostguard.ProtocolName(*rule.Protocol)
		set, numeric := hostguard.PortsFrom(rule.Destination.Ports)
		if protocol == "" || !numeric || len(set) == 0 {
			continue
		}
		if !slices.Contains(g.protocols, protocol) {
			g.protocols = append(g.protocols, protocol)
		}
		if g.ports == nil {
			g.ports = set
			g.sources = hostguard.NetworksFrom(rule.Source.NotNets)
			g.destinations, g.exempt = readDestinations(rule, bearer)
		}
	}
	return g, len(g.protocols) > 0
}

// readDestinations tells the addresses of host endpoints from others.
func readDestinations(rule v3.Rule, bearer bearer) (destinations []netip.Prefix, exempt []netip.Addr) {
	for _, network := range hostguard.NetworksFrom(rule.Destination.NotNets) {
		if network.IsSingleIP() && bearer(network.Addr()) != "" {
			exempt = append(exempt, network.Addr())
			continue
		}
		destinations = append(destinations, network)
	}
	return destinations, exempt
}
