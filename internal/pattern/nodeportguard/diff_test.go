package nodeportguard

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestDrift(t *testing.T) {
	t.Parallel()
	order := 1100.0
	declared := guard{
		name: "guard", tier: defaultTier, order: &order, roles: []string{"worker_public"}, protocols: []string{"TCP", "UDP"},
		ports: mustPorts(t, defaultPorts), sources: networks(t, "10.0.0.0/8"), exempt: addresses(t, "192.0.2.1", "192.0.2.2"),
	}
	bearer := func(a netip.Addr) string {
		if a.String() == "192.0.2.1" {
			return "host endpoint edge-1"
		}
		return ""
	}
	effective, _ := declared.narrowed(bearer)
	owner := framework.Owner{Stamp: "mine", Known: true, Labels: map[string]string{"team": "net"}, Annotations: map[string]string{"why": "x"}}
	written := calico.Policy{
		Spec: effective.spec(), Labels: maps.Clone(owner.Labels),
		Annotations: map[string]string{"why": "x", framework.OwnerAnnotation: "mine"},
	}

	for _, test := range []struct {
		name   string
		change func(*calico.Policy)
		want   []string
	}{
		{"nothing", func(*calico.Policy) {}, nil},
		{"others' labels and annotations", func(p *calico.Policy) { p.Labels["x"], p.Annotations["y"] = "1", "2" }, nil},
		{"order", func(p *calico.Policy) { *p.Spec.Order = 900 }, []string{"order is 900, declared 1100"}},
		{"no order", func(p *calico.Policy) { p.Spec.Order = nil }, []string{"order is none (evaluated last), declared 1100"}},
		{"roles", func(p *calico.Policy) {
			p.Spec.Selector = "ibm.role in { 'worker_private', 'worker_public' }"
		}, []string{"role is worker_public, worker_private, declared worker_public"}},
		{
			"ports", func(p *calico.Policy) {
				rewriteWith(t, p, func(g *guard) { g.ports = mustPorts(t, "30000:30100") }, effective)
			},
			[]string{"port range is 30000:30100, declared 30000:32767"},
		},
		{
			"protocols", func(p *calico.Policy) {
				rewriteWith(t, p, func(g *guard) { g.protocols = []string{"TCP"} }, effective)
			},
			[]string{"protocol is TCP, declared TCP, UDP"},
		},
		{"sources", func(p *calico.Policy) {
			rewriteWith(t, p, func(g *guard) { g.sources = networks(t, "10.0.0.0/9") }, effective)
		}, []string{"source 10.0.0.0/8 is declared and not let in", "source 10.0.0.0/9 is let in and not declared"}},
		{
			"exemption gone", func(p *calico.Policy) { rewriteWith(t, p, func(g *guard) { g.exempt = nil }, effective) },
			[]string{"address 192.0.2.1 of host endpoint edge-1 is declared and not exempt"},
		},
		{
			"stale exemption", func(p *calico.Policy) {
				rewriteWith(t, p, func(g *guard) { g.exempt = declared.exempt }, effective)
			},
			[]string{"address 192.0.2.2 is exempt and no node bears it any more"},
		},
		{"open destination", func(p *calico.Policy) {
			rewriteWith(t, p, func(g *guard) { g.destinations = networks(t, "203.0.113.0/24") }, effective)
		}, []string{"destination 203.0.113.0/24 is open and not declared"}},
		{"IPv6 opened", func(p *calico.Policy) { p.Spec.Ingress = p.Spec.Ingress[:2] }, []string{"IPv6 is not closed"}},
		{"stamp gone", func(p *calico.Policy) { delete(p.Annotations, framework.OwnerAnnotation) }, []string{"the ownership stamp is missing"}},
		{"another stamp", func(p *calico.Policy) { p.Annotations[framework.OwnerAnnotation] = "theirs" }, []string{"the ownership stamp is another resource's"}},
		{"own label changed", func(p *calico.Policy) { p.Labels["team"] = "x" }, []string{`label team is "x", declared "net"`}},
		{"own annotation gone", func(p *calico.Policy) { delete(p.Annotations, "why") }, []string{"annotation why is missing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			live := written
			live.Spec = *written.Spec.DeepCopy()
			live.Labels, live.Annotations = maps.Clone(written.Labels), maps.Clone(written.Annotations)
			test.change(&live)
			var want []string
			for _, s := range test.want {
				want = append(want, "policy guard: "+s)
			}
			if got := drift(live, declared, owner, bearer); !slices.Equal(got, want) {
				t.Errorf("drift = %q, want %q", got, want)
			}
		})
	}
}

func rewriteWith(t *testing.T, p *calico.Policy, change func(*guard), g guard) {
	t.Helper()
	change(&g)
	p.Spec = g.spec()
}

// Whatever else is in a policy shows as drift, also what a guard cannot say.
func TestDriftOfWhatIsNoGuard(t *testing.T) {
	t.Parallel()
	g := guard{name: "x", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, defaultPorts)}
	for name, change := range map[string]func(*calico.Policy){
		"allow first": func(p *calico.Policy) {
			p.Spec.Ingress = append([]v3.Rule{{Action: v3.Allow}}, p.Spec.Ingress...)
		},
		"not before DNAT":      func(p *calico.Policy) { p.Spec.PreDNAT = false },
		"other selector":       func(p *calico.Policy) { p.Spec.Selector = "all()" },
		"no rules":             func(p *calico.Policy) { p.Spec.Ingress = nil },
		"narrower":             func(p *calico.Policy) { p.Spec.Ingress[0].Source.Nets = []string{"10.0.0.0/8"} },
		"pass":                 func(p *calico.Policy) { p.Spec.Ingress[0].Action = v3.Pass },
		"unknown field":        func(p *calico.Policy) { p.Unknown = []string{"ingress[0].source.domains"} },
		"unreadable":           func(p *calico.Policy) { p.Unreadable = errors.New("strange") },
		"another rule as well": func(p *calico.Policy) { p.Spec.Ingress = append(p.Spec.Ingress, v3.Rule{Action: v3.Deny}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := calico.Policy{Name: "x", Spec: g.spec()}
			change(&live)
			got := drift(live, g, framework.Owner{}, nobody)
			if len(got) == 0 || !strings.HasPrefix(got[0], "policy x: ") {
				t.Errorf("drift = %q, want sentences about policy x", got)
			}
		})
	}
}
