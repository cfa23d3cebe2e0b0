package hostguard

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParseNetwork(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, want, problem string
	}{
		{name: "network", in: "10.0.0.0/8", want: "10.0.0.0/8"},
		{name: "address", in: "192.0.2.10", want: "192.0.2.10/32"},
		{name: "address with length", in: "192.0.2.10/32", want: "192.0.2.10/32"},
		{name: "host bits", in: "10.1.2.3/8", problem: "write 10.0.0.0/8 for the network or 10.1.2.3/32 for the one address"},
		{name: "everything", in: "0.0.0.0/0", problem: "nothing would be closed"},
		{name: "IPv6", in: "2001:db8::/32", problem: "not an IPv4 network"},
		{name: "IPv6 address", in: "2001:db8::1", problem: "not an IPv4 address"},
		{name: "mapped", in: "::ffff:10.0.0.1", problem: "not an IPv4 address"},
		{name: "too long", in: "10.0.0.0/33", problem: "not a network"},
		{name: "leading zero", in: "010.0.0.0/8", problem: "not a network"},
		{name: "name", in: "example.com", problem: "not an address"},
		{name: "empty", in: "", problem: "not an address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseNetwork(test.in)
			switch {
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Errorf("ParseNetwork(%q) = %v, %v; want an error with %q", test.in, got, err, test.problem)
			case test.problem == "" && (err != nil || got.String() != test.want):
				t.Errorf("ParseNetwork(%q) = %v, %v; want %s", test.in, got, err, test.want)
			}
		})
	}
}

func TestNetworksHaveOneForm(t *testing.T) {
	t.Parallel()
	got := Texts(Networks(networks(t, "192.0.2.0/24", "10.0.0.0/16", "10.0.0.0/8", "192.0.2.0/24")))
	if want := []string{"10.0.0.0/8", "10.0.0.0/16", "192.0.2.0/24"}; !slices.Equal(got, want) {
		t.Errorf("Networks = %v, want %v", got, want)
	}
}

func networks(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range texts {
		network, err := ParseNetwork(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, network)
	}
	return out
}
