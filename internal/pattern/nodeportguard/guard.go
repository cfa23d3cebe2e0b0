package nodeportguard

import (
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// Defaults of the attributes.
const (
	defaultName  = "deny-kube-node-port-services"
	defaultPorts = "30000:32767"
	defaultOrder = 1100
	defaultTier  = "default"
)

// guard is what a NodePort guard does, whatever API it is written to.
type guard struct {
	name, tier string
	// roles are the values of the host endpoints' label ibm.role.
	roles []string
	// ports and protocols that are closed.
	ports     hostguard.Ports
	protocols []string
	// sources may connect all the same, and anybody may connect to destinations.
	sources, destinations []netip.Prefix
	// exempt are host endpoints' own addresses that anybody may connect to.
	exempt []netip.Addr
	// order of the policy in its tier; nil evaluates it last.
	order *float64
}

// key is the name that the policy has in Calico, with its tier where it is not
// the default one.
func (g guard) key() string { return calico.PolicyName(g.tier, g.name) }

// place is where the guard stands.
func (g guard) place() hostguard.Place {
	return hostguard.Place{Name: g.key(), Tier: g.tier, Order: g.order, Roles: g.roles}
}

// spec is the policy that does what the guard says: rules that deny, and
// nothing that allows.
func (g guard) spec() v3.GlobalNetworkPolicySpec {
	spec := v3.GlobalNetworkPolicySpec{
		Tier:           g.tier,
		Selector:       calico.RoleSelector(hostguard.Roles(g.roles)...),
		Types:          []v3.PolicyType{v3.PolicyTypeIngress},
		PreDNAT:        true,
		ApplyOnForward: true,
	}
	if g.order != nil {
		order := *g.order
		spec.Order = &order
	}
	sources, destinations := hostguard.Texts(hostguard.Networks(g.sources)), hostguard.Texts(g.open())
	if len(sources) == 0 && len(destinations) == 0 {
		spec.Ingress = g.rules(nil, nil, nil)
		return spec
	}
	// A rule with IPv4 networks and no IP version is left out for IPv6, which
	// would open every port there. So IPv6 has rules of its own.
	four, six := 4, 6
	spec.Ingress = append(g.rules(&four, sources, destinations), g.rules(&six, nil, nil)...)
	return spec
}

// rules denies each protocol on its own, as ports only mean something with one.
func (g guard) rules(ipVersion *int, sources, destinations []string) []v3.Rule {
	var out []v3.Rule
	for _, name := range hostguard.Protocols() {
		if !slices.Contains(g.protocols, name) {
			continue
		}
		protocol := numorstring.ProtocolFromString(name)
		out = append(out, v3.Rule{
			Action:      v3.Deny,
			IPVersion:   ipVersion,
			Protocol:    &protocol,
			Source:      v3.EntityRule{NotNets: sources},
			Destination: v3.EntityRule{NotNets: destinations, Ports: g.ports.Calico()},
		})
	}
	return out
}

// open is everything that anybody may connect to.
func (g guard) open() []netip.Prefix {
	all := slices.Clone(g.destinations)
	for _, address := range g.exempt {
		all = append(all, netip.PrefixFrom(address, address.BitLen()))
	}
	return hostguard.Networks(all)
}

// narrowed leaves out the exemptions of addresses that nobody bears (bearer
// gives "" for them): whoever is given such an address later would be open
// without anybody having said so. It gives them as stale.
func (g guard) narrowed(bearer bearer) (effective guard, stale []netip.Addr) {
	effective = g
	effective.exempt = nil
	for _, address := range addressesOf(g.exempt) {
		if bearer(address) == "" {
			stale = append(stale, address)
			continue
		}
		effective.exempt = append(effective.exempt, address)
	}
	return effective, stale
}
