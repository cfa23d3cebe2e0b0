package inboundguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// Load balancers of version 2.0 hand packets on by IPVS, without connection
// tracking, and IBM's controller admits all of them before it, by the policy
// allow-lb-<ID> of order 1100. So what closes them stands there too, and before
// that: a denial of their own addresses and ports for all sources but those that
// may come in. Sources are left out of it rather than passed: to pass would skip
// IBM's policy as well, and the load balancer would not answer at all.
const (
	ipvsSuffix = "-ipvs"
	ipvsOrder  = 1000
)

// ipvsKey is the name of the second policy.
func (g guard) ipvsKey() string { return g.key() + ipvsSuffix }

// ipvsSpec is the policy before connection tracking. It names addresses and
// ports of load balancers and nothing else: the replies to what the workers send
// out come by it as well.
func (g guard) ipvsSpec() v3.GlobalNetworkPolicySpec {
	order := float64(ipvsOrder)
	spec := g.policyOf(&order)
	spec.DoNotTrack = true
	for _, b := range g.balancers {
		for _, part := range g.parts(b) {
			protocol := numorstring.ProtocolFromString(b.protocol)
			spec.Ingress = append(spec.Ingress, v3.Rule{
				Action: v3.Deny, Protocol: &protocol,
				Source:      v3.EntityRule{NotNets: hostguard.Texts(part.sources)},
				Destination: v3.EntityRule{Nets: []string{netip.PrefixFrom(b.address, b.address.BitLen()).String()}, Ports: part.ports.Calico()},
			})
		}
	}
	return spec
}

// parts divides the ports of a load balancer by the sources that may come in at
// them. Ports that everybody may come in at are left out.
func (g guard) parts(b balancer) []traffic {
	var out []traffic
	at := map[string]int{}
	for _, piece := range g.pieces(b) {
		sources, anybody := g.admitted(b, piece.First)
		if anybody {
			continue
		}
		key := fmt.Sprint(sources)
		n, there := at[key]
		if !there {
			n, at[key] = len(out), len(out)
			out = append(out, traffic{sources: sources})
		}
		out[n].ports = hostguard.PortsOf(append(out[n].ports, piece))
	}
	return out
}

// pieces cuts the ports of a load balancer where what passes begins or ends.
func (g guard) pieces(b balancer) []hostguard.PortRange {
	var cuts []uint16 // a piece begins at each
	for _, t := range g.passed() {
		for _, r := range t.ports {
			cuts = append(cuts, r.First)
			if r.Last < 65535 {
				cuts = append(cuts, r.Last+1)
			}
		}
	}
	slices.Sort(cuts)
	var out []hostguard.PortRange
	for _, r := range b.ports {
		for _, cut := range slices.Compact(slices.Clone(cuts)) {
			if r.First < cut && cut <= r.Last {
				out = append(out, hostguard.PortRange{First: r.First, Last: cut - 1})
				r.First = cut
			}
		}
		out = append(out, r)
	}
	return out
}

// admitted are the sources that may come in at a port of a load balancer.
func (g guard) admitted(b balancer, port uint16) (sources []netip.Prefix, anybody bool) {
	for _, t := range g.passed() {
		here := (t.protocol == "" || t.protocol == b.protocol) && (len(t.ports) == 0 || t.ports.Contains(port)) &&
			(len(t.destinations) == 0 || slices.ContainsFunc(t.destinations, func(n netip.Prefix) bool { return n.Contains(b.address) }))
		if here && len(t.sources) == 0 {
			return nil, true
		}
		if here {
			sources = append(sources, t.sources...)
		}
	}
	return hostguard.Networks(sources), false
}

// openBalancers names the listed ports of load balancers that the guard passes
// from everywhere, so that nothing would be closed there.
func (g guard) openBalancers() []string {
	var out []string
	for _, b := range g.balancers {
		for _, piece := range g.pieces(b) {
			if _, anybody := g.admitted(b, piece.First); anybody {
				out = append(out, fmt.Sprintf("%s %s of %s", b.protocol, piece, b.address))
			}
		}
	}
	return out
}

// closable leaves out of a list of load balancers what everybody may come in at.
func (g guard) closable(list []balancer) []balancer {
	var out []balancer
	for _, b := range list {
		var ports []hostguard.PortRange
		for _, piece := range g.pieces(b) {
			if _, anybody := g.admitted(b, piece.First); !anybody {
				ports = append(ports, piece)
			}
		}
		if b.ports = hostguard.PortsOf(ports); len(ports) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// readBalancers reads which load balancers a policy before connection tracking
// closes. What it cannot be is left out.
func readBalancers(spec v3.GlobalNetworkPolicySpec) []balancer {
	var out []balancer
	for _, rule := range spec.Ingress {
		set, numeric := hostguard.PortsFrom(rule.Destination.Ports)
		if rule.Action != v3.Deny || rule.Protocol == nil || !numeric || len(set) == 0 {
			continue
		}
		protocol := hostguard.ProtocolName(*rule.Protocol)
		for _, network := range hostguard.NetworksFrom(rule.Destination.Nets) {
			if network.IsSingleIP() && network.Addr().Is4() && protocol != "" {
				out = append(out, balancer{network.Addr(), protocol, set})
			}
		}
	}
	return merged(out)
}

// merged puts all ports of the same address and protocol together, in the order
// in which they come up first.
func merged(list []balancer) []balancer {
	var out []balancer
	for _, b := range list {
		n := slices.IndexFunc(out, func(o balancer) bool { return o.address == b.address && o.protocol == b.protocol })
		if n < 0 {
			out = append(out, b)
			continue
		}
		out[n].ports = hostguard.PortsOf(append(slices.Clone(out[n].ports), b.ports...))
	}
	return out
}

// String names a load balancer in words.
func (b balancer) String() string {
	return fmt.Sprintf("%s %s of load balancer %s", b.protocol, strings.Join(b.ports.Texts(), ", "), b.address)
}
