package inboundguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func balanced(name, features, kind, address string, ports ...int32) corev1.Service {
	s := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name, Annotations: map[string]string{
			hostguard.FeaturesAnnotation: features, hostguard.IPTypeAnnotation: kind,
		}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
	}
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: p})
	}
	if address != "" {
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	}
	return s
}

func TestUnlisted(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("169.50.1.2")
	with := func(change func(*guard)) guard {
		g := base()
		change(&g)
		return g
	}
	two := balanced("two", "ipvs", "public", "169.50.1.2", 443, 8080)
	for _, test := range []struct {
		name    string
		guard   guard
		service corev1.Service
		want    []string
	}{
		{"not listed", base(), two, []string{"load balancer app/two, port TCP 443 (169.50.1.2)", "load balancer app/two, port TCP 8080 (169.50.1.2)"}},
		{"listed", with(func(g *guard) { g.balancers = []balancer{{at, "TCP", ports(t, "1:65535")}} }), two, nil},
		{"one port listed", with(func(g *guard) { g.balancers = []balancer{{at, "TCP", ports(t, "443")}} }), two, []string{"load balancer app/two, port TCP 8080 (169.50.1.2)"}},
		{"another protocol listed", with(func(g *guard) { g.balancers = []balancer{{at, "UDP", ports(t, "443", "8080")}} }), two, []string{"load balancer app/two, port TCP 443 (169.50.1.2)", "load balancer app/two, port TCP 8080 (169.50.1.2)"}},
		{"everybody passes", with(func(g *guard) { g.passes = []traffic{{protocol: "TCP", ports: ports(t, "443", "8080")}} }), two, nil},
		{"version 1.0", base(), balanced("one", "", "public", "169.50.1.3", 443), nil},
		{"private", base(), balanced("two", "ipvs", "private", "10.0.0.1", 443), nil},
		{"without an address yet", base(), balanced("two", "ipvs", "public", "", 443), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.guard.unlisted([]corev1.Service{test.service}); !slices.Equal(got, test.want) {
				t.Errorf("unlisted = %q, want %q", got, test.want)
			}
		})
	}
}

func TestServicesAreRefusedOrWarnedOf(t *testing.T) {
	t.Parallel()
	s := hostguard.Scene{Failsafe: []calico.FailsafePort{{Protocol: "TCP", Port: 22}}}
	services := []corev1.Service{balanced("ssh", "", "public", "169.50.1.3", 22), balanced("two", "ipvs", "public", "169.50.1.2", 443)}
	var enforced, warned hostguard.Objections
	aboutServices(&enforced, s, services, settings{guard: base()})
	aboutServices(&warned, s, services, settings{guard: base(), warnOnly: true})
	if len(enforced.Problems) != 2 || len(warned.Problems) != 0 || len(warned.Warnings) != 2 {
		t.Errorf("enforced %+v, warned %+v", enforced, warned)
	}
	// On VPC it matches nothing, so that it closes nothing either.
	var idle hostguard.Objections
	aboutServices(&idle, hostguard.Scene{VPC: true, Failsafe: s.Failsafe}, services, settings{guard: base()})
	if len(idle.Problems)+len(idle.Warnings) > 0 {
		t.Errorf("on VPC %+v", idle)
	}
	if text := fmt.Sprint(enforced.Refusal()); !strings.Contains(text, "app/ssh, port TCP 22") || !strings.Contains(text, "app/two, port TCP 443 (169.50.1.2)") {
		t.Errorf("refusal %s", text)
	}
	if got := base().answering(append(services, balanced("inside", "", "private", "10.0.0.1", 80))); !slices.Equal(got, []string{"app/ssh"}) {
		t.Errorf("answering = %q", got)
	}
}

// A guard of the private network would cut the cluster up.
func TestWorkersReachEachOther(t *testing.T) {
	t.Parallel()
	var s hostguard.Scene
	for i := range 7 {
		s.Endpoints = append(s.Endpoints, calico.HostEndpoint{
			Name: fmt.Sprint(i), ExpectedIPs: []string{fmt.Sprintf("10.0.0.%d", i)}, Labels: map[string]string{calico.RoleLabel: "worker_private"},
		})
	}
	g := base()
	var o hostguard.Objections
	if aboutWorkers(&o, s, settings{guard: g}); o.Refusal() != nil {
		t.Errorf("public interfaces: %v", o.Refusal())
	}
	g.roles = []string{"worker_private"}
	if aboutWorkers(&o, s, settings{guard: g}); o.Refusal() == nil || !strings.Contains(o.Refusal().Error(), "10.0.0.4 and 2 more") {
		t.Errorf("private interfaces: %v", o.Refusal())
	}
	g.sources, o = networks(t, "10.0.0.0/24"), hostguard.Objections{}
	if aboutWorkers(&o, s, settings{guard: g}); o.Refusal() != nil {
		t.Errorf("private interfaces whose workers pass: %v", o.Refusal())
	}
}

func TestPoliciesThatComeBefore(t *testing.T) {
	t.Parallel()
	g := full(t)
	selector := calico.RoleSelector(hostguard.DefaultRole)
	policies := []calico.Policy{
		{Name: "allowlist", Spec: calico.Spec{Order: orderOf(500), PreDNAT: true, Selector: selector, Ingress: []v3.Rule{{Action: v3.Allow}}}},
		{Name: "later", Spec: calico.Spec{Order: orderOf(1600), PreDNAT: true, Selector: selector, Ingress: []v3.Rule{{Action: v3.Allow}}}},
		{Name: "allow-lb-early", Spec: calico.Spec{Order: orderOf(900), DoNotTrack: true, Selector: selector, Ingress: []v3.Rule{{Action: v3.Allow}}}},
		{Name: "allow-lb-as-usual", Spec: calico.Spec{Order: orderOf(1100), DoNotTrack: true, Selector: selector, Ingress: []v3.Rule{{Action: v3.Allow}}}},
		{Name: g.ipvsKey(), Spec: g.ipvsSpec()},
	}
	if got := letInBefore(policies, g, nil); len(got) != 1 || !strings.Contains(got[0], "allowlist") {
		t.Errorf("letInBefore = %q", got)
	}
	// Another guard passes what this one then does not see; its own under an earlier
	// name does so only until it is gone.
	earlier := g
	earlier.name = "a-guard"
	guards := []calico.Policy{{Name: earlier.key(), Spec: earlier.spec()}}
	if got := letInBefore(guards, g, nil); len(got) != 1 || !strings.Contains(got[0], "a-guard") {
		t.Errorf("letInBefore = %q of another guard", got)
	}
	if got := letInBefore(guards, g, &earlier); len(got) > 0 {
		t.Errorf("letInBefore = %q of a guard that is renamed", got)
	}
	if got := ibmsAreFirst(policies, g); len(got) != 1 || !strings.Contains(got[0], "allow-lb-early") {
		t.Errorf("ibmsAreFirst = %q", got)
	}
	var o hostguard.Objections
	nodePorts := calico.Policy{Name: "np", Spec: policyFrom(t, `spec: {order: 1600, preDNAT: true, applyOnForward: true, selector: "ibm.role == 'worker_public'", ingress: [{action: Deny, protocol: TCP, destination: {ports: ["30000:32767"]}}]}`)}
	if aboutOrder(&o, []calico.Policy{nodePorts}, settings{guard: g}); o.Refusal() == nil {
		t.Error("a NodePort guard behind this one is not refused")
	}
	o = hostguard.Objections{}
	if aboutOrder(&o, []calico.Policy{nodePorts}, settings{guard: base()}); o.Refusal() != nil {
		t.Errorf("refused though it passes nothing: %v", o.Refusal())
	}
	o = hostguard.Objections{}
	if aboutOrder(&o, []calico.Policy{nodePorts}, settings{guard: g, doubt: doubt{place: true}}); o.Refusal() != nil {
		t.Errorf("refused before it is known where the guard stands: %v", o.Refusal())
	}
}
