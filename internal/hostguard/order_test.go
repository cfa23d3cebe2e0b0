package hostguard

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

func order(n float64) *float64 { return &n }

// closing is a policy of host endpoints before DNAT.
func closing(name, tier string, at *float64, role string, rules ...v3.Rule) calico.Policy {
	return calico.Policy{Name: name, Spec: calico.Spec{
		Tier: tier, Order: at, Selector: calico.RoleSelector(role), PreDNAT: true, ApplyOnForward: true, Ingress: rules,
	}}
}

func denies(ports ...numorstring.Port) v3.Rule {
	protocol := numorstring.ProtocolFromString("TCP")
	return v3.Rule{Action: v3.Deny, Protocol: &protocol, Destination: v3.EntityRule{Ports: ports}}
}

func TestGuardsInTheWrongOrder(t *testing.T) {
	t.Parallel()
	pass := v3.Rule{Action: v3.Pass, Source: v3.EntityRule{Nets: []string{"192.0.2.0/24"}}}
	all, some := denies(), denies(numorstring.SinglePort(30080))
	for _, test := range []struct {
		name              string
		inbound, nodePort calico.Policy
		wrong             bool
	}{
		{"as they should be", closing("in", "", order(1500), DefaultRole, pass, all), closing("np", "", order(1100), DefaultRole, some), false},
		{"the other way round", closing("in", "", order(1000), DefaultRole, pass, all), closing("np", "", order(1100), DefaultRole, some), true},
		{"the tier spelled out", closing("in", "default", order(1000), DefaultRole, pass, all), closing("np", "", order(1100), DefaultRole, some), true},
		{"the same order goes by name", closing("a", "", order(1100), DefaultRole, pass, all), closing("b", "", order(1100), DefaultRole, some), true},
		{"the same order, the other names", closing("b", "", order(1100), DefaultRole, pass, all), closing("a", "", order(1100), DefaultRole, some), false},
		{"the NodePort guard is last", closing("in", "", order(1500), DefaultRole, pass, all), closing("np", "", nil, DefaultRole, some), true},
		{"the inbound guard is last", closing("in", "", nil, DefaultRole, pass, all), closing("np", "", order(1100), DefaultRole, some), false},
		{"other host endpoints", closing("in", "", order(1000), "worker_private", pass, all), closing("np", "", order(1100), DefaultRole, some), false},
		{"an earlier tier passes on to the next", closing("in", "first", order(1000), DefaultRole, pass, all), closing("np", "", order(1100), DefaultRole, some), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			place := func(p calico.Policy) Place {
				found, acts := placeOf(p)
				if !acts {
					t.Fatalf("%s has no place", p.Name)
				}
				return found
			}
			policies := []calico.Policy{test.inbound, test.nodePort}
			for who, problems := range map[string]int{
				"NodePort guard": len(BeforeNodePorts(policies, place(test.nodePort))),
				"inbound guard":  len(BehindInbound(policies, place(test.inbound))),
			} {
				if (problems > 0) != test.wrong {
					t.Errorf("the %s has %d problems, wrong = %t", who, problems, test.wrong)
				}
			}
			for _, problem := range append(BeforeNodePorts(policies, place(test.nodePort)), BehindInbound(policies, place(test.inbound))...) {
				if !strings.Contains(problem.Detail, "skips the later policies") || problem.Path.String() != "order" {
					t.Errorf("the problem is %+v", problem)
				}
			}
		})
	}
}

// What closes everything and passes nothing has nobody find the node ports open,
// wherever it stands: a lock-down by hand, before all else.
func TestWhatPassesNothingIsInNobodysWay(t *testing.T) {
	t.Parallel()
	policies := []calico.Policy{closing("lock-down", "", order(1), DefaultRole, denies())}
	if got := BeforeNodePorts(policies, Place{Name: "np", Order: order(1100), Roles: []string{DefaultRole}}); len(got) > 0 {
		t.Errorf("problems %+v", got)
	}
}

// Policies that are no guards do not matter, wherever they stand.
func TestOtherPoliciesAreInNobodysWay(t *testing.T) {
	t.Parallel()
	allow := v3.Rule{Action: v3.Allow}
	late := closing("late", "", order(5), DefaultRole, denies())
	late.Spec.PreDNAT = false
	other := closing("other", "", order(5), DefaultRole, denies())
	other.Spec.Selector = "all()"
	policies := []calico.Policy{closing("allows", "", order(5), DefaultRole, allow), late, other, closing("empty", "", order(2000), DefaultRole)}
	if got := BeforeNodePorts(policies, Place{Name: "np", Order: order(1100), Roles: []string{DefaultRole}}); len(got) > 0 {
		t.Errorf("problems %+v", got)
	}
	if got := BehindInbound(policies, Place{Name: "in", Order: order(1), Roles: []string{DefaultRole}}); len(got) > 0 {
		t.Errorf("problems %+v", got)
	}
}

func TestClosesAll(t *testing.T) {
	t.Parallel()
	icmp := numorstring.ProtocolFromString("ICMP")
	narrow := denies()
	narrow.Source.Nets = []string{"192.0.2.0/24"}
	for name, test := range map[string]struct {
		rule v3.Rule
		want bool
	}{
		"one protocol":  {denies(), true},
		"all protocols": {v3.Rule{Action: v3.Deny}, true},
		"ports":         {denies(numorstring.SinglePort(80)), false},
		"some sources":  {narrow, false},
		"ICMP":          {v3.Rule{Action: v3.Deny, Protocol: &icmp}, false},
		"allows":        {v3.Rule{Action: v3.Allow}, false},
	} {
		if got := ClosesAll(test.rule); got != test.want {
			t.Errorf("%s: ClosesAll = %t", name, got)
		}
	}
}
