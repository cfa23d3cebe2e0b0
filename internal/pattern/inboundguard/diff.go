package inboundguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// policies is what a resource wants of its policies: one before DNAT, and one
// before connection tracking if load balancers are listed.
func (g guard) policies(in, second ownership.Intent) []ownership.Policy {
	out := []ownership.Policy{{Name: g.key(), Spec: g.spec(), Intent: in, Differs: g.differs}}
	if len(g.balancers) > 0 {
		out = append(out, ownership.Policy{Name: g.ipvsKey(), Spec: g.ipvsSpec(), Intent: second, Differs: g.ipvsDiffers})
	}
	return out
}

// differs says where a policy does something else than the guard. There is no
// sentence if and only if they do the same.
func (g guard) differs(live calico.Policy) []string {
	live.Spec = hostguard.Sorted(live.Spec)
	out := live.Drift(hostguard.Sorted(g.spec()))
	if len(out) == 0 || live.Unreadable != nil || len(live.Unknown) > 0 {
		return out
	}
	// What is a guard itself is compared attribute by attribute, which says
	// more than rules do.
	have, ok := readGuard(g.name, live.Spec, nil)
	if !ok || !sameSpec(live.Spec, have.spec()) {
		return out
	}
	if words := g.compare(have); len(words) > 0 {
		return words
	}
	return out
}

// ipvsDiffers is differs for the second policy.
func (g guard) ipvsDiffers(live calico.Policy) []string {
	live.Spec = hostguard.Sorted(live.Spec)
	return live.Drift(hostguard.Sorted(g.ipvsSpec()))
}

// compare says attribute by attribute where another guard differs.
func (g guard) compare(have guard) []string {
	var out []string
	field := func(name, is, declared string) {
		if is != declared {
			out = append(out, fmt.Sprintf("%s is %s, declared %s", name, is, declared))
		}
	}
	field("order", hostguard.OrderText(have.order), hostguard.OrderText(g.order))
	field("role", strings.Join(hostguard.Roles(have.roles), ", "), strings.Join(hostguard.Roles(g.roles), ", "))
	sources, rest := have.inWords()
	wantedSources, wantedRest := g.inWords()
	out = append(out, compareSets("source", "passed", sources, wantedSources)...)
	out = append(out, compareSets("traffic", "passed", rest, wantedRest)...)
	return append(out, compareSets("traffic", "logged", trafficTexts(have.logs), trafficTexts(g.logs))...)
}

// inWords names what passes: the sources that do whatever they connect to, and the
// rest. It can be written in several ways, and means the same.
func (g guard) inWords() (sources, rest []string) {
	var wholly []netip.Prefix
	for _, t := range g.passed() {
		if t.bySource() {
			wholly = append(wholly, t.sources...)
			continue
		}
		rest = append(rest, t.String())
	}
	return networkTexts(wholly), rest
}

// compareSets says what is in one of two sets alone.
func compareSets(what, done string, have, want []string) []string {
	var out []string
	for _, text := range want {
		if !slices.Contains(have, text) {
			out = append(out, fmt.Sprintf("%s %s is declared and not %s", what, text, done))
		}
	}
	for _, text := range have {
		if !slices.Contains(want, text) {
			out = append(out, fmt.Sprintf("%s %s is %s and not declared", what, text, done))
		}
	}
	return out
}

func networkTexts(list []netip.Prefix) []string { return hostguard.Texts(hostguard.Networks(list)) }

func trafficTexts(list []traffic) []string { return hostguard.Texts(list) }

// drift says in sentences how the policies that are there (nil for one that is
// not) differ from the guard that is declared and from what its owner puts on
// them.
func (g guard) drift(live, second *calico.Policy, owner framework.Owner) []string {
	out := named(g.key(), []string{"it is missing, and the guard closes nothing but load balancers of version 2.0"})
	if live != nil {
		out = named(g.key(), append(g.differs(*live), ownership.MarkDrift(owner, live.Labels, live.Annotations)...))
	}
	switch {
	case len(g.balancers) > 0 && second == nil:
		out = append(out, named(g.ipvsKey(), []string{"it is missing, and the load balancers of version 2.0 are not closed"})...)
	case len(g.balancers) > 0:
		out = append(out, named(g.ipvsKey(), append(g.ipvsDiffers(*second), ownership.MarkDrift(owner, second.Labels, second.Annotations)...))...)
	case leftBehind(second, owner.Stamp):
		out = append(out, named(g.ipvsKey(), []string{"it is there, and no load balancer of version 2.0 is declared"})...)
	}
	return out
}

// leftBehind tells whether the second policy, where no load balancer is declared,
// is there (nil if not) and the resource's own.
func leftBehind(second *calico.Policy, stamp string) bool {
	return second != nil && stamp != "" && ownership.StampOf(*second) == stamp
}

func named(policy string, sentences []string) []string {
	for i, s := range sentences {
		sentences[i] = "policy " + policy + ": " + s
	}
	return sentences
}
