package nodeportguard

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, want, problem string
	}{
		{name: "address", in: "192.0.2.10", want: "192.0.2.10"},
		{name: "with length", in: "192.0.2.10/32", want: "192.0.2.10"},
		{name: "network", in: "192.0.2.0/24", problem: "allowed_destination_cidrs"},
		{name: "doubled length", in: "192.0.2.10/32/32", problem: "allowed_destination_cidrs"},
		{name: "IPv6", in: "2001:db8::1", problem: "not an IPv4 address"},
		{name: "rubbish", in: "edge-1", problem: "not an address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseAddress(test.in)
			switch {
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Errorf("parseAddress(%q) = %v, %v; want an error with %q", test.in, got, err, test.problem)
			case test.problem == "" && (err != nil || got.String() != test.want):
				t.Errorf("parseAddress(%q) = %v, %v; want %s", test.in, got, err, test.want)
			}
		})
	}
}

func networks(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range texts {
		network, err := hostguard.ParseNetwork(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, network)
	}
	return out
}

func addresses(t *testing.T, texts ...string) []netip.Addr {
	t.Helper()
	var out []netip.Addr
	for _, s := range texts {
		address, err := parseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, address)
	}
	return out
}
