package nodeportguard

import (
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// drift says in sentences how a policy differs from the guard that is declared
// and from what its owner puts on it. bearer tells who has an address now.
func drift(live calico.Policy, declared guard, owner framework.Owner, bearer bearer) []string {
	want, _ := declared.narrowed(bearer)
	sentences := append(specDrift(live, want, declared, bearer), ownership.MarkDrift(owner, live.Labels, live.Annotations)...)
	for i, s := range sentences {
		sentences[i] = "policy " + declared.name + ": " + s
	}
	return sentences
}

// specDrift compares what a policy does with what it should do. declared is
// that with the stale exemptions. There is no drift if and only if they do the
// same.
func specDrift(live calico.Policy, want, declared guard, bearer bearer) []string {
	live.Spec = hostguard.Sorted(live.Spec)
	out := live.Drift(want.spec())
	if len(out) == 0 || live.Unreadable != nil {
		return out
	}
	// What is a guard itself is compared attribute by attribute, which says
	// more than rules do.
	have, ok := readGuard(declared.name, live.Spec, bearer)
	var words []string
	switch {
	case !ok:
		return out
	case len(live.Drift(have.spec())) == 0:
		words = guardDrift(have, want, declared, bearer)
	case sameSpec(withIPv6(live.Spec), have.spec()):
		words = append(guardDrift(have, want, declared, bearer), "IPv6 is not closed")
	}
	if len(words) == 0 {
		return out
	}
	return words
}

// withIPv6 completes a policy that was written for IPv4, and whose rules are
// left out for IPv6 because all their networks are IPv4.
func withIPv6(spec v3.GlobalNetworkPolicySpec) v3.GlobalNetworkPolicySpec {
	out := *spec.DeepCopy()
	four, six := 4, 6
	for i, rule := range spec.Ingress {
		out.Ingress[i].IPVersion = &four
		closing := *rule.DeepCopy()
		closing.IPVersion = &six
		closing.Source.NotNets, closing.Destination.NotNets = nil, nil
		out.Ingress = append(out.Ingress, closing)
	}
	return out
}

// guardDrift compares two guards attribute by attribute.
func guardDrift(have, want, declared guard, bearer bearer) []string {
	var out []string
	field := func(name, is, declared string) {
		if is != declared {
			out = append(out, fmt.Sprintf("%s is %s, declared %s", name, is, declared))
		}
	}
	field("tier", have.tier, want.tier)
	field("order", hostguard.OrderText(have.order), hostguard.OrderText(want.order))
	field("role", strings.Join(hostguard.Roles(have.roles), ", "), strings.Join(hostguard.Roles(want.roles), ", "))
	field("port range", strings.Join(have.ports.Texts(), ", "), strings.Join(want.ports.Texts(), ", "))
	field("protocol", protocolsText(have.protocols), protocolsText(want.protocols))
	for _, network := range hostguard.Without(want.sources, have.sources) {
		out = append(out, fmt.Sprintf("source %s is declared and not let in", network))
	}
	for _, network := range hostguard.Without(have.sources, want.sources) {
		out = append(out, fmt.Sprintf("source %s is let in and not declared", network))
	}
	for _, network := range hostguard.Without(want.open(), have.open()) {
		sentence := fmt.Sprintf("destination %s is declared and not open", network)
		if by := bearer(network.Addr()); network.IsSingleIP() && by != "" {
			sentence = fmt.Sprintf("address %s of %s is declared and not exempt", network.Addr(), by)
		}
		out = append(out, sentence)
	}
	for _, network := range hostguard.Without(have.open(), want.open()) {
		sentence := fmt.Sprintf("destination %s is open and not declared", network)
		if network.IsSingleIP() && slices.Contains(declared.exempt, network.Addr()) {
			sentence = fmt.Sprintf("address %s is exempt and no node bears it any more", network.Addr())
		}
		out = append(out, sentence)
	}
	return out
}

func protocolsText(names []string) string {
	ordered := slices.DeleteFunc(hostguard.Protocols(), func(name string) bool { return !slices.Contains(names, name) })
	return strings.Join(ordered, ", ")
}
