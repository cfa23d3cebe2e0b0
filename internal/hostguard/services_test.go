package hostguard

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

func balancer(notes map[string]string, ports ...corev1.ServicePort) corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "web", Annotations: notes},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: ports},
	}
}

func TestIPVS(t *testing.T) {
	t.Parallel()
	for features, want := range map[string]bool{"ipvs": true, "proxy-protocol, ipvs": true, "": false, "nlb": false, "ipvs-scheduler": false} {
		if got := IPVS(balancer(map[string]string{FeaturesAnnotation: features})); got != want {
			t.Errorf("%q: IPVS = %t", features, got)
		}
	}
	plain := balancer(map[string]string{FeaturesAnnotation: "ipvs"})
	plain.Spec.Type = corev1.ServiceTypeNodePort
	if IPVS(plain) {
		t.Error("a service without a load balancer has one of version 2.0")
	}
}

func TestComesInAt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind  string
		roles []string
		want  bool
	}{
		"public one, public interfaces":    {"public", []string{"worker_public"}, true},
		"private one, public interfaces":   {"private", []string{"worker_public"}, false},
		"private one, both":                {"private", []string{"worker_public", "worker_private"}, true},
		"public one, private interfaces":   {"public", []string{"worker_private"}, false},
		"unsaid":                           {"", []string{"worker_private"}, true},
		"roles of somebody's own, private": {"private", []string{"dmz"}, true},
	} {
		if got := ComesInAt(balancer(map[string]string{IPTypeAnnotation: test.kind}), test.roles); got != test.want {
			t.Errorf("%s: ComesInAt = %t", name, got)
		}
	}
}

func TestLeftOpen(t *testing.T) {
	t.Parallel()
	services := []corev1.Service{balancer(nil, corev1.ServicePort{Port: 22}, corev1.ServicePort{Port: 443, NodePort: 30022}, corev1.ServicePort{Port: 22, Protocol: corev1.ProtocolUDP})}
	failsafe := []calico.FailsafePort{{Protocol: "TCP", Port: 22}, {Protocol: "TCP", Port: 30022}}
	want := []string{"load balancer app/web, port TCP 22", "service app/web, node port TCP 30022"}
	if got := LeftOpen(services, failsafe, []string{"worker_public"}); !slices.Equal(got, want) {
		t.Errorf("LeftOpen = %q, want %q", got, want)
	}
	// Nobody reaches a private load balancer at a public interface, but its node port.
	services[0].Annotations = map[string]string{IPTypeAnnotation: "private"}
	if got := LeftOpen(services, failsafe, []string{"worker_public"}); !slices.Equal(got, want[1:]) {
		t.Errorf("LeftOpen = %q of a private load balancer, want %q", got, want[1:])
	}
	if got := LeftOpen(services, failsafe, []string{"worker_public", "worker_private"}); !slices.Equal(got, want) {
		t.Errorf("LeftOpen = %q of a private load balancer at both interfaces, want %q", got, want)
	}
}
