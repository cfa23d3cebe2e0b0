package ownership_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

var (
	services = ownership.Object[corev1.Service]{Kind: kube.Services, Manager: "terraform-provider-iks/test", Path: path.Root("name")}
	secrets  = ownership.Object[corev1.Secret]{Kind: kube.Secrets, Manager: "terraform-provider-iks/test"}
)

// declared is a Service as a resource declares it.
func declared(change func(*corev1.Service)) corev1.Service {
	s := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "api", Namespace: "shop", Labels: map[string]string{"team": "shop"}},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: map[string]string{"app": "api"},
			Ports:    []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443), Protocol: corev1.ProtocolTCP}},
		},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestDrift(t *testing.T) {
	t.Parallel()
	// What the server and others add to what is declared.
	live := func(change func(*corev1.Service)) corev1.Service {
		return declared(func(s *corev1.Service) {
			s.UID, s.ResourceVersion = "u", "7"
			s.Labels["others"] = "label"
			s.Spec.ClusterIP, s.Spec.SessionAffinity = "172.21.0.9", corev1.ServiceAffinityNone
			s.Spec.Ports[0].NodePort = 30123
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.1.1.1"}}
			if change != nil {
				change(s)
			}
		})
	}
	for name, c := range map[string]struct {
		live  corev1.Service
		owner framework.Owner
		want  []string
	}{
		"nothing but additions": {live: live(nil)},
		"a value":               {live: live(func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }), want: []string{`spec.type is "NodePort", declared "ClusterIP"`}},
		"in a named entry":      {live: live(func(s *corev1.Service) { s.Spec.Ports[0].Port = 80 }), want: []string{"spec.ports[https].port is 80, declared 443"}},
		"an entry too many": {
			live: live(func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 80}) }),
			want: []string{"spec.ports has 2 entries, declared 1"},
		},
		"a label":   {live: live(func(s *corev1.Service) { delete(s.Labels, "team") }), want: []string{`metadata.labels.team is missing, declared "shop"`}},
		"all of it": {live: live(func(s *corev1.Service) { s.Spec.Selector = nil }), want: []string{`spec.selector.app is missing, declared "api"`}},
		"a key more in the selector": {
			live: live(func(s *corev1.Service) { s.Spec.Selector["version"] = "v2" }),
			want: []string{`spec.selector.version is "v2", not declared`},
		},
		"another kind of target": {
			live: live(func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromString("https") }),
			want: []string{`spec.ports[https].targetPort is "https", declared 8443`},
		},
		"marks are missing": {
			live: live(nil), owner: framework.Owner{Stamp: "mine", Known: true, Labels: map[string]string{"team": "overridden", "by": "us"}},
			want: []string{"the ownership stamp is missing", "label by is missing"},
		},
		"being deleted": {live: live(func(s *corev1.Service) {
			s.DeletionTimestamp, s.Finalizers = &metav1.Time{}, []string{"service.kubernetes.io/load-balancer-cleanup"}
		}), want: []string{`it is being deleted, held by its finalizers ["service.kubernetes.io/load-balancer-cleanup"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := services.Drift(c.live, declared(nil), c.owner); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDriftOfASecretShowsNoValue(t *testing.T) {
	t.Parallel()
	want := corev1.Secret{Data: map[string][]byte{"edited": []byte("declared-key"), "removed": []byte("declared-key")}}
	live := corev1.Secret{Data: map[string][]byte{"edited": []byte("edited-key")}}
	got := secrets.Drift(live, want, framework.Owner{})
	if !slices.Equal(got, []string{"data.edited is not as declared", "data.removed is not as declared"}) {
		t.Errorf("got %q", got)
	}
}
