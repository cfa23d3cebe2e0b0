package isolation

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Protocols that rules name, by name or by number.
const (
	tcp  = numorstring.ProtocolTCP
	udp  = numorstring.ProtocolUDP
	icmp = numorstring.ProtocolICMP

	esp  = 50  // IPsec's own
	vrrp = 112 // moves the addresses of load balancers between workers
)

// Addresses within a cluster of IKS.
const (
	// localProxy is where workers and pods find the master's local proxy.
	localProxy = "172.20.0.0/24"
	// oldMaster is the API server's address within clusters of long ago.
	oldMaster = "10.10.10.1/32"
)

// masterPorts are those that API servers and konnectivity have at IKS's service
// endpoints; from 1.36 on it is 443.
func masterPorts() numorstring.Port { return span(20000, 32767) }

func port(n uint16) numorstring.Port { return numorstring.SinglePort(n) }

func span(first, last uint16) numorstring.Port {
	return numorstring.Port{MinPort: first, MaxPort: last}
}

func ports(numbers ...uint16) []numorstring.Port {
	out := make([]numorstring.Port, 0, len(numbers))
	for _, n := range numbers {
		out = append(out, port(n))
	}
	return out
}

// private are the networks that nobody routes on the internet (RFC 1918).
func private() []string { return []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} }

// notPublic are all that the public network does not lead to: private networks,
// and IBM Cloud's services on the private one.
func notPublic() []string { return append(private(), "161.26.0.0/16", "166.8.0.0/14") }

func named(protocol string) *numorstring.Protocol {
	p := numorstring.ProtocolFromString(protocol)
	return &p
}

func numbered(protocol uint8) *numorstring.Protocol {
	p := numorstring.ProtocolFromInt(protocol)
	return &p
}

// allow lets in or out what a protocol (nil for any) carries to a destination.
func allow(protocol *numorstring.Protocol, to v3.EntityRule) v3.Rule {
	return v3.Rule{Action: v3.Allow, Protocol: protocol, Destination: to}
}

// from lets in what comes from a source.
func from(source v3.EntityRule) v3.Rule { return v3.Rule{Action: v3.Allow, Source: source} }

// both allows the same over UDP and TCP, as a rule has one protocol.
func both(to v3.EntityRule) []v3.Rule { return []v3.Rule{allow(named(udp), to), allow(named(tcp), to)} }

// rules joins lists of rules, in their order.
func rules(lists ...[]v3.Rule) []v3.Rule {
	var out []v3.Rule
	for _, list := range lists {
		out = append(out, list...)
	}
	return out
}
