package strongswan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// parseNetwork reads an IPv4 network without host bits, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !prefix.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("%q is not an IPv4 network such as 192.168.0.0/24", text)
	case prefix.Masked() != prefix:
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its prefix; the network is %s", text, prefix.Masked())
	}
	return prefix, nil
}

// networksAt reads the networks of an attribute. Those that are none are left
// out, with an objection each.
func networksAt(at string, texts []string) (out []netip.Prefix, wrong []objection) {
	for _, text := range texts {
		prefix, err := parseNetwork(text)
		switch {
		case err != nil:
			wrong = append(wrong, objection{at: at, element: text, says: err.Error()})
		case slices.Contains(out, prefix):
			wrong = append(wrong, objection{at: at, element: text, says: fmt.Sprintf("%s is there twice", prefix)})
		default:
			out = append(out, prefix)
		}
	}
	return out, wrong
}

// within tells whether one network lies in another, or is it.
func within(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// covered tells whether a network lies in one of several.
func covered(inner netip.Prefix, outer []netip.Prefix) bool {
	return slices.ContainsFunc(outer, func(o netip.Prefix) bool { return within(inner, o) })
}

// texts writes networks as text, sorted.
func texts(networks []netip.Prefix) []string {
	sorted := slices.SortedFunc(slices.Values(networks), comparePrefixes)
	out := make([]string, len(sorted))
	for i, n := range sorted {
		out[i] = n.String()
	}
	return out
}

func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

func joined(networks []netip.Prefix) string { return strings.Join(texts(networks), ",") }
