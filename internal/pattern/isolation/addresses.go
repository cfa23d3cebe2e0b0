package isolation

import (
	"fmt"
	"net/netip"
	"slices"
)

// parseNetwork reads an IPv4 CIDR without host bits, or an address. IKS's
// classic clusters have IPv4 alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !prefix.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("%q is not an IPv4 network such as 10.0.0.0/8, nor an IPv4 address", text)
	case prefix.Masked() != prefix:
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its prefix; the network is %s", text, prefix.Masked())
	case prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is every address, which isolates nothing", text)
	}
	return prefix, nil
}

// covers tells whether an address is in one of the networks.
func covers(networks []string, address netip.Addr) bool {
	for _, text := range networks {
		if prefix, err := parseNetwork(text); err == nil && prefix.Contains(address) {
			return true
		}
	}
	return false
}

// networks writes networks and addresses in one way: as CIDRs, sorted, each
// once. What is neither is left out.
func networks(texts []string) []string {
	var out []string
	for _, text := range texts {
		if prefix, err := parseNetwork(text); err == nil {
			out = append(out, prefix.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
