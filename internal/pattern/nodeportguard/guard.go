package nodeportguard

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// Defaults of the attributes.
const (
	defaultName  = "deny-kube-node-port-services"
	defaultRole  = "worker_public"
	defaultPorts = "30000:32767"
	defaultOrder = 1100
	defaultTier  = "default"
)

// protocols that have ports, in the order in which the rules are written.
func protocols() []string {
	return []string{numorstring.ProtocolTCP, numorstring.ProtocolUDP, numorstring.ProtocolSCTP}
}

// guard is what a NodePort guard does, whatever API it is written to.
type guard struct {
	name, tier string
	// roles are the values of the host endpoints' label ibm.role.
	roles []string
	// ports and protocols that are closed.
	ports     ports
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

// spec is the policy that does what the guard says: rules that deny, and
// nothing that allows.
func (g guard) spec() v3.GlobalNetworkPolicySpec {
	spec := v3.GlobalNetworkPolicySpec{
		Tier:           g.tier,
		Selector:       calico.RoleSelector(rolesOf(g.roles)...),
		Types:          []v3.PolicyType{v3.PolicyTypeIngress},
		PreDNAT:        true,
		ApplyOnForward: true,
	}
	if g.order != nil {
		order := *g.order
		spec.Order = &order
	}
	sources, destinations := texts(networksOf(g.sources)), texts(g.open())
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
	for _, name := range protocols() {
		if !slices.Contains(g.protocols, name) {
			continue
		}
		protocol := numorstring.ProtocolFromString(name)
		out = append(out, v3.Rule{
			Action:      v3.Deny,
			IPVersion:   ipVersion,
			Protocol:    &protocol,
			Source:      v3.EntityRule{NotNets: sources},
			Destination: v3.EntityRule{NotNets: destinations, Ports: g.ports.calico()},
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
	return networksOf(all)
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

// rolesOf gives the roles in the order in which they are written: IBM's own as
// the published policies have them, then others by name.
func rolesOf(roles []string) []string {
	known := []string{"worker_public", "worker_private", "master_public", "master_private"}
	rank := func(role string) int {
		if at := slices.Index(known, role); at >= 0 {
			return at
		}
		return len(known)
	}
	ordered := slices.Clone(roles)
	slices.SortFunc(ordered, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	return slices.Compact(ordered)
}

// checkRole tells whether a role can be the value of a label, which also keeps
// it from being more than a value in a selector.
func checkRole(role string) error {
	letter := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	ok := 0 < len(role) && len(role) <= 63 && letter(role[0]) && letter(role[len(role)-1])
	for i := 0; ok && i < len(role); i++ {
		ok = letter(role[i]) || strings.IndexByte("-_.", role[i]) >= 0
	}
	if !ok {
		return fmt.Errorf("%q cannot be the value of the host endpoints' label %s: it takes 1 to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit", role, calico.RoleLabel)
	}
	return nil
}
