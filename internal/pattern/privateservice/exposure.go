package privateservice

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// exposure says from where a load balancer can be reached, as far as it is proven.
type exposure string

// The exposures. Only public and private are proven.
const (
	isPrivate    exposure = "private"
	isPublic     exposure = "public"
	isUnverified exposure = "unverified"
)

// evidence is what is known of the addresses of a cluster's load balancers.
// Address ranges prove nothing: public ranges can be private property, and the
// other way round.
type evidence struct {
	// portable are the portable subnets of a classic cluster, by IKS's word.
	portable []network
	// reserved are the addresses in the cluster's own map of them.
	reserved map[netip.Addr]bool // true for public
	// onVPC tells that the cluster's load balancers are the VPC's.
	onVPC bool
	// balancers are the VPC's, nil where they may not be listed.
	balancers []balancer
	// subnets of the VPC that the cluster's workers are in.
	subnets []netip.Prefix
	// resolved are what hostnames lead to.
	resolved map[string][]netip.Addr
	// lacking says what could not be asked for, and why.
	lacking []string
}

// network is a portable subnet of a classic cluster.
type network struct {
	prefix netip.Prefix
	public bool
}

// balancer is a load balancer of a VPC.
type balancer struct {
	hostname string
	public   bool
}

// verdict is an exposure and its reason, a sentence without its full stop.
type verdict struct {
	exposure exposure
	reason   string
	// passing tells that what is not proven yet may well be a little later;
	// unheard, that something which could prove it could not be asked.
	passing, unheard bool
}

// judge says how addresses are exposed. One that is public makes the whole
// public, one that is not proven makes it unverified.
func (e evidence) judge(a addresses) verdict {
	if a.pending() {
		return verdict{exposure: isUnverified, reason: "the load balancer has no address yet", passing: true}
	}
	var all []verdict
	for _, hostname := range a.hostnames {
		all = append(all, e.ofHostname(hostname))
	}
	for _, ip := range a.ips {
		// The addresses of a VPC's load balancer go with its hostname.
		if !e.onVPC || len(a.hostnames) == 0 {
			all = append(all, e.ofIP(ip))
		}
	}
	for _, worst := range []exposure{isPublic, isUnverified} {
		if i := slices.IndexFunc(all, func(v verdict) bool { return v.exposure == worst }); i >= 0 {
			return all[i]
		}
	}
	return all[0]
}

func (e evidence) unverified(passing bool, format string, arguments ...any) verdict {
	reason := fmt.Sprintf(format, arguments...)
	if len(e.lacking) > 0 {
		reason += " (" + strings.Join(e.lacking, "; ") + ")"
	}
	return verdict{exposure: isUnverified, reason: reason, passing: passing, unheard: len(e.lacking) > 0}
}

// ofIP judges an address by the portable subnets of IKS and by the cluster's
// own map of them. Where the two disagree nothing is proven.
func (e evidence) ofIP(text string) verdict {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return e.unverified(false, "%q is not an address", text)
	}
	if e.onVPC {
		return e.inside(text, []netip.Addr{ip})
	}
	in := slices.IndexFunc(e.portable, func(n network) bool { return n.prefix.Contains(ip) })
	public, mapped := e.reserved[ip]
	switch {
	case in >= 0 && mapped && public != e.portable[in].public:
		return e.unverified(false, "IKS calls the subnet of %s %s, and the cluster's map of portable addresses calls it %s", ip, kindOf(e.portable[in].public), kindOf(public))
	case in >= 0:
		return proven(e.portable[in].public, fmt.Sprintf("%s lies in the portable subnet %s, which IKS calls %s", ip, e.portable[in].prefix, kindOf(e.portable[in].public)))
	case mapped:
		return proven(public, fmt.Sprintf("the cluster's map of portable addresses calls %s %s", ip, kindOf(public)))
	}
	return e.unverified(true, "%s is in no portable subnet that IKS or the cluster knows of", ip)
}

// ofHostname judges a VPC load balancer by what the VPC says of it or, where it
// says nothing, by where its name leads.
func (e evidence) ofHostname(hostname string) verdict {
	if b, listed := e.listed(hostname); listed {
		return proven(b.public, fmt.Sprintf("the VPC calls load balancer %s %s", hostname, kindOf(b.public)))
	}
	v := e.inside(hostname, e.resolved[hostname])
	// It may be too new to be listed.
	v.passing = v.passing || v.exposure == isUnverified && e.balancers != nil
	return v
}

// listed finds a load balancer among those of the VPC.
func (e evidence) listed(hostname string) (balancer, bool) {
	i := slices.IndexFunc(e.balancers, func(b balancer) bool { return strings.EqualFold(b.hostname, hostname) })
	if i < 0 {
		return balancer{}, false
	}
	return e.balancers[i], true
}

// inside takes addresses for private that all lie in the VPC's own subnets.
// Others prove nothing.
func (e evidence) inside(name string, ips []netip.Addr) verdict {
	switch {
	case len(e.subnets) == 0:
		return e.unverified(false, "there is nothing to tell by whether %s is private", name)
	case len(ips) == 0:
		return e.unverified(true, "%s does not resolve", name)
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(e.subnets, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return e.unverified(false, "%s leads to %s, which lies in none of the VPC's subnets", name, ip)
		}
	}
	return verdict{exposure: isPrivate, reason: fmt.Sprintf("%s leads into the VPC's own subnets", name)}
}

func proven(public bool, reason string) verdict {
	if public {
		return verdict{exposure: isPublic, reason: reason}
	}
	return verdict{exposure: isPrivate, reason: reason}
}

func kindOf(public bool) string {
	if public {
		return "public"
	}
	return "private"
}

// readReserved reads the map of portable addresses that a classic cluster keeps
// in ConfigMap ibm-cloud-provider-vlan-ip-config, key vlanipmap.json.
func readReserved(content string) (map[netip.Addr]bool, error) {
	var wire struct {
		VLANs []struct {
			Subnets []struct {
				IPs    []string `json:"ips"`
				Public bool     `json:"is_public"`
			} `json:"subnets"`
		} `json:"vlans"`
	}
	if err := json.Unmarshal([]byte(content), &wire); err != nil {
		return nil, err
	}
	out := map[netip.Addr]bool{}
	for _, vlan := range wire.VLANs {
		for _, subnet := range vlan.Subnets {
			for _, text := range subnet.IPs {
				if ip, err := netip.ParseAddr(text); err == nil {
					out[ip] = subnet.Public
				}
			}
		}
	}
	return out, nil
}
