package nodeportguard

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// parseNetwork reads an IPv4 network such as 10.0.0.0/8, or a single address.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		address, err := parseAddress(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 192.0.2.0/24", s)
	case !network.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("%q is not an IPv4 network; the workers have IPv4 addresses only, and the guard closes IPv6 altogether", s)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is every address there is: nothing would be closed", s)
	case network.Masked() != network:
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind its prefix; write %s for the network or %s/32 for the one address", s, network.Masked(), network.Addr())
	}
	return network, nil
}

// parseAddress reads one IPv4 address, with or without /32.
func parseAddress(s string) (netip.Addr, error) {
	bare := strings.TrimSuffix(s, "/32")
	address, err := netip.ParseAddr(bare)
	switch {
	case err != nil && strings.Contains(bare, "/"):
		return netip.Addr{}, fmt.Errorf("%q is a network, not the address of one host endpoint; networks go into allowed_destination_cidrs", s)
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an address such as 192.0.2.10", s)
	case !address.Is4():
		return netip.Addr{}, fmt.Errorf("%q is not an IPv4 address; the workers have IPv4 addresses only, and the guard closes IPv6 altogether", s)
	}
	return address, nil
}

// networksOf sorts networks and leaves doubles out, so that the same set has
// one form.
func networksOf(list []netip.Prefix) []netip.Prefix {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(sorted)
}

func addressesOf(list []netip.Addr) []netip.Addr {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}

// texts writes networks or addresses as the configuration does.
func texts[T fmt.Stringer](list []T) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}
