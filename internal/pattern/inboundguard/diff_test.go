package inboundguard

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func TestDrift(t *testing.T) {
	t.Parallel()
	declared := full(t)
	owner := framework.Owner{Stamp: "mine", Known: true, Labels: map[string]string{"team": "net"}}
	marks := map[string]string{framework.OwnerAnnotation: "mine"}
	as := func(change func(*guard)) func(first, second *calico.Policy) {
		return func(first, second *calico.Policy) {
			g := full(t)
			change(&g)
			first.Spec = g.spec()
		}
	}
	const first, second = "policy block-public-inbound: ", "policy block-public-inbound-ipvs: "
	for _, test := range []struct {
		name   string
		change func(first, second *calico.Policy)
		want   []string
	}{
		{"nothing", func(_, _ *calico.Policy) {}, nil},
		{"another order of rules that all pass", func(p, _ *calico.Policy) {
			p.Spec.Ingress[0], p.Spec.Ingress[4] = p.Spec.Ingress[4], p.Spec.Ingress[0]
		}, nil},
		{"order", as(func(g *guard) { g.order = orderOf(900) }), []string{first + "order is 900, declared 1500"}},
		{"no order", as(func(g *guard) { g.order = nil }), []string{first + "order is none (evaluated last), declared 1500"}},
		{"role", as(func(g *guard) { g.roles = []string{"worker_private"} }), []string{first + "role is worker_private, declared worker_public"}},
		{"sources", as(func(g *guard) { g.sources = networks(t, "192.0.2.0/24", "192.0.0.0/24") }), []string{first + "source 198.51.100.0/24 is declared and not passed", first + "source 192.0.0.0/24 is passed and not declared"}},
		{"monitors gone", as(func(g *guard) { g.monitors = nil }), []string{first + "traffic TCP 80, 443 from 163.114.225.0/24, 163.114.230.0/24, 163.114.231.0/24 is declared and not passed"}},
		{"more passes", as(func(g *guard) { g.passes = append(g.passes, traffic{protocol: "TCP", ports: ports(t, "23")}) }), []string{first + "traffic TCP 23 is passed and not declared"}},
		{"no log", as(func(g *guard) { g.logs = nil }), []string{first + "traffic TCP 22 is declared and not logged"}},
		{"stamp gone", func(p, _ *calico.Policy) { delete(p.Annotations, framework.OwnerAnnotation) }, []string{first + "the ownership stamp is missing"}},
		{"own label changed", func(_, p *calico.Policy) { p.Labels["team"] = "x" }, []string{second + `label team is "x", declared "net"`}},
		{"load balancer opened", func(_, p *calico.Policy) { p.Spec.Ingress = p.Spec.Ingress[:1] }, []string{second + "1 ingress rules instead of 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			one := calico.Policy{Name: declared.key(), Spec: full(t).spec(), Labels: maps.Clone(owner.Labels), Annotations: maps.Clone(marks)}
			two := calico.Policy{Name: declared.ipvsKey(), Spec: full(t).ipvsSpec(), Labels: maps.Clone(owner.Labels), Annotations: maps.Clone(marks)}
			test.change(&one, &two)
			got := declared.drift(&one, &two, owner)
			if len(got) > len(test.want) && test.name == "load balancer opened" {
				got = got[:1] // then come the rules
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("drift = %q, want %q", got, test.want)
			}
		})
	}
}

// Sources that pass whatever they connect to can stand in two attributes.
func TestDriftOfSources(t *testing.T) {
	t.Parallel()
	g := base()
	g.passes = []traffic{{sources: networks(t, "192.0.2.0/24")}, {sources: networks(t, "198.51.100.0/24")}}
	moved := g
	moved.order = orderOf(900)
	if got, want := g.differs(calico.Policy{Name: g.key(), Spec: moved.spec()}), []string{"order is 900, declared 1500"}; !slices.Equal(got, want) {
		t.Errorf("differs = %q, want %q", got, want)
	}
	wider := g
	wider.sources = networks(t, "203.0.113.0/24")
	if got, want := g.differs(calico.Policy{Name: g.key(), Spec: wider.spec()}), []string{"source 203.0.113.0/24 is passed and not declared"}; !slices.Equal(got, want) {
		t.Errorf("differs = %q, want %q", got, want)
	}
}

func TestDriftOfTheSecondPolicy(t *testing.T) {
	t.Parallel()
	owner := framework.Owner{Stamp: "mine", Known: true}
	marked := func(key string, spec v3.GlobalNetworkPolicySpec, stamp string) *calico.Policy {
		return &calico.Policy{Name: key, Spec: spec, Annotations: map[string]string{framework.OwnerAnnotation: stamp}}
	}
	g := full(t)
	first := marked(g.key(), g.spec(), "mine")
	if got := g.drift(first, nil, owner); len(got) != 1 || !strings.Contains(got[0], "it is missing") {
		t.Errorf("drift = %q", got)
	}
	second := marked(g.ipvsKey(), g.ipvsSpec(), "mine")
	g.balancers = nil
	if got := g.drift(first, second, owner); len(got) != 1 || !strings.Contains(got[0], "no load balancer of version 2.0 is declared") {
		t.Errorf("drift = %q", got)
	}
	if got := g.drift(first, marked(g.ipvsKey(), second.Spec, "theirs"), owner); len(got) > 0 {
		t.Errorf("drift of somebody else's policy: %q", got)
	}
}

// Whatever else is in a policy shows as drift, also what a guard cannot say.
func TestDriftOfWhatIsNoGuard(t *testing.T) {
	t.Parallel()
	g := full(t)
	for name, change := range map[string]func(*calico.Policy){
		"allow first": func(p *calico.Policy) {
			p.Spec.Ingress = append([]v3.Rule{{Action: v3.Allow}}, p.Spec.Ingress...)
		},
		"pass everything":      func(p *calico.Policy) { p.Spec.Ingress = append([]v3.Rule{{Action: v3.Pass}}, p.Spec.Ingress...) },
		"denied before it":     func(p *calico.Policy) { slices.Reverse(p.Spec.Ingress) },
		"passes what is not":   func(p *calico.Policy) { p.Spec.Ingress[0].Source.NotNets = []string{"192.0.2.7/32"} },
		"not before DNAT":      func(p *calico.Policy) { p.Spec.PreDNAT = false },
		"other selector":       func(p *calico.Policy) { p.Spec.Selector = "all()" },
		"no rules":             func(p *calico.Policy) { p.Spec.Ingress = nil },
		"SCTP is open":         func(p *calico.Policy) { p.Spec.Ingress = p.Spec.Ingress[:len(p.Spec.Ingress)-1] },
		"everything is closed": func(p *calico.Policy) { p.Spec.Ingress = append(p.Spec.Ingress, v3.Rule{Action: v3.Deny}) },
		"unknown field":        func(p *calico.Policy) { p.Unknown = []string{"ingress[0].source.domains"} },
		"unreadable":           func(p *calico.Policy) { p.Unreadable = errors.New("strange") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := calico.Policy{Name: g.key(), Spec: g.spec()}
			change(&live)
			if got := g.differs(live); len(got) == 0 {
				t.Error("no drift")
			}
		})
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	g := full(t)
	first, second := g.policies(ownership.Intent{Stamp: "mine"}, ownership.Intent{Stamp: "mine"})[0], g.policies(ownership.Intent{Stamp: "mine"}, ownership.Intent{Stamp: "mine"})[1]
	one, two := &calico.Policy{Name: g.key(), Spec: g.spec()}, &calico.Policy{Name: g.ipvsKey(), Spec: g.ipvsSpec()}
	slices.Reverse(one.Spec.Ingress[:5]) // the order of what passes means nothing
	for name, test := range map[string]struct {
		policy ownership.Policy
		live   *calico.Policy
		want   ownership.Step
	}{
		"nothing there":               {first, nil, ownership.Create},
		"calicoctl's, the same":       {first, one, ownership.Adopt},
		"the second one, the same":    {second, two, ownership.Adopt},
		"the second one is not there": {second, nil, ownership.Create},
	} {
		if got, err := test.policy.Decide(test.live); err != nil || got != test.want {
			t.Errorf("%s: decide = %v, %v; want %v", name, got, err, test.want)
		}
	}
	other := base()
	_, err := first.Decide(&calico.Policy{Name: g.key(), Spec: other.spec()})
	if err == nil || !strings.Contains(err.Error(), "source 192.0.2.0/24 is declared and not passed") || !strings.Contains(err.Error(), "force_conflicts") {
		t.Errorf("over a stranger's: %v", err)
	}
	if len(base().policies(ownership.Intent{}, ownership.Intent{})) != 1 {
		t.Error("a second policy without a load balancer to close")
	}
}
