package strongswan

import (
	"fmt"
	"net/netip"
)

// ownNetwork is a network that the cluster's packets must keep their way to.
type ownNetwork struct {
	network netip.Prefix
	// what it is, as in "the cluster's pod subnet".
	what string
}

// reserved are the networks that no cluster may route into a tunnel: IBM's
// service endpoints, through which a worker has its master, DNS, images and
// patches, and what means something on one machine or link only.
func reserved() []ownNetwork {
	of := func(cidr, what string) ownNetwork {
		return ownNetwork{network: netip.MustParsePrefix(cidr), what: what}
	}
	return []ownNetwork{
		of("166.8.0.0/14", "IBM Cloud's service endpoints, such as the cluster's master"),
		of("161.26.0.0/16", "IBM Cloud's service endpoints, such as DNS and package mirrors"),
		of("127.0.0.0/8", "loopback"),
		of("169.254.0.0/16", "link-local addresses, such as the cloud's metadata service"),
		of("224.0.0.0/4", "multicast"),
		of("0.0.0.0/8", "addresses that stand for no host"),
	}
}

// checkHijacks looks at what no cluster may send into a tunnel.
func (t tunnel) checkHijacks() []objection { return t.hijacks(reserved()) }

// hijacks finds what the routes of the tunnel would take away from the cluster:
// every worker sends the networks of the remote end to the VPN pod.
func (t tunnel) hijacks(own []ownNetwork) []objection {
	var out []objection
	nat, _ := pairs("remote_subnet_nat", t.remoteNAT)
	translated := map[netip.Prefix]bool{}
	for _, n := range nat {
		translated[n.from] = true
		out = append(out, hijack("remote_subnet_nat", n.from.String(), n.to, own)...)
	}
	remote, _ := networksAt("", t.remote.subnets)
	for _, r := range remote {
		if !translated[r] && t.known("remote_subnet_nat") {
			out = append(out, hijack("remote.subnets", r.String(), r, own)...)
		}
	}
	return out
}

func hijack(at, element string, routed netip.Prefix, own []ownNetwork) []objection {
	if routed.Bits() == 0 {
		return []objection{{at: at, element: element, says: "0.0.0.0/0 would send everything that the workers say into the tunnel, their own master included. Name the networks that are behind the remote gateway"}}
	}
	for _, o := range own {
		if routed.Overlaps(o.network) {
			return []objection{{at: at, element: element, says: fmt.Sprintf("%s overlaps %s, %s: the workers would send that into the tunnel, and the cluster would lose it. Name smaller networks, or let the cluster see the remote end under others (remote_subnet_nat)", routed, o.network, o.what)}}
		}
	}
	return nil
}
