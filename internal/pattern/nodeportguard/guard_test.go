package nodeportguard

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// published is the policy that the pattern's origin tells people to apply, as
// the Calico API gives it back.
const published = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: deny-kube-node-port-services
spec:
  tier: default
  applyOnForward: true
  preDNAT: true
  selector: ibm.role in { 'worker_public', 'master_public' }
  types:
  - Ingress
  ingress:
  - action: Deny
    protocol: TCP
    source: {}
    destination:
      ports:
      - 20000:32767
  - action: Deny
    protocol: UDP
    source: {}
    destination:
      ports:
      - 20000:32767
`

func policyFrom(t *testing.T, text string) v3.GlobalNetworkPolicy {
	t.Helper()
	var p v3.GlobalNetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpecIsThePublishedPolicy(t *testing.T) {
	t.Parallel()
	want := policyFrom(t, published)
	g := guard{
		name: defaultName, tier: defaultTier, ports: mustPorts(t, "20000:32767"),
		roles: []string{"master_public", "worker_public"}, protocols: []string{"UDP", "TCP"},
	}
	if diff := cmp.Diff(want.Spec, g.spec()); diff != "" {
		t.Errorf("the spec is not the published one (-published +ours):\n%s", diff)
	}
	if g.key() != want.Name {
		t.Errorf("key = %q, want %q", g.key(), want.Name)
	}
}

func TestSpecWithOpenings(t *testing.T) {
	t.Parallel()
	order := 1100.0
	g := guard{
		name: "x", tier: "security", order: &order, roles: []string{"worker_public"}, protocols: []string{"TCP"},
		ports: mustPorts(t, "30000:32767", "8080"), sources: networks(t, "192.0.2.0/24"),
		destinations: networks(t, "203.0.113.7"), exempt: addresses(t, "198.51.100.9", "203.0.113.7"),
	}
	want := policyFrom(t, `
spec:
  tier: security
  order: 1100
  applyOnForward: true
  preDNAT: true
  selector: ibm.role == 'worker_public'
  types: [Ingress]
  ingress:
  - action: Deny
    ipVersion: 4
    protocol: TCP
    source:
      notNets: [192.0.2.0/24]
    destination:
      notNets: [198.51.100.9/32, 203.0.113.7/32]
      ports: [8080, "30000:32767"]
  - action: Deny
    ipVersion: 6
    protocol: TCP
    destination:
      ports: [8080, "30000:32767"]
`)
	if diff := cmp.Diff(want.Spec, g.spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if g.key() != "security.x" {
		t.Errorf("key = %q, want security.x", g.key())
	}
}

// A preDNAT Allow would be final, so no guard may ever have one, nor anything
// that acts later than that.
func TestSpecOnlyDenies(t *testing.T) {
	t.Parallel()
	for _, g := range someGuards(t) {
		spec := g.spec()
		if !spec.PreDNAT || !spec.ApplyOnForward || spec.DoNotTrack || len(spec.Egress) > 0 {
			t.Errorf("%+v: not a preDNAT ingress policy: %+v", g, spec)
		}
		if len(spec.Ingress) == 0 {
			t.Errorf("%+v: no rules", g)
		}
		for _, rule := range spec.Ingress {
			if rule.Action != v3.Deny {
				t.Errorf("%+v: a rule of a guard is %s", g, rule.Action)
			}
		}
	}
}

// Rules whose networks are all IPv4 are not there for IPv6 at all.
func TestSpecNeverLeavesIPv6Open(t *testing.T) {
	t.Parallel()
	for _, g := range someGuards(t) {
		closed := map[string]bool{}
		for _, rule := range g.spec().Ingress {
			limited := len(rule.Source.NotNets)+len(rule.Destination.NotNets) > 0
			if !limited && (rule.IPVersion == nil || *rule.IPVersion == 6) {
				closed[rule.Protocol.String()] = true
			}
		}
		for _, protocol := range g.protocols {
			if !closed[protocol] {
				t.Errorf("%+v: IPv6 %s is open", g, protocol)
			}
		}
	}
}

func someGuards(t *testing.T) []guard {
	t.Helper()
	base := guard{name: "x", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP", "UDP"}, ports: mustPorts(t, defaultPorts)}
	all := []guard{base}
	with := func(change func(*guard)) {
		g := base
		change(&g)
		all = append(all, g)
	}
	with(func(g *guard) { g.sources = networks(t, "10.0.0.0/8") })
	with(func(g *guard) { g.destinations = networks(t, "10.0.0.0/8", "192.0.2.1") })
	with(func(g *guard) { g.exempt = addresses(t, "192.0.2.1") })
	with(func(g *guard) {
		g.sources, g.exempt = networks(t, "10.0.0.0/8"), addresses(t, "192.0.2.1", "192.0.2.2")
	})
	with(func(g *guard) { g.protocols = hostguard.Protocols() })
	with(func(g *guard) { g.roles = []string{"zz", "worker_private", "aa"} })
	with(func(g *guard) { g.ports = mustPorts(t, "1:65535") })
	return all
}

func TestNarrowed(t *testing.T) {
	t.Parallel()
	g := guard{exempt: addresses(t, "192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.1")}
	bearer := func(a netip.Addr) string {
		if a.String() == "192.0.2.2" {
			return ""
		}
		return "host endpoint e"
	}
	effective, stale := g.narrowed(bearer)
	if want := addresses(t, "192.0.2.1", "192.0.2.3"); !slices.Equal(effective.exempt, want) {
		t.Errorf("exempt = %v, want %v", effective.exempt, want)
	}
	if want := addresses(t, "192.0.2.2"); !slices.Equal(stale, want) {
		t.Errorf("stale = %v, want %v", stale, want)
	}
	if len(g.exempt) != 4 {
		t.Error("narrowed changed the guard that it was given")
	}
}

func mustPorts(t *testing.T, texts ...string) hostguard.Ports {
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
