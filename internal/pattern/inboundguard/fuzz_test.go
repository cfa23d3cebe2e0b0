package inboundguard

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// FuzzSettings feeds anything at all to the attributes. What is accepted must
// make policies that Calico accepts, that allow nothing, and that read back as
// what they are.
func FuzzSettings(f *testing.F) {
	f.Add("192.0.2.0/24", "203.0.113.7", "500,4500", "UDP", "192.0.2.1", "169.50.1.2", "443", true)
	f.Add("", "", "52311", "TCP", "", "169.50.1.2", "1:65535", true)
	f.Add("10.0.0.0/8,10.1.0.0/16", "", "1:100", "TCP", "163.114.225.0/24,163.114.230.0/24,163.114.231.0/24", "", "", false)
	f.Add("0.0.0.0/0", "::1", "9:1", "ESP", "x", "10.0.0.0/8", "0", false)
	f.Fuzz(func(t *testing.T, sources, from, ports, protocol, monitors, address, balanced string, management bool) {
		some := item{sources: texts(unique(from)...), ports: texts(unique(ports)...)}
		if protocol != "" {
			some.protocol = types.StringValue(protocol)
		}
		m := model{Sources: texts(unique(sources)...), Monitors: texts(unique(monitors)...), Pass: items(some), Log: items(some), Management: types.BoolValue(management)}
		if address != "" {
			m.Balancers = balancerItems(address, unique(balanced)...)
		}
		s, known, problems := m.settings()
		if !known {
			t.Fatal("nothing is unknown here")
		}
		if len(problems) > 0 {
			return
		}
		first, second := s.guard.spec(), s.guard.ipvsSpec()
		holds(t, first)
		holds(t, second)
		read, ok := readGuard(s.guard.name, again(t, first), ptr(again(t, second)))
		if !ok || !sameSpec(read.spec(), first) || !sameSpec(read.ipvsSpec(), second) {
			t.Fatalf("%+v is read as %+v, %t", s.guard, read, ok)
		}
	})
}

func ptr(spec v3.GlobalNetworkPolicySpec) *v3.GlobalNetworkPolicySpec { return &spec }

// again is a spec as it comes back from an API server.
func again(t *testing.T, spec v3.GlobalNetworkPolicySpec) v3.GlobalNetworkPolicySpec {
	t.Helper()
	encoded, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out v3.GlobalNetworkPolicySpec
	if err := json.Unmarshal(encoded, &out); err != nil {
		t.Fatalf("%s cannot be read back: %v", encoded, err)
	}
	return out
}

// FuzzReadGuard feeds any policy at all. Nothing may break it, a policy that is
// said to be the same must open nothing, and what is read can be declared.
func FuzzReadGuard(f *testing.F) {
	f.Add(`{"preDNAT":true,"applyOnForward":true,"selector":"ibm.role=='worker_public'","ingress":[{"action":"Pass","source":{"nets":["10.1.2.3/8"]}},{"action":"Deny","protocol":6}]}`)
	f.Add(`{"preDNAT":true,"selector":"ibm.role in {'a','b'}","ingress":[{"action":"Allow"},{"action":"Pass","protocol":"UDP","source":{"nets":["0.0.0.0/0","x"]},"destination":{"ports":[1,"2:3"]}},{"action":"Log","ipVersion":4},{"action":"Deny"}]}`)
	f.Add(`{"doNotTrack":true,"selector":"ibm.role=='worker_public'","ingress":[{"action":"Deny","protocol":"TCP","source":{"notNets":["10.0.0.0/8"]},"destination":{"nets":["::1/128","192.0.2.1/32"],"ports":[443]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var spec v3.GlobalNetworkPolicySpec
		if json.Unmarshal([]byte(text), &spec) != nil {
			return
		}
		g, ok := readGuard("x", spec, &spec)
		g.differs(calico.Policy{Spec: spec})
		if !ok {
			return
		}
		var m model
		m.declare(g)
		if m.Order.IsNull() {
			m.Order = types.Float64Value(1)
		}
		if _, _, problems := m.settings(); len(problems) > 0 {
			t.Fatalf("%s is read as what cannot be declared: %+v", text, problems)
		}
		if sameSpec(spec, g.spec()) && slices.ContainsFunc(spec.Ingress, func(r v3.Rule) bool { return r.Action == v3.Allow }) {
			t.Fatalf("%s is taken for a guard", text)
		}
	})
}

func unique(s string) []string {
	if s == "" {
		return nil
	}
	list := strings.Split(s, ",")
	slices.Sort(list)
	return slices.Compact(list)
}
