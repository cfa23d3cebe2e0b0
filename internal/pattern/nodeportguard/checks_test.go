package nodeportguard

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func service(name string, change func(*corev1.Service), ports ...corev1.ServicePort) corev1.Service {
	s := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name, Annotations: map[string]string{}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: ports},
	}
	change(&s)
	return s
}

func asItIs(*corev1.Service) {}

func private(s *corev1.Service) { s.Annotations[hostguard.IPTypeAnnotation] = "private" }

func ipvs(s *corev1.Service) { s.Annotations[hostguard.FeaturesAnnotation] = "ipvs" }

func public(s *corev1.Service) { s.Annotations[hostguard.IPTypeAnnotation] = "public" }

func at(ips ...string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		for _, ip := range ips {
			s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
		}
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	mongo := corev1.ServicePort{Port: 27017}
	base := guard{roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, "20000:32767")}
	inside, both, custom := base, base, base
	inside.roles, both.roles, custom.roles = []string{"worker_private"}, []string{"worker_private", "worker_public"}, []string{"dmz"}
	open := base
	open.destinations = networks(t, "203.0.113.0/24")
	const sentence = "load balancer app/db, port TCP 27017"
	for _, test := range []struct {
		name         string
		service      corev1.Service
		guard        guard
		acknowledged map[uint16]bool
		hit          bool
	}{
		{name: "port in the range", service: service("db", asItIs, mongo), guard: base, hit: true},
		{name: "port outside", service: service("db", asItIs, corev1.ServicePort{Port: 443, NodePort: 30443}), guard: base},
		{name: "other protocol", service: service("db", asItIs, corev1.ServicePort{Port: 27017, Protocol: corev1.ProtocolUDP}), guard: base},
		{name: "acknowledged", service: service("db", asItIs, mongo), guard: base, acknowledged: map[uint16]bool{27017: true}},
		{name: "another acknowledged", service: service("db", asItIs, mongo), guard: base, acknowledged: map[uint16]bool{27018: true}, hit: true},
		{name: "no load balancer", service: service("db", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }, mongo), guard: base},
		{name: "private one, public guard", service: service("db", private, mongo), guard: base},
		{name: "version 2.0", service: service("db", ipvs, mongo), guard: base},
		{name: "public one, private guard", service: service("db", public, mongo), guard: inside},
		{name: "unsaid, private guard", service: service("db", asItIs, mongo), guard: inside, hit: true},
		{name: "private one, guard of both", service: service("db", private, mongo), guard: both, hit: true},
		{name: "private one, roles of somebody's own", service: service("db", private, mongo), guard: custom, hit: true},
		{name: "address left open", service: service("db", at("203.0.113.7"), mongo), guard: open},
		{name: "one of two addresses left open", service: service("db", at("203.0.113.7", "192.0.2.1"), mongo), guard: open, hit: true},
		{name: "no address yet", service: service("db", asItIs, mongo), guard: open, hit: true},
		{name: "a hostname", service: service("db", func(s *corev1.Service) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "x.example"}}
		}, mongo), guard: open, hit: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := cutOff([]corev1.Service{test.service}, test.guard, test.acknowledged)
			var want []string
			if test.hit {
				want = []string{sentence}
			}
			if !slices.Equal(got, want) {
				t.Errorf("cutOff = %q, want %q", got, want)
			}
		})
	}
}

func TestFailsafePorts(t *testing.T) {
	t.Parallel()
	s := failsafeScene(calico.FailsafePort{Protocol: "TCP", Port: 22}, calico.FailsafePort{Protocol: "TCP", Port: 6443}, calico.FailsafePort{Protocol: "TCP", Port: 30080, Net: "10.0.0.0/8"}, calico.FailsafePort{Protocol: "UDP", Port: 68})
	wide := guard{protocols: []string{"TCP"}, ports: mustPorts(t, "1000:65535")}
	if got, want := s.notCovered(wide), []string{"TCP 6443", "TCP 30080 from 10.0.0.0/8"}; !slices.Equal(got, want) {
		t.Errorf("notCovered = %q, want %q", got, want)
	}
	if got := s.notCovered(guard{protocols: []string{"TCP", "UDP"}, ports: mustPorts(t, "31000:32767")}); len(got) > 0 {
		t.Errorf("notCovered = %q, want none", got)
	}
	services := []corev1.Service{
		service("api", asItIs, corev1.ServicePort{Port: 6443, NodePort: 31000}),
		service("web", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }, corev1.ServicePort{Port: 6443, NodePort: 30080}),
		service("ssh", asItIs, corev1.ServicePort{Port: 22}),
	}
	want := []string{"load balancer app/api, port TCP 6443", "service app/web, node port TCP 30080"}
	if got := hostguard.LeftOpen(services, s.FailsafeAmong(wide.closes), []string{hostguard.DefaultRole}); !slices.Equal(got, want) {
		t.Errorf("LeftOpen = %q, want %q", got, want)
	}
}

func TestServicesAreRefusedOrWarnedOf(t *testing.T) {
	t.Parallel()
	s := failsafeScene(calico.FailsafePort{Protocol: "TCP", Port: 30080})
	services := []corev1.Service{
		service("db", asItIs, corev1.ServicePort{Port: 27017}),
		service("web", asItIs, corev1.ServicePort{Port: 80, NodePort: 30080}),
	}
	want := settings{guard: guard{roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, "20000:32767")}}
	var enforced, warned hostguard.Objections
	aboutServices(&enforced, s, services, want)
	if len(enforced.Problems) != 2 || len(enforced.Warnings) != 0 || enforced.Refusal() == nil {
		t.Errorf("enforced: %+v", enforced)
	}
	want.warnOnly = true
	aboutServices(&warned, s, services, want)
	if len(warned.Problems) != 0 || len(warned.Warnings) != 2 || warned.Refusal() != nil {
		t.Errorf("warned: %+v", warned)
	}
	// On VPC it matches nothing, so that it closes nothing either.
	want.warnOnly, s.VPC = false, true
	var idle hostguard.Objections
	if aboutServices(&idle, s, services, want); len(idle.Problems)+len(idle.Warnings) > 0 {
		t.Errorf("on VPC: %+v", idle)
	}
}

func failsafeScene(ports ...calico.FailsafePort) scene {
	return scene{Scene: hostguard.Scene{Failsafe: ports}}
}

func TestLetInBefore(t *testing.T) {
	t.Parallel()
	order := 1100.0
	g := guard{name: "guard", tier: defaultTier, order: &order, roles: []string{"worker_public"}, protocols: []string{"TCP", "UDP"}, ports: mustPorts(t, defaultPorts)}
	last := g
	last.order = nil
	for _, test := range []struct {
		name, policy string
		text         string
		guard        guard
		told         bool
	}{
		{"allow-list before", "allowlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Allow, protocol: TCP, destination: {ports: [30080]}}]}`, g, true},
		{"behind", "allowlist", `spec: {order: 1200, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Allow, protocol: TCP}]}`, g, false},
		{"behind, but the guard is last", "allowlist", `spec: {order: 1200, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Allow, protocol: TCP}]}`, last, true},
		{"other ports", "allowlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]}`, g, false},
		{"other role", "allowlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_private'", ingress: [{action: Allow, protocol: TCP}]}`, g, false},
		{"unknown selector", "allowlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "all()", ingress: [{action: Allow}]}`, g, true},
		{"passes", "passlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Pass, source: {nets: [10.0.0.0/8]}}]}`, g, true},
		{"passes in another tier", "first.passlist", `spec: {tier: first, order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Pass, source: {nets: [10.0.0.0/8]}}]}`, g, false},
		{"passes behind", "passlist", `spec: {order: 1200, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Pass}]}`, g, false},
		{"passes other ports", "passlist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "ibm.role=='worker_public'", ingress: [{action: Pass, protocol: TCP, destination: {ports: [80]}}]}`, g, false},
		{"passes untracked", "raw", `spec: {order: 500, doNotTrack: true, applyOnForward: true, selector: "all()", ingress: [{action: Pass}]}`, g, false},
		{"denies", "blocklist", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "all()", ingress: [{action: Deny}]}`, g, false},
		{"behind DNAT", "allow-x", `spec: {order: 500, selector: "all()", ingress: [{action: Allow}]}`, g, false},
		{"untracked", "raw", `spec: {order: 5000, doNotTrack: true, applyOnForward: true, selector: "all()", ingress: [{action: Allow}]}`, g, true},
		{"IBM's own for a load balancer", "allow-lb-web", `spec: {order: 1100, doNotTrack: true, applyOnForward: true, selector: "all()", ingress: [{action: Allow}]}`, g, false},
		{"itself", "guard", `spec: {order: 500, preDNAT: true, applyOnForward: true, selector: "all()", ingress: [{action: Allow}]}`, g, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			policies := []calico.Policy{{Name: test.policy, Spec: policyFrom(t, test.text).Spec}}
			if got := letInBefore(policies, settings{guard: test.guard, doubt: doubt{place: true}}); len(got) > 0 {
				t.Errorf("letInBefore = %q before it is known where the guard stands", got)
			}
			got := letInBefore(policies, settings{guard: test.guard})
			if told := len(got) == 1 && strings.Contains(got[0], test.policy); told != test.told || len(got) > 1 {
				t.Errorf("letInBefore = %q, want told = %t", got, test.told)
			}
		})
	}
}
