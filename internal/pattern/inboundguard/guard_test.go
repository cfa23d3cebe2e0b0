package inboundguard

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func policyFrom(t *testing.T, text string) v3.GlobalNetworkPolicySpec {
	t.Helper()
	var p v3.GlobalNetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p.Spec
}

func networks(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range texts {
		network, err := hostguard.ParseNetwork(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, network)
	}
	return out
}

func ports(t *testing.T, texts ...string) hostguard.Ports {
	t.Helper()
	var ranges []hostguard.PortRange
	for _, s := range texts {
		r, err := hostguard.ParsePortRange(s)
		if err != nil {
			t.Fatal(err)
		}
		ranges = append(ranges, r)
	}
	return hostguard.PortsOf(ranges)
}

func orderOf(n float64) *float64 { return &n }

// base is the guard that nothing was said about, without monitors.
func base() guard {
	return guard{name: defaultName, order: orderOf(defaultOrder), roles: []string{hostguard.DefaultRole}}
}

// full says all that a guard can say.
func full(t *testing.T) guard {
	t.Helper()
	g := base()
	g.sources, g.monitors, g.management = networks(t, "198.51.100.0/24", "192.0.2.0/24"), networks(t, documentedMonitors()...), true
	g.passes = []traffic{{sources: networks(t, "203.0.113.7"), protocol: "UDP", ports: ports(t, "4500", "500")}}
	g.logs = []traffic{{protocol: "TCP", ports: ports(t, "22")}}
	g.balancers = []balancer{{address: netip.MustParseAddr("169.50.1.2"), protocol: "TCP", ports: ports(t, "443", "8080")}}
	return g
}

func TestSpec(t *testing.T) {
	t.Parallel()
	want := policyFrom(t, `
spec:
  tier: default
  order: 1500
  applyOnForward: true
  preDNAT: true
  selector: ibm.role == 'worker_public'
  types: [Ingress]
  ingress:
  - {action: Pass, source: {nets: [192.0.2.0/24, 198.51.100.0/24]}}
  - {action: Pass, protocol: TCP, source: {nets: [163.114.225.0/24, 163.114.230.0/24, 163.114.231.0/24]}, destination: {ports: [80, 443]}}
  - {action: Pass, protocol: TCP, destination: {ports: [52311]}}
  - {action: Pass, protocol: UDP, destination: {ports: [52311]}}
  - {action: Pass, protocol: UDP, source: {nets: [203.0.113.7/32]}, destination: {ports: [500, 4500]}}
  - {action: Log, protocol: TCP, destination: {ports: [22]}}
  - {action: Deny, protocol: TCP}
  - {action: Deny, protocol: UDP}
  - {action: Deny, protocol: SCTP}
`)
	if diff := cmp.Diff(want, full(t).spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func TestIPVSSpec(t *testing.T) {
	t.Parallel()
	want := policyFrom(t, `
spec:
  tier: default
  order: 1000
  applyOnForward: true
  doNotTrack: true
  selector: ibm.role == 'worker_public'
  types: [Ingress]
  ingress:
  - action: Deny
    protocol: TCP
    source: {notNets: [163.114.225.0/24, 163.114.230.0/24, 163.114.231.0/24, 192.0.2.0/24, 198.51.100.0/24]}
    destination: {nets: [169.50.1.2/32], ports: [443]}
  - action: Deny
    protocol: TCP
    source: {notNets: [192.0.2.0/24, 198.51.100.0/24]}
    destination: {nets: [169.50.1.2/32], ports: [8080]}
`)
	if diff := cmp.Diff(want, full(t).ipvsSpec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

// Who may come in at a load balancer of version 2.0 follows from what passes.
func TestParts(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("169.50.1.2")
	corporate, other := networks(t, "192.0.2.0/24"), networks(t, "198.51.100.0/24")
	for _, test := range []struct {
		name   string
		passes []traffic
		ports  []string
		want   []traffic
	}{
		{"nothing passes", nil, []string{"443"}, []traffic{{ports: ports(t, "443")}}},
		{"a source", []traffic{{sources: corporate}}, []string{"443"}, []traffic{{sources: corporate, ports: ports(t, "443")}}},
		{"a source at one of the ports", []traffic{{sources: corporate, protocol: "TCP", ports: ports(t, "443")}}, []string{"80", "443"}, []traffic{{ports: ports(t, "80")}, {sources: corporate, ports: ports(t, "443")}}},
		{"within a range", []traffic{{sources: corporate, protocol: "TCP", ports: ports(t, "8005:8010")}}, []string{"8000:8020"}, []traffic{{ports: ports(t, "8000:8004", "8011:8020")}, {sources: corporate, ports: ports(t, "8005:8010")}}},
		{"up to the last port", []traffic{{sources: corporate, protocol: "TCP", ports: ports(t, "65000:65535")}}, []string{"64999:65535"}, []traffic{{ports: ports(t, "64999")}, {sources: corporate, ports: ports(t, "65000:65535")}}},
		{"two sources", []traffic{{sources: corporate}, {sources: other, protocol: "TCP", ports: ports(t, "443")}}, []string{"443"}, []traffic{{sources: append(slices.Clone(corporate), other...), ports: ports(t, "443")}}},
		{"another protocol", []traffic{{sources: corporate, protocol: "UDP", ports: ports(t, "443")}}, []string{"443"}, []traffic{{ports: ports(t, "443")}}},
		{"another destination", []traffic{{sources: corporate, destinations: networks(t, "169.50.1.3")}}, []string{"443"}, []traffic{{ports: ports(t, "443")}}},
		{"its destination", []traffic{{sources: corporate, destinations: networks(t, "169.50.1.0/24")}}, []string{"443"}, []traffic{{sources: corporate, ports: ports(t, "443")}}},
		{"everybody at one of the ports", []traffic{{protocol: "TCP", ports: ports(t, "443")}}, []string{"443", "444"}, []traffic{{ports: ports(t, "444")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := base()
			g.passes = test.passes
			var got []string
			for _, part := range g.parts(balancer{at, "TCP", ports(t, test.ports...)}) {
				got = append(got, part.String())
			}
			if want := trafficTexts(test.want); !slices.Equal(got, want) {
				t.Errorf("parts = %q, want %q", got, want)
			}
		})
	}
}

func someGuards(t *testing.T) []guard {
	t.Helper()
	all := []guard{base(), full(t)}
	with := func(change func(*guard)) {
		g := base()
		change(&g)
		all = append(all, g)
	}
	with(func(g *guard) { g.sources = networks(t, "10.0.0.0/8") })
	with(func(g *guard) { g.monitors = networks(t, documentedMonitors()...) })
	with(func(g *guard) { g.monitors = networks(t, "192.0.2.1") })
	with(func(g *guard) { g.management = true })
	with(func(g *guard) { g.passes = management()[:1] })
	with(func(g *guard) { g.management, g.passes = true, management() })
	with(func(g *guard) {
		g.passes = []traffic{{sources: networks(t, "10.0.0.0/8")}, {sources: networks(t, "10.1.0.0/16")}}
	})
	with(func(g *guard) { g.passes = []traffic{{destinations: networks(t, "192.0.2.1"), protocol: "SCTP"}} })
	with(func(g *guard) {
		g.logs = []traffic{{sources: networks(t, "192.0.2.1")}, {protocol: "UDP", ports: ports(t, "1:65535")}}
	})
	with(func(g *guard) { g.order, g.roles = nil, []string{"zz", "worker_private"} })
	return all
}

// A preDNAT Allow would be final, and one before connection tracking as well.
func TestNothingIsEverAllowed(t *testing.T) {
	t.Parallel()
	for _, g := range someGuards(t) {
		for _, spec := range []v3.GlobalNetworkPolicySpec{g.spec(), g.ipvsSpec()} {
			holds(t, spec)
		}
	}
}

// holds checks what must be true of every policy of a guard.
func holds(t *testing.T, spec v3.GlobalNetworkPolicySpec) {
	t.Helper()
	if !spec.ApplyOnForward || spec.PreDNAT == spec.DoNotTrack || len(spec.Egress) > 0 {
		t.Errorf("neither before DNAT nor before connection tracking alone: %+v", spec)
	}
	if wrong := calico.Check("x", spec); len(wrong) > 0 {
		t.Errorf("Calico refuses %+v: %v", spec, wrong)
	}
	closed := map[string]bool{}
	for _, rule := range spec.Ingress {
		if rule.Action == v3.Allow {
			t.Errorf("a rule allows: %+v", rule)
		}
		if hostguard.ClosesAll(rule) {
			closed[rule.Protocol.String()] = true
		}
		// A Pass would skip IBM's own policy there, a denial without an address
		// drop replies to outbound traffic.
		if spec.DoNotTrack && (rule.Action != v3.Deny || len(rule.Destination.Nets) == 0 || len(rule.Destination.Ports) == 0) {
			t.Errorf("before connection tracking stands %+v", rule)
		}
	}
	if want := spec.PreDNAT; (len(closed) == 3) != want {
		t.Errorf("closed are %v", closed)
	}
}

// Of every family and protocol, what is bound to no network is closed: a rule
// with IPv4 networks is not there for IPv6.
func TestIPv6IsClosed(t *testing.T) {
	t.Parallel()
	for _, g := range someGuards(t) {
		for _, rule := range g.spec().Ingress {
			if rule.IPVersion != nil || rule.Action == v3.Deny && len(rule.Source.Nets)+len(rule.Destination.Nets)+len(rule.Source.NotNets) > 0 {
				t.Errorf("a denial holds for IPv4 alone: %+v", rule)
			}
		}
	}
}

func TestReadGuardIsTheInverseOfSpec(t *testing.T) {
	t.Parallel()
	for _, want := range someGuards(t) {
		second := want.ipvsSpec()
		got, ok := readGuard(want.name, want.spec(), &second)
		if !ok {
			t.Errorf("%+v is not read as a guard", want)
			continue
		}
		if !sameSpec(got.spec(), want.spec()) || !sameSpec(got.ipvsSpec(), second) {
			t.Errorf("%+v is read as %+v", want, got)
		}
	}
	got, _ := readGuard(defaultName, full(t).spec(), nil)
	if len(got.sources) != 2 || len(got.monitors) != 3 || !got.management || len(got.passes) != 1 || len(got.logs) != 1 {
		t.Errorf("not read as what it was written from: %+v", got)
	}
}

func TestReadGuardRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not before DNAT":    `spec: {selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP}]}`,
		"a NodePort guard":   `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}}]}`,
		"closes for some":    `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP, source: {nets: [10.0.0.0/8]}}]}`,
		"other selector":     `spec: {preDNAT: true, applyOnForward: true, selector: "has(ibm.role)", ingress: [{action: Deny, protocol: TCP}]}`,
		"only ICMP":          `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: ICMP}]}`,
		"nothing but passes": `spec: {preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Pass, source: {nets: [10.0.0.0/8]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if g, ok := readGuard("x", policyFrom(t, text), nil); ok {
				t.Errorf("read as a guard: %+v", g)
			}
		})
	}
}

func TestMonitorsAreNetworks(t *testing.T) {
	t.Parallel()
	if got := networks(t, documentedMonitors()...); len(got) != 3 {
		t.Errorf("the table has %v", got)
	}
}
