package nodeportguard

import (
	"net/netip"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// policy is what a resource wants of its policy: to do what a guard says whose
// stale exemptions are left out.
type policy = ownership.Policy

func (g guard) policy(in ownership.Intent) policy {
	return policy{
		Name: g.key(), Spec: g.spec(), Intent: in,
		// The order of a guard's rules means nothing, and its own words say
		// more than the fields of rules do.
		Differs: func(live calico.Policy) []string { return specDrift(live, g, g, nobody) },
	}
}

// bearer names who has an address, "" for nobody.
type bearer func(netip.Addr) string

// nobody is for where it does not matter who has an address.
func nobody(netip.Addr) string { return "" }
