package nodeportguard

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// sameSpec tells whether two policies do the same. The order of rules counts
// only where they do different things, and a guard's all deny.
func sameSpec(a, b v3.GlobalNetworkPolicySpec) bool {
	return calico.Equal(sorted(a), sorted(b))
}

// sorted puts the rules of a policy that only denies into the order in which
// guards are written.
func sorted(spec v3.GlobalNetworkPolicySpec) v3.GlobalNetworkPolicySpec {
	if slices.ContainsFunc(spec.Ingress, func(r v3.Rule) bool { return r.Action != v3.Deny }) {
		return spec
	}
	spec.Ingress = slices.SortedStableFunc(slices.Values(spec.Ingress), func(a, b v3.Rule) int {
		return cmp.Or(cmp.Compare(versionOf(a), versionOf(b)), cmp.Compare(rankOf(a), rankOf(b)), strings.Compare(text(a), text(b)))
	})
	return spec
}

func versionOf(r v3.Rule) int {
	if r.IPVersion == nil {
		return 0
	}
	return *r.IPVersion
}

func rankOf(r v3.Rule) int {
	if r.Protocol == nil {
		return -1
	}
	return slices.Index(protocols(), protocolName(*r.Protocol))
}

// text is a rule as JSON, which is the same for the same rule.
func text(r v3.Rule) string {
	encoded, err := json.Marshal(r)
	if err != nil {
		return err.Error() // no rule is without a form in JSON
	}
	return string(encoded)
}

// protocolName gives the name of a protocol that has ports, "" for others.
func protocolName(p numorstring.Protocol) string {
	number, err := p.NumValue()
	for _, known := range []struct {
		number uint8
		name   string
	}{{6, numorstring.ProtocolTCP}, {17, numorstring.ProtocolUDP}, {132, numorstring.ProtocolSCTP}} {
		if err == nil && number == known.number || err != nil && strings.EqualFold(p.StrVal, known.name) {
			return known.name
		}
	}
	return ""
}

// networksFrom reads networks as they stand in a policy, where bits behind the
// prefix mean nothing. What is no network is left out.
func networksFrom(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			address, err := netip.ParseAddr(s)
			if err != nil || address.Zone() != "" {
				continue
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		out = append(out, network.Masked())
	}
	return networksOf(out)
}

// readGuard reads what a policy closes. ok is false for a policy that is no
// guard at all: that does not act before DNAT, denies nothing, or selects
// endpoints by something other than their role. What a guard cannot say is
// left out; comparing the guard's own spec with the policy's shows it.
func readGuard(name string, spec v3.GlobalNetworkPolicySpec, bearer bearer) (g guard, ok bool) {
	g = guard{name: name, tier: cmp.Or(spec.Tier, defaultTier), order: spec.Order}
	roles, ok := calico.RolesOf(spec.Selector)
	if !ok || !spec.PreDNAT || slices.ContainsFunc(roles, func(role string) bool { return checkRole(role) != nil }) {
		return guard{}, false
	}
	g.roles = rolesOf(roles)
	for _, rule := range sorted(spec).Ingress {
		if rule.Action != v3.Deny || rule.Protocol == nil {
			continue
		}
		protocol := protocolName(*rule.Protocol)
		set, numeric := portsFrom(rule.Destination.Ports)
		if protocol == "" || !numeric || len(set) == 0 {
			continue
		}
		if !slices.Contains(g.protocols, protocol) {
			g.protocols = append(g.protocols, protocol)
		}
		if g.ports == nil {
			g.ports = set
			g.sources = networksFrom(rule.Source.NotNets)
			g.destinations, g.exempt = readDestinations(rule, bearer)
		}
	}
	return g, len(g.protocols) > 0
}

// readDestinations tells the addresses of host endpoints from others.
func readDestinations(rule v3.Rule, bearer bearer) (destinations []netip.Prefix, exempt []netip.Addr) {
	for _, network := range networksFrom(rule.Destination.NotNets) {
		if network.IsSingleIP() && bearer(network.Addr()) != "" {
			exempt = append(exempt, network.Addr())
			continue
		}
		destinations = append(destinations, network)
	}
	return destinations, exempt
}
