package nodeportguard

import (
	"encoding/json"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// FuzzSettings feeds anything at all to the attributes. What is accepted must
// make a policy that Calico accepts, that only denies, that closes exactly the
// ports that were asked for, and that reads back as what it is.
func FuzzSettings(f *testing.F) {
	f.Add("30000:32767", "10.0.0.0/8", "192.0.2.1", "worker_public", uint16(30080))
	f.Add("80,443,8000:9000", "", "", "worker_public,worker_private", uint16(443))
	f.Add("1:65535", "192.0.2.1/32,10.0.0.0/9", "192.0.2.7/32", "x", uint16(65535))
	f.Add("32767:30000", "0.0.0.0/0", "::1", "' || all()", uint16(0))
	f.Fuzz(func(t *testing.T, ports, networks, addresses, roles string, port uint16) {
		m := model{
			PortRanges: list(split(ports)...), Sources: hostguard.StringSet(unique(networks)), Exempt: hostguard.StringSet(unique(addresses)), Roles: hostguard.StringSet(unique(roles)),
		}
		s, known, problems := m.settings()
		if !known {
			t.Fatal("nothing is unknown here")
		}
		if len(problems) > 0 {
			return
		}
		spec := s.guard.spec()
		if wrong := calico.Check(s.guard.key(), spec); len(wrong) > 0 {
			t.Fatalf("Calico refuses %+v: %v", spec, wrong)
		}
		asked := false
		for _, text := range split(ports) {
			r, err := hostguard.ParsePortRange(text)
			if err != nil {
				t.Fatalf("%q was accepted: %v", text, err)
			}
			asked = asked || r.First <= port && port <= r.Last
		}
		for _, rule := range spec.Ingress {
			if rule.Action != v3.Deny {
				t.Fatalf("a rule is %s", rule.Action)
			}
			set, ok := hostguard.PortsFrom(rule.Destination.Ports)
			if !ok || set.Contains(port) != asked {
				t.Fatalf("port %d: asked for = %t, rule has %v", port, asked, rule.Destination.Ports)
			}
		}
		encoded, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var stored v3.GlobalNetworkPolicySpec
		if err := json.Unmarshal(encoded, &stored); err != nil {
			t.Fatalf("%s cannot be read back: %v", encoded, err)
		}
		read, ok := readGuard(s.guard.name, stored, nobody)
		if !ok || !sameSpec(read.spec(), spec) {
			t.Fatalf("%s is read as %+v, %t", encoded, read, ok)
		}
	})
}

// FuzzReadGuard feeds any policy at all. Nothing may break it, and a policy
// that is said to be the same must not contain anything that opens.
func FuzzReadGuard(f *testing.F) {
	f.Add(`{"preDNAT":true,"applyOnForward":true,"selector":"ibm.role=='worker_public'","ingress":[{"action":"Deny","protocol":6,"destination":{"ports":["30000:32767"]}}]}`)
	f.Add(`{"preDNAT":true,"selector":"ibm.role in {'a','b'}","ingress":[{"action":"Allow"},{"action":"Deny","ipVersion":4,"protocol":"UDP","source":{"notNets":["10.1.2.3/8","x"]},"destination":{"ports":[1,"2:3"]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var spec v3.GlobalNetworkPolicySpec
		if json.Unmarshal([]byte(text), &spec) != nil {
			return
		}
		g, ok := readGuard("x", spec, nobody)
		specDrift(calico.Policy{Spec: spec}, g, g, nobody)
		if !ok || !sameSpec(spec, g.spec()) {
			return
		}
		for _, rule := range spec.Ingress {
			if rule.Action != v3.Deny {
				t.Fatalf("%s is taken for a guard", text)
			}
		}
	})
}

func split(s string) []string { return strings.Split(s, ",") }

func unique(s string) []string {
	if s == "" {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, v := range split(s) {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
