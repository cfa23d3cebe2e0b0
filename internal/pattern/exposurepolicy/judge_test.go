package exposurepolicy

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func everything() settings { return settings{name: "all", deny: rules(), mode: modeDeny} }

func TestServiceRules(t *testing.T) {
	t.Parallel()
	private := map[string]string{ipTypeAnnotation: "private"}
	for name, test := range map[string]struct {
		notes map[string]string
		spec  corev1.ServiceSpec
		want  []rule
	}{
		"in the cluster":           {},
		"node port":                {spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}, want: []rule{nodePort}},
		"external name":            {spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}},
		"load balancer":            {spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}, want: []rule{publicLoadBalancer}},
		"private load balancer":    {notes: private, spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}},
		"public load balancer":     {notes: map[string]string{ipTypeAnnotation: "public"}, spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}, want: []rule{publicLoadBalancer}},
		"another spelling":         {notes: map[string]string{ipTypeAnnotation: "Private"}, spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}, want: []rule{publicLoadBalancer}},
		"a class of its own":       {notes: private, spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr("example.com/lb")}, want: []rule{publicLoadBalancer}},
		"a public ALB's address":   {notes: map[string]string{ipTypeAnnotation: "private", publicALBAnnotation: "192.0.2.1"}, spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}, want: []rule{publicLoadBalancer}},
		"external IPs":             {spec: corev1.ServiceSpec{ExternalIPs: []string{"192.0.2.1"}}, want: []rule{externalIPs}},
		"external IPs and a port":  {spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, ExternalIPs: []string{"192.0.2.1"}}, want: []rule{externalIPs, nodePort}},
		"public by two ways":       {spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ExternalIPs: []string{"192.0.2.1"}}, want: []rule{externalIPs, publicLoadBalancer}},
		"annotation on ClusterIP":  {notes: map[string]string{ipTypeAnnotation: "public"}},
		"ALB address on ClusterIP": {notes: map[string]string{publicALBAnnotation: "192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: test.notes}, Spec: test.spec}
			if got := everything().serviceRules(service); !slices.Equal(got, test.want) {
				t.Errorf("refused by %v, want %v", got, test.want)
			}
			if got := (settings{deny: []rule{hostPort}}).serviceRules(service); len(got) > 0 {
				t.Errorf("refused by %v, which is not denied", got)
			}
		})
	}
}

func TestIngressRules(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		class   *string
		notes   map[string]string
		classes []string
		public  bool
	}{
		"no class":                     {public: true},
		"public class":                 {class: ptr("public-iks-k8s-nginx"), public: true},
		"public class of Traefik":      {class: ptr("public-iks-traefik"), public: true},
		"private class":                {class: ptr("private-iks-k8s-nginx")},
		"private class of Traefik":     {class: ptr("private-iks-traefik")},
		"unknown class":                {class: ptr("nginx"), public: true},
		"declared class":               {class: ptr("nginx"), classes: []string{"nginx"}},
		"public annotation":            {notes: map[string]string{classAnnotation: "public-iks-k8s-nginx"}, public: true},
		"private annotation":           {notes: map[string]string{classAnnotation: "private-iks-k8s-nginx"}},
		"empty annotation":             {notes: map[string]string{classAnnotation: ""}, public: true},
		"annotation beside the field":  {class: ptr("private-iks-traefik"), notes: map[string]string{classAnnotation: "public-iks-traefik"}, public: true},
		"both private":                 {class: ptr("private-iks-traefik"), notes: map[string]string{classAnnotation: "private-iks-traefik"}},
		"public ALB by annotation":     {class: ptr("private-iks-traefik"), notes: map[string]string{albAnnotation: "private-crc1-alb1;public-crc1-alb1"}, public: true},
		"private ALB by annotation":    {class: ptr("private-iks-traefik"), notes: map[string]string{albAnnotation: "private-crc1-alb1"}},
		"private ALB, but no class":    {notes: map[string]string{albAnnotation: "private-crc1-alb1"}, public: true},
		"other annotations and a host": {class: ptr("private-iks-traefik"), notes: map[string]string{"a": "public-cr"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := everything()
			s.classes = test.classes
			got := s.ingressRules(networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Annotations: test.notes}, Spec: networkingv1.IngressSpec{IngressClassName: test.class}})
			if test.public != slices.Equal(got, []rule{publicIngress}) {
				t.Errorf("refused by %v, public is %t", got, test.public)
			}
		})
	}
}

func TestPodRules(t *testing.T) {
	t.Parallel()
	with := func(ports ...corev1.ContainerPort) []corev1.Container { return []corev1.Container{{}, {Ports: ports}} }
	for name, test := range map[string]struct {
		spec corev1.PodSpec
		want []rule
	}{
		"nothing":                      {},
		"a port":                       {spec: corev1.PodSpec{Containers: with(corev1.ContainerPort{ContainerPort: 80})}},
		"host network":                 {spec: corev1.PodSpec{HostNetwork: true, Containers: with()}, want: []rule{hostNetwork}},
		"a port in the host's network": {spec: corev1.PodSpec{HostNetwork: true, Containers: with(corev1.ContainerPort{ContainerPort: 80})}, want: []rule{hostNetwork, hostPort}},
		"host port":                    {spec: corev1.PodSpec{Containers: with(corev1.ContainerPort{ContainerPort: 80, HostPort: 80})}, want: []rule{hostPort}},
		"host port of a sidecar":       {spec: corev1.PodSpec{Containers: with(), InitContainers: with(corev1.ContainerPort{HostPort: 80})}, want: []rule{hostPort}},
		"host port on loopback":        {spec: corev1.PodSpec{Containers: with(corev1.ContainerPort{HostPort: 80, HostIP: "127.0.0.1"})}, want: []rule{hostPort}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := everything().podRules(test.spec); !slices.Equal(got, test.want) {
				t.Errorf("refused by %v, want %v", got, test.want)
			}
		})
	}
}

func TestMadeByAnother(t *testing.T) {
	t.Parallel()
	by := func(kind string, controller bool, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Labels: labels, OwnerReferences: []metav1.OwnerReference{{Kind: kind, Controller: &controller}}}
	}
	for name, test := range map[string]struct {
		meta metav1.ObjectMeta
		want bool
	}{
		"by hand":                        {metav1.ObjectMeta{}, false},
		"by a DaemonSet":                 {by("DaemonSet", true, nil), true},
		"by a Deployment's ReplicaSet":   {by("ReplicaSet", true, map[string]string{"pod-template-hash": "x"}), true},
		"by a ReplicaSet of its own":     {by("ReplicaSet", true, nil), false},
		"by something that is not known": {by("Operator", true, nil), false},
		"owned, and not controlled":      {by("DaemonSet", false, nil), false},
	} {
		if got := made(test.meta); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
