package nodeportguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// parseAddress reads one IPv4 address, with or without /32.
func parseAddress(s string) (netip.Addr, error) {
	address, err := hostguard.ParseAddress(s)
	if err != nil && strings.Contains(strings.TrimSuffix(s, "/32"), "/") {
		return address, fmt.Errorf("%w: exempt are host endpoints' own addresses; networks go into allowed_destination_cidrs", err)
	}
	return address, err
}

func addressesOf(list []netip.Addr) []netip.Addr {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}
