package exposurepolicy

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// insider is the service account that makes what was there before the policy.
const insider = "system:serviceaccount:platform:deployer"

// updates proves that nothing can be changed to the worse, and that what was
// there before can be changed otherwise and be removed.
func updates(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(func(s *settings) {
		s.deny, s.accounts, s.classes = rules(), []account{{"platform", "deployer"}}, []string{"internal"}
	}))
	defer h.MustRemove(t)
	r.acts(t)
	t.Run("services", func(t *testing.T) { serviceUpdates(t, r) })
	t.Run("ingresses", func(t *testing.T) { ingressUpdates(t, r) })
	t.Run("workloads", func(t *testing.T) { workloadUpdates(t, r) })
	t.Run("pods", func(t *testing.T) { podUpdates(t, r) })
	t.Run("removal", func(t *testing.T) { removal(t, r) })
}

func serviceUpdates(t *testing.T, r *rig) {
	inside, _ := r.as(t, insider)
	private := func(s *corev1.Service) {
		s.Spec.Type = corev1.ServiceTypeLoadBalancer
		s.Annotations = map[string]string{ipTypeAnnotation: "private"}
	}
	public := func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer }
	ranged := func(s *corev1.Service) {
		public(s)
		s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24", "198.51.100.0/24"}
	}
	external := func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1", "192.0.2.2"} }
	port := func(number int32) func(*corev1.Service) {
		return func(s *corev1.Service) {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "more", Port: number})
			s.Spec.Ports[0].Name = "http"
		}
	}
	nodePorts := func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }
	for name, test := range map[string]struct {
		before, change func(*corev1.Service)
		refused        string // "" if it may be changed so
	}{
		"made public":                         {func(*corev1.Service) {}, public, "can get a public address"},
		"made private":                        {func(*corev1.Service) {}, private, ""},
		"annotation removed":                  {private, func(s *corev1.Service) { s.Annotations = nil }, "can get a public address"},
		"annotation changed":                  {private, func(s *corev1.Service) { s.Annotations[ipTypeAnnotation] = "public" }, "can get a public address"},
		"asks for a public ALB's address":     {private, func(s *corev1.Service) { s.Annotations[publicALBAnnotation] = "192.0.2.9" }, "of a public ALB"},
		"a private one gets another port":     {private, port(443), ""},
		"made a node port":                    {func(*corev1.Service) {}, nodePorts, "type: NodePort"},
		"a private one made a node port":      {private, nodePorts, "type: NodePort"},
		"external IPs added":                  {func(*corev1.Service) {}, external, "spec.externalIPs"},
		"public, made private":                {public, private, ""},
		"public, gets a label":                {public, func(s *corev1.Service) { s.Labels = map[string]string{"a": "b"} }, ""},
		"public, gets another selector":       {public, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "y"} }, ""},
		"public, opens another port":          {public, port(443), "can get a public address"},
		"public, opens a port for UDP":        {public, func(s *corev1.Service) { port(80)(s); s.Spec.Ports[1].Protocol = corev1.ProtocolUDP }, "can get a public address"},
		"public, closes a port":               {func(s *corev1.Service) { public(s); port(443)(s) }, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] }, ""},
		"public, closed to some":              {ranged, func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} }, ""},
		"public, closed to others":            {public, func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} }, ""},
		"public, opened to more":              {ranged, func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges[0] = "192.0.0.0/16" }, "can get a public address"},
		"public, opened to all":               {ranged, func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = nil }, "can get a public address"},
		"public, taken back into the cluster": {public, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }, ""},
		"public, made a node port":            {public, nodePorts, "type: NodePort"},
		"node port, opens another":            {nodePorts, port(443), "type: NodePort"},
		"node port, gets a label":             {nodePorts, func(s *corev1.Service) { s.Labels = map[string]string{"a": "b"} }, ""},
		"node port, made public":              {nodePorts, public, "can get a public address"},
		"external IPs, one less":              {external, func(s *corev1.Service) { s.Spec.ExternalIPs = s.Spec.ExternalIPs[:1] }, ""},
		"external IPs, another one":           {external, func(s *corev1.Service) { s.Spec.ExternalIPs[0] = "192.0.2.3" }, "spec.externalIPs"},
		"external IPs, another port":          {external, port(443), "spec.externalIPs"},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{GenerateName: "before-"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}, Selector: map[string]string{"app": "x"}}}
			test.before(service)
			made, err := inside.CoreV1().Services("shop").Create(t.Context(), service, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			test.change(made)
			_, err = r.others.CoreV1().Services("shop").Update(t.Context(), made, metav1.UpdateOptions{})
			verdict(t, err, test.refused)
		})
	}
}

func ingressUpdates(t *testing.T, r *rig) {
	inside, _ := r.as(t, insider)
	class := func(name string) func(*networkingv1.Ingress) {
		return func(i *networkingv1.Ingress) { i.Spec.IngressClassName = &name }
	}
	host := func(name string) func(*networkingv1.Ingress) {
		return func(i *networkingv1.Ingress) {
			i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: name})
		}
	}
	both := func(a, b func(*networkingv1.Ingress)) func(*networkingv1.Ingress) {
		return func(i *networkingv1.Ingress) { a(i); b(i) }
	}
	note := func(key, value string) func(*networkingv1.Ingress) {
		return func(i *networkingv1.Ingress) { i.Annotations = map[string]string{key: value} }
	}
	private, public := class("private-iks-traefik"), class("public-iks-traefik")
	for name, test := range map[string]struct {
		before, change func(*networkingv1.Ingress)
		refused        string
	}{
		"private, made public":              {private, public, "of class public-iks-traefik may be served"},
		"private, annotated public":         {private, note(classAnnotation, "public-iks-k8s-nginx"), "of class private-iks-traefik, public-iks-k8s-nginx"},
		"private, loses its class":          {private, func(i *networkingv1.Ingress) { i.Spec.IngressClassName = nil }, "has no class"},
		"private, sent to a public ALB":     {private, note(albAnnotation, "public-crc1-alb1"), "asks for a public ALB"},
		"private, another private class":    {private, class("internal"), ""},
		"private, another host":             {private, host("b.example.com"), ""},
		"public, made private":              {public, private, ""},
		"public, another public class":      {public, class("public-iks-k8s-nginx"), ""},
		"public, gets a label":              {public, func(i *networkingv1.Ingress) { i.Labels = map[string]string{"a": "b"} }, ""},
		"public, another host":              {public, host("b.example.com"), "of class public-iks-traefik"},
		"public, for every host":            {public, host(""), "of class public-iks-traefik"},
		"public, one host less":             {both(public, host("b.example.com")), func(i *networkingv1.Ingress) { i.Spec.Rules = i.Spec.Rules[:1] }, ""},
		"public, gets a default backend":    {public, func(i *networkingv1.Ingress) { i.Spec.DefaultBackend = backendOf("x") }, "of class public-iks-traefik"},
		"public, another certificate":       {public, func(i *networkingv1.Ingress) { i.Spec.TLS = []networkingv1.IngressTLS{{SecretName: "x"}} }, ""},
		"without a class, gets a label":     {func(*networkingv1.Ingress) {}, func(i *networkingv1.Ingress) { i.Labels = map[string]string{"a": "b"} }, ""},
		"public by annotation, made public": {note(classAnnotation, "public-iks-k8s-nginx"), both(note(classAnnotation, "public-iks-traefik"), host("b.example.com")), "of class public-iks-traefik"},
	} {
		t.Run(name, func(t *testing.T) {
			ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{GenerateName: "before-"}, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "a.example.com"}}}}
			test.before(ingress)
			made, err := inside.NetworkingV1().Ingresses("shop").Create(t.Context(), ingress, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			test.change(made)
			_, err = r.others.NetworkingV1().Ingresses("shop").Update(t.Context(), made, metav1.UpdateOptions{})
			verdict(t, err, test.refused)
		})
	}
}

func backendOf(service string) *networkingv1.IngressBackend {
	return &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Number: 80}}}
}

func workloadUpdates(t *testing.T, r *rig) {
	inside, _ := r.as(t, insider)
	onHost := func(d *appsv1.Deployment) { d.Spec.Template.Spec.HostNetwork = true }
	ports := func(numbers ...int32) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			list := &d.Spec.Template.Spec.Containers[0].Ports
			*list = nil
			for _, n := range numbers {
				*list = append(*list, corev1.ContainerPort{ContainerPort: n, HostPort: n})
			}
		}
	}
	image := func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "y" }
	for name, test := range map[string]struct {
		before, change func(*appsv1.Deployment)
		refused        string
	}{
		"another image":              {func(*appsv1.Deployment) {}, image, ""},
		"put on the host":            {func(*appsv1.Deployment) {}, onHost, "hostNetwork"},
		"gets a host port":           {func(*appsv1.Deployment) {}, ports(8080), "hostPort"},
		"on the host, another image": {onHost, image, ""},
		"on the host, taken off":     {onHost, func(d *appsv1.Deployment) { d.Spec.Template.Spec.HostNetwork = false }, ""},
		"host port, another image":   {ports(8080), image, ""},
		"host port, one more":        {ports(8080), ports(8080, 8081), "hostPort"},
		"host port, another one":     {ports(8080), ports(8081), "hostPort"},
		"host ports, one less":       {ports(8080, 8081), ports(8081), ""},
		"host port, put on the host": {ports(8080), onHost, "hostNetwork"},
		"host port, on all interfaces": {func(d *appsv1.Deployment) {
			ports(8080)(d)
			d.Spec.Template.Spec.Containers[0].Ports[0].HostIP = "127.0.0.1"
		}, ports(8080), "hostPort"},
	} {
		t.Run(name, func(t *testing.T) {
			labels := map[string]string{"app": "x"}
			deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{GenerateName: "before-"}, Spec: appsv1.DeploymentSpec{
				Replicas: ptr(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "x"}}}},
			}}
			test.before(deployment)
			made, err := inside.AppsV1().Deployments("shop").Create(t.Context(), deployment, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// The deployment controller writes it as well.
			latest, err := r.others.AppsV1().Deployments("shop").Get(t.Context(), made.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			test.change(latest)
			latest.ResourceVersion = ""
			_, err = r.others.AppsV1().Deployments("shop").Update(t.Context(), latest, metav1.UpdateOptions{})
			verdict(t, err, test.refused)
			// Scaling is nobody's business.
			scale, err := r.others.AppsV1().Deployments("shop").GetScale(t.Context(), made.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			scale.ResourceVersion = "" // its controller writes it as well
			if _, err := r.others.AppsV1().Deployments("shop").UpdateScale(t.Context(), made.Name, scale, metav1.UpdateOptions{}); err != nil {
				t.Errorf("scaling: %v", err)
			}
		})
	}
}

// podUpdates: a pod on the host can be labelled, bound and reported on, and no
// container that is added later can open a port.
func podUpdates(t *testing.T, r *rig) {
	inside, _ := r.as(t, insider)
	pod, err := inside.CoreV1().Pods("shop").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "on-host"}, Spec: corev1.PodSpec{
		HostNetwork: true, Containers: []corev1.Container{{Name: "a", Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := r.others.CoreV1().Pods("shop")
	pod.Labels, pod.ResourceVersion = map[string]string{"a": "b"}, ""
	if pod, err = pods.Update(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Errorf("a label: %v", err)
	}
	pod.Status.Phase, pod.ResourceVersion = corev1.PodRunning, ""
	if pod, err = pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Errorf("status: %v", err)
	}
	with := func(ports []corev1.ContainerPort) error {
		changed := pod.DeepCopy()
		changed.ResourceVersion = ""
		changed.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "x", Ports: ports}}}
		_, err := pods.UpdateEphemeralContainers(t.Context(), pod.Name, changed, metav1.UpdateOptions{})
		return err
	}
	if err := with([]corev1.ContainerPort{{ContainerPort: 9090, HostPort: 9090}}); err == nil {
		t.Error("an ephemeral container can have a port, and no rule is about those")
	}
	if err := with(nil); err != nil {
		t.Errorf("an ephemeral container: %v", err)
	}
}

// removal: what violates can always be removed, also where finalizers hold it;
// and being removed is no way around the policy.
func removal(t *testing.T, r *rig) {
	inside, _ := r.as(t, insider)
	services := r.others.CoreV1().Services("shop")
	for name, kind := range map[string]corev1.ServiceType{"going-public": corev1.ServiceTypeLoadBalancer, "going": corev1.ServiceTypeClusterIP} {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: []string{"example.com/hold"}}, Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Port: 80}}}}
		if _, err := inside.CoreV1().Services("shop").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := services.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := services.Patch(t.Context(), "going", "application/merge-patch+json", []byte(`{"spec":{"type":"LoadBalancer"}}`), metav1.PatchOptions{})
	verdict(t, err, "can get a public address")
	_, err = services.Patch(t.Context(), "going-public", "application/merge-patch+json", []byte(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`), metav1.PatchOptions{}, "status")
	verdict(t, err, "")
	for _, name := range []string{"going", "going-public"} {
		_, err := services.Patch(t.Context(), name, "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		verdict(t, err, "")
	}
}

func verdict(t *testing.T, err error, want string) {
	t.Helper()
	reason, by := refused(t, err, defaultName)
	if by != (want != "") || !contains(reason, want) {
		t.Errorf("refused: %t (%s), want %q", by, reason, want)
	}
}
