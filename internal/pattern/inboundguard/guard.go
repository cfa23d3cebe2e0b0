package inboundguard

import (
	"net/netip"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// Defaults of the attributes.
const (
	defaultName  = "block-public-inbound"
	defaultOrder = 1500
)

// guard is what an inbound guard does, whatever API it is written to.
type guard struct {
	name string
	// roles are the values of the host endpoints' label ibm.role.
	roles []string
	// order of the policy in the default tier; nil evaluates it last.
	order *float64
	// sources are passed whatever they connect to, monitors to the ports that
	// they probe.
	sources, monitors []netip.Prefix
	// management passes what IBM tells the workers of updates through.
	management bool
	// passes are passed as well, and logs are logged unless they are passed.
	passes, logs []traffic
	// balancers are of version 2.0 and closed by a policy of their own.
	balancers []balancer
}

// traffic is some of what arrives; what is left out means any.
type traffic struct {
	sources, destinations []netip.Prefix
	// protocol is TCP, UDP, SCTP or "".
	protocol string
	ports    hostguard.Ports
}

// balancer is a protocol and some ports of a load balancer of version 2.0.
type balancer struct {
	address  netip.Addr
	protocol string
	ports    hostguard.Ports
}

// everything tells whether the traffic is all there is.
func (t traffic) everything() bool {
	return len(t.sources)+len(t.destinations)+len(t.ports) == 0
}

// bySource tells whether the traffic is all that comes from some sources.
func (t traffic) bySource() bool {
	return t.protocol == "" && len(t.sources) > 0 && len(t.destinations) == 0
}

// String names the traffic in words, "TCP 443 from 192.0.2.0/24".
func (t traffic) String() string {
	words := []string{"all protocols"}
	if t.protocol != "" {
		words[0] = t.protocol
	}
	if len(t.ports) > 0 {
		words = append(words, strings.Join(t.ports.Texts(), ", "))
	}
	if len(t.sources) > 0 {
		words = append(words, "from", strings.Join(hostguard.Texts(hostguard.Networks(t.sources)), ", "))
	}
	if len(t.destinations) > 0 {
		words = append(words, "to", strings.Join(hostguard.Texts(hostguard.Networks(t.destinations)), ", "))
	}
	return strings.Join(words, " ")
}

// rule does something with the traffic. One with networks holds for IPv4 alone,
// as all networks are IPv4; Calico leaves it out for IPv6, where nothing passes
// then that is bound to an address.
func (t traffic) rule(action v3.Action) v3.Rule {
	rule := v3.Rule{
		Action: action,
		Source: v3.EntityRule{Nets: hostguard.Texts(hostguard.Networks(t.sources))},
		Destination: v3.EntityRule{
			Nets: hostguard.Texts(hostguard.Networks(t.destinations)),
		},
	}
	if len(t.ports) > 0 {
		rule.Destination.Ports = t.ports.Calico()
	}
	if t.protocol != "" {
		protocol := numorstring.ProtocolFromString(t.protocol)
		rule.Protocol = &protocol
	}
	return rule
}

// passed is all that the guard passes, each kind of it on its own.
func (g guard) passed() []traffic {
	var out []traffic
	if len(g.sources) > 0 {
		out = append(out, traffic{sources: g.sources})
	}
	if len(g.monitors) > 0 {
		out = append(out, traffic{sources: g.monitors, protocol: numorstring.ProtocolTCP, ports: probed()})
	}
	if g.management {
		out = append(out, management()...)
	}
	return append(out, g.passes...)
}

// key is the name that the policy has in Calico.
func (g guard) key() string { return calico.PolicyName("", g.name) }

// spec is the policy before DNAT: what passes, what is logged of the rest, and
// then the denial of each protocol that has ports, for IPv4 and IPv6. It allows
// nothing; other protocols stay with the cluster's other policies.
func (g guard) spec() v3.GlobalNetworkPolicySpec {
	spec := g.policyOf(g.order)
	spec.PreDNAT = true
	for _, t := range g.passed() {
		spec.Ingress = append(spec.Ingress, t.rule(v3.Pass))
	}
	for _, t := range g.logs {
		spec.Ingress = append(spec.Ingress, t.rule(v3.Log))
	}
	for _, protocol := range hostguard.Protocols() {
		spec.Ingress = append(spec.Ingress, traffic{protocol: protocol}.rule(v3.Deny))
	}
	return spec
}

// policyOf is what both policies have in common.
func (g guard) policyOf(order *float64) v3.GlobalNetworkPolicySpec {
	spec := v3.GlobalNetworkPolicySpec{
		Tier:           "default",
		Selector:       calico.RoleSelector(hostguard.Roles(g.roles)...),
		Types:          []v3.PolicyType{v3.PolicyTypeIngress},
		ApplyOnForward: true,
	}
	if order != nil {
		at := *order
		spec.Order = &at
	}
	return spec
}

// closes tells whether the guard means to close a port: all of them.
func closes(protocol string, _ uint16) bool {
	for _, known := range hostguard.Protocols() {
		if protocol == known {
			return true
		}
	}
	return false
}
