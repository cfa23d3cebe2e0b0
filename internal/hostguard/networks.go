package hostguard

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ParseNetwork reads an IPv4 network such as 10.0.0.0/8, or a single address.
func ParseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		address, err := ParseAddress(s)
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

// ParseAddress reads one IPv4 address, with or without /32.
func ParseAddress(s string) (netip.Addr, error) {
	bare := strings.TrimSuffix(s, "/32")
	address, err := netip.ParseAddr(bare)
	switch {
	case err != nil && strings.Contains(bare, "/"):
		return netip.Addr{}, fmt.Errorf("%q is a network, not one address", s)
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an address such as 192.0.2.10", s)
	case !address.Is4():
		return netip.Addr{}, fmt.Errorf("%q is not an IPv4 address; the workers have IPv4 addresses only, and the guard closes IPv6 altogether", s)
	}
	return address, nil
}

// Networks sorts networks and leaves doubles out, so that the same set has one
// form.
func Networks(list []netip.Prefix) []netip.Prefix {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(sorted)
}

// NetworksFrom reads networks as they stand in a policy, where bits behind the
// prefix mean nothing. What is no network is left out.
func NetworksFrom(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			address, err := netip.ParseAddr(s)
			if err != nil || address.Zone() != "" {
				continue
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		out = append(out, network.Masked())
	}
	return Networks(out)
}

// Without gives the networks that are not among others, sorted.
func Without(list, others []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(Networks(list), func(p netip.Prefix) bool { return slices.Contains(others, p) })
}

// Texts writes networks or addresses as the configuration does; nothing gives nil.
func Texts[T fmt.Stringer](list []T) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}
