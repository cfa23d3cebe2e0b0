package strongswan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// translation is one pair of a NAT: packets of from show as to.
type translation struct{ from, to netip.Prefix }

// pairs reads the pairs of a NAT, sorted. What cannot be read is left out.
func pairs(at string, nat map[string]string) (out []translation, wrong []objection) {
	for _, left := range slices.Sorted(maps.Keys(nat)) {
		from, err := parseNetwork(left)
		if err != nil {
			wrong = append(wrong, objection{at: at, element: left, says: err.Error()})
			continue
		}
		to, err := parseNetwork(nat[left])
		if err != nil {
			wrong = append(wrong, objection{at: at, element: left, says: err.Error()})
			continue
		}
		for _, other := range out {
			if other.from.Overlaps(from) {
				wrong = append(wrong, objection{at: at, element: left, says: fmt.Sprintf("%s overlaps %s, so an address would be translated in two ways", from, other.from)})
			}
			if other.to.Overlaps(to) && !(to.IsSingleIP() && other.to == to) {
				wrong = append(wrong, objection{at: at, element: left, says: fmt.Sprintf("%s overlaps %s, so an answer could be for either", to, other.to)})
			}
		}
		out = append(out, translation{from: from, to: to})
	}
	return out, wrong
}

func (t tunnel) checkLocalNAT() []objection {
	const at = "local_subnet_nat"
	if !t.known(at) {
		return nil
	}
	nat, wrong := pairs(at, t.localNAT)
	local, _ := networksAt("", t.localSubnets())
	for _, n := range nat {
		if n.from.Bits() != n.to.Bits() && !n.to.IsSingleIP() {
			wrong = append(wrong, objection{at: at, element: n.from.String(), says: fmt.Sprintf("%s and %s are not of the same size, and %s is not a single address (/32) that all could hide behind", n.from, n.to, n.to)})
		}
		if t.known(t.localAttribute()) && !covered(n.to, local) {
			wrong = append(wrong, objection{at: at, element: n.from.String(), says: fmt.Sprintf("%s, which the remote end is to see, is in none of %s, so the tunnel would not carry it", n.to, t.localAttribute())})
		}
	}
	return wrong
}

func (t tunnel) checkRemoteNAT() []objection {
	const at = "remote_subnet_nat"
	if !t.known(at) {
		return nil
	}
	nat, wrong := pairs(at, t.remoteNAT)
	remote, _ := networksAt("", t.remote.subnets)
	local, _ := networksAt("", t.localSubnets())
	for _, n := range nat {
		if n.from.Bits() != n.to.Bits() {
			wrong = append(wrong, objection{at: at, element: n.from.String(), says: fmt.Sprintf("%s and %s are not of the same size", n.from, n.to)})
		}
		if t.known("remote.subnets") && !slices.Contains(remote, n.from) {
			wrong = append(wrong, objection{at: at, element: n.from.String(), says: fmt.Sprintf("%s is not one of remote.subnets (%s), just as it stands there", n.from, joined(remote))})
		}
		for _, l := range local {
			if n.to.Overlaps(l) && t.known(t.localAttribute()) {
				wrong = append(wrong, objection{at: at, element: n.from.String(), says: fmt.Sprintf("%s, under which the cluster is to see it, overlaps %s of %s", n.to, l, t.localAttribute())})
			}
		}
	}
	return wrong
}

func (t tunnel) checkSingleSource() []objection {
	const at = "single_source_ip"
	if !t.known(at) || !t.singleSourceIP {
		return nil
	}
	var out []objection
	local, _ := networksAt("", t.localSubnets())
	if t.known(t.localAttribute()) && (len(t.localSubnets()) != 1 || len(local) == 1 && !local[0].IsSingleIP()) {
		out = append(out, one(t.localAttribute(), "with single_source_ip everything shows as one address, so it must be that one alone, a /32")...)
	}
	if len(t.localNAT) > 0 {
		out = append(out, one("local_subnet_nat", "single_source_ip translates already; leave one of them out")...)
	}
	if t.known("pod_snat") && t.podSNAT == snatOff {
		out = append(out, one("pod_snat", "single_source_ip translates the addresses of pods, so pod_snat cannot be %q", snatOff)...)
	}
	if t.known("initiate") && !t.initiate {
		out = append(out, one("initiate", "with single_source_ip nobody can call in, so the cluster must initiate")...)
	}
	return out
}

func (t tunnel) checkZones() []objection {
	var out []objection
	if len(t.local.zoneSubnets) > 0 && len(t.local.subnets) > 0 {
		out = append(out, one("local.zone_subnets", "subnets and zone_subnets are both set; zone_subnets takes the place of subnets")...)
	}
	for _, m := range []struct {
		at    string
		zones map[string]string
	}{{"local.zone_subnets", t.local.zoneSubnets}, {"zone_load_balancers", t.zoneBalancers}} {
		for _, zone := range slices.Sorted(maps.Keys(m.zones)) {
			if wrong := validation.IsValidLabelValue(zone); zone == "" || len(wrong) > 0 {
				out = append(out, objection{at: m.at, element: zone, says: fmt.Sprintf("%q is not a zone such as dal10 or us-south-1", zone)})
			}
		}
	}
	if t.known("zone") && t.zone != "" {
		if _, of := t.local.zoneSubnets[t.zone]; len(t.local.zoneSubnets) > 0 && t.known("local.zone_subnets") && !of {
			out = append(out, one("local.zone_subnets", "the VPN pod runs in zone %s, which is not among them", t.zone)...)
		}
		if _, of := t.zoneBalancers[t.zone]; len(t.zoneBalancers) > 0 && t.known("zone_load_balancers") && !of {
			out = append(out, one("zone_load_balancers", "the VPN pod runs in zone %s, which is not among them", t.zone)...)
		}
	}
	if t.builtin() && t.known("zone") && t.zone == "" && len(t.local.zoneSubnets) > 0 {
		out = append(out, one("zone", "the builtin chart does not ask which zone its pod runs in, so with zone_subnets it needs one. One release for each zone gives a tunnel in each")...)
	}
	if t.known("zone", "zone_specific_routes") && t.zoneRoutes && t.zone == "" {
		out = append(out, one("zone_specific_routes", "routes in one zone only need `zone` to say which")...)
	}
	return out
}

func (t tunnel) checkBalancers() []objection {
	var out []objection
	addresses := map[string]string{}
	note := func(at, element, text string) {
		address, err := netip.ParseAddr(text)
		switch other, twice := addresses[text]; {
		case err != nil || !address.Is4():
			out = append(out, objection{at: at, element: element, says: fmt.Sprintf("%q is not an IPv4 address", text)})
		case twice:
			out = append(out, objection{at: at, element: element, says: fmt.Sprintf("%s is there twice, for %s too", text, other)})
		}
		addresses[text] = element
	}
	if t.balancerIP != "" {
		note("load_balancer_ip", "", t.balancerIP)
		if len(t.zoneBalancers) > 0 {
			out = append(out, one("zone_load_balancers", "load_balancer_ip and zone_load_balancers are both set, and the zones' take the place of the other")...)
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(t.zoneBalancers)) {
		note("zone_load_balancers", zone, t.zoneBalancers[zone])
	}
	if t.known("service_type", "initiate") && t.serviceType == serviceNone {
		if !t.initiate {
			out = append(out, one("service_type", "the cluster listens, so it needs a load balancer that the remote end can call")...)
		}
		if len(addresses) > 0 {
			out = append(out, one("service_type", "there is no load balancer to have the IP %s", strings.Join(slices.Sorted(maps.Keys(addresses)), ", "))...)
		}
	}
	return out
}

func (t tunnel) checkPlacement() []objection {
	var out []objection
	if t.known("node_selector") && len(t.nodeSelector) > 1 {
		out = append(out, one("node_selector", "it has %d labels, and the chart takes one", len(t.nodeSelector))...)
	}
	for key, value := range t.nodeSelector {
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 {
			out = append(out, objection{at: "node_selector", element: key, says: fmt.Sprintf("%s=%s is not a label: %s", key, value, wrong[0])})
		}
	}
	return out
}
