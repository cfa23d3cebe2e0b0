package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestShowBalancers(t *testing.T) {
	t.Parallel()
	balancer := func(namespace, name, kind string, at ...string) *corev1.Service {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
		if kind != "" {
			s.Annotations = map[string]string{"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": kind}
		}
		for _, ip := range at {
			s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
		}
		return s
	}
	plain := balancer("shop", "plain", "")
	plain.Spec.Type = corev1.ServiceTypeClusterIP
	for name, test := range map[string]struct {
		services []*corev1.Service
		want     string
	}{
		"none": {services: []*corev1.Service{plain, balancer("kube-system", "public-crx-alb1", "public", "169.1.1.1")}},
		"some": {
			services: []*corev1.Service{balancer("shop", "api", "private", "10.1.1.1"), balancer("shop", "late", "")},
			want:     "LOAD BALANCER ASKED FOR ADDRESS shop/api private 10.1.1.1 shop/late the default pending",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := fake.NewClientset()
			for _, s := range test.services {
				if _, err := client.CoreV1().Services(s.Namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			if err := showBalancers(t.Context(), client, &out); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(out.String()), " "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
