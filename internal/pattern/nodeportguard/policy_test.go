package nodeportguard

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadGuardIsTheInverseOfSpec(t *testing.T) {
	t.Parallel()
	for _, want := range someGuards(t) {
		bearer := func(a netip.Addr) string {
			for _, exempt := range want.exempt {
				if exempt == a {
					return "host endpoint e"
				}
			}
			return ""
		}
		got, ok := readGuard(want.name, want.spec(), bearer)
		if !ok {
			t.Errorf("%+v is not read as a guard", want)
			continue
		}
		if diff := cmp.Diff(want.spec(), got.spec()); diff != "" {
			t.Errorf("%+v (-written +read):\n%s", want, diff)
		}
		if len(got.exempt) != len(want.exempt) {
			t.Errorf("exempt = %v, want %v", got.exempt, want.exempt)
		}
	}
}

// What people write with calicoctl in their own way and means the same.
func TestSameSpecHoweverWritten(t *testing.T) {
	t.Parallel()
	order := 1100.0
	plain := guard{name: "x", tier: defaultTier, order: &order, roles: []string{"worker_public"}, protocols: []string{"TCP", "UDP"}, ports: mustPorts(t, defaultPorts)}
	two := plain
	two.roles = []string{"worker_public", "worker_private"}
	open := plain
	open.sources = networks(t, "10.0.0.0/8")
	for _, test := range []struct {
		name, text string
		want       guard
		same       bool
	}{
		{"selector without blanks, rules the other way round, tier and types left out", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [
  {action: Deny, protocol: UDP, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}}]}`, plain, true},
		{"protocols by number, ports in pieces", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", types: [Ingress], ingress: [
  {action: Deny, protocol: 6, destination: {ports: ["31000:32767", "30000:30999"]}},
  {action: Deny, protocol: 17, destination: {ports: ["30000:32767"]}}]}`, plain, true},
		{"a set of roles in another order and with other quotes", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: 'ibm.role in {"worker_private", "worker_public"}', ingress: [
  {action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: UDP, destination: {ports: ["30000:32767"]}}]}`, two, true},
		{"networks with host bits", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [
  {action: Deny, ipVersion: 6, protocol: TCP, destination: {ports: ["30000:32767"]}},
  {action: Deny, ipVersion: 6, protocol: UDP, destination: {ports: ["30000:32767"]}},
  {action: Deny, ipVersion: 4, protocol: TCP, source: {notNets: [10.1.2.3/8]}, destination: {ports: ["30000:32767"]}},
  {action: Deny, ipVersion: 4, protocol: UDP, source: {notNets: [10.0.0.0/8]}, destination: {ports: ["30000:32767"]}}]}`, open, true},
		{"IPv6 left open", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [
  {action: Deny, protocol: TCP, source: {notNets: [10.0.0.0/8]}, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: UDP, source: {notNets: [10.0.0.0/8]}, destination: {ports: ["30000:32767"]}}]}`, open, false},
		{"another order", `
spec: {order: 900, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [
  {action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: UDP, destination: {ports: ["30000:32767"]}}]}`, plain, false},
		{"an Allow before the Denies, whose place then matters", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [
  {action: Allow, protocol: TCP, destination: {ports: [30080]}},
  {action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: UDP, destination: {ports: ["30000:32767"]}}]}`, plain, false},
		{"a rule that matches less", `
spec: {order: 1100, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [
  {action: Deny, protocol: TCP, source: {nets: [10.0.0.0/8]}, destination: {ports: ["30000:32767"]}},
  {action: Deny, protocol: UDP, destination: {ports: ["30000:32767"]}}]}`, plain, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := sameSpec(policyFrom(t, test.text).Spec, test.want.spec()); got != test.same {
				t.Errorf("sameSpec = %t, want %t", got, test.same)
			}
		})
	}
}

func TestReadGuardRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not before DNAT": `spec: {selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP, destination: {ports: [30080]}}]}`,
		"only allows":     `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Allow, protocol: TCP, destination: {ports: [30080]}}]}`,
		"other selector":  `spec: {preDNAT: true, applyOnForward: true, selector: "has(ibm.role)", ingress: [{action: Deny, protocol: TCP, destination: {ports: [30080]}}]}`,
		"no ports":        `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP}]}`,
		"named port":      `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP, destination: {ports: [http]}}]}`,
		"no role at all":  `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role in {}", ingress: [{action: Deny, protocol: TCP, destination: {ports: [30080]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if g, ok := readGuard("x", policyFrom(t, text).Spec, nobody); ok {
				t.Errorf("read as a guard: %+v", g)
			}
		})
	}
}
