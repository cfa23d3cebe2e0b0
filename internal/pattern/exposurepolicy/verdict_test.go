package exposurepolicy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// says is a part of each rule's reason.
func (r rule) says() string {
	return map[rule]string{
		externalIPs: "addresses that nobody vouches for", hostNetwork: "in the network of the worker", hostPort: "opens ports on the worker",
		nodePort: "a port on every worker", publicIngress: "a public ALB", publicLoadBalancer: "annotation",
	}[r]
}

// refused tells whether a policy of this name refused a request, and why.
func refused(t *testing.T, err error, name string) (reason string, by bool) {
	t.Helper()
	if err == nil {
		return "", false
	}
	_, reason, by = strings.Cut(err.Error(), fmt.Sprintf("ValidatingAdmissionPolicy '%[1]s' with binding '%[1]s' denied request: ", name))
	if !by {
		t.Fatalf("refused by something else: %v", err)
	}
	return reason, true
}

// candidate is an object that somebody may try to create.
type candidate struct {
	about string
	rules []rule // by which Go refuses it
	try   func(kubernetes.Interface, metav1.CreateOptions) error
}

// candidates are all combinations of what the rules look at, as far as the API
// takes them.
func candidates(t *testing.T, s settings) []candidate {
	t.Helper()
	return slices.Concat(services(t, s), ingresses(t, s), podsAndTemplates(t, s))
}

const candidateName = "candidate"

func candidateMeta(notes map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: candidateName, Annotations: notes}
}

func services(t *testing.T, s settings) (out []candidate) {
	t.Helper()
	types := []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName}
	for _, kind := range types {
		for _, ipType := range []string{"-", "private", "public", "Private", ""} {
			for bits := range 8 {
				alb, classed, external := bits&1 != 0, bits&2 != 0, bits&4 != 0
				if classed && kind != corev1.ServiceTypeLoadBalancer {
					continue
				}
				notes := map[string]string{}
				if ipType != "-" {
					notes[ipTypeAnnotation] = ipType
				}
				if alb {
					notes[publicALBAnnotation] = "192.0.2.9"
				}
				service := corev1.Service{ObjectMeta: candidateMeta(notes), Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Port: 80}}}}
				if kind == corev1.ServiceTypeExternalName {
					service.Spec.ExternalName = "example.com"
				}
				if classed {
					service.Spec.LoadBalancerClass = ptr("example.com/lb")
				}
				if external {
					service.Spec.ExternalIPs = []string{"192.0.2.1"}
				}
				out = append(out, candidate{
					about: fmt.Sprintf("Service %s, ip-type %q, public ALB %t, class %t, external %t", kind, ipType, alb, classed, external), rules: s.serviceRules(service),
					try: func(c kubernetes.Interface, o metav1.CreateOptions) error {
						_, err := c.CoreV1().Services("shop").Create(t.Context(), &service, o)
						return err
					},
				})
			}
		}
	}
	return out
}

func ingresses(t *testing.T, s settings) (out []candidate) {
	t.Helper()
	backend := &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	for _, class := range []string{"-", "public-iks-k8s-nginx", "public-iks-traefik", "private-iks-k8s-nginx", "private-iks-traefik", "internal", "nginx", ""} {
		for _, annotated := range []bool{false, true} {
			for _, alb := range []string{"-", "public-crc1-alb1", "private-crc1-alb1", "private-crc1-alb1;public-crc1-alb1", ""} {
				ingress := networkingv1.Ingress{ObjectMeta: candidateMeta(map[string]string{}), Spec: networkingv1.IngressSpec{DefaultBackend: backend}}
				switch {
				case class == "-" && annotated, class == "" && !annotated: // the API takes no empty class in the field
					continue
				case annotated:
					ingress.Annotations[classAnnotation] = class
				case class != "-":
					ingress.Spec.IngressClassName = &class
				}
				if alb != "-" {
					ingress.Annotations[albAnnotation] = alb
				}
				out = append(out, candidate{
					about: fmt.Sprintf("Ingress of class %q, annotated %t, ALB %q", class, annotated, alb), rules: s.ingressRules(ingress),
					try: func(c kubernetes.Interface, o metav1.CreateOptions) error {
						_, err := c.NetworkingV1().Ingresses("shop").Create(t.Context(), &ingress, o)
						return err
					},
				})
			}
		}
	}
	return out
}

func podsAndTemplates(t *testing.T, s settings) (out []candidate) {
	t.Helper()
	for bits := range 32 {
		on := func(bit int) bool { return bits&(1<<bit) != 0 }
		inner := func(name string, port, onHost bool) corev1.Container {
			c := corev1.Container{Name: name, Image: "x"}
			if port {
				c.Ports = []corev1.ContainerPort{{ContainerPort: 8080 + int32(len(name))}}
			}
			if port && onHost {
				c.Ports[0].HostPort = c.Ports[0].ContainerPort
			}
			return c
		}
		if !on(1) && on(2) || !on(3) && on(4) {
			continue // there is no port to be on the host
		}
		spec := corev1.PodSpec{
			HostNetwork: on(0), Containers: []corev1.Container{inner("a", on(1), on(2)), inner("main", false, false)},
			InitContainers: []corev1.Container{inner("init", on(3), on(4))},
		}
		about := fmt.Sprintf("host network %t, port %t on host %t, init port %t on host %t", on(0), on(1), on(2), on(3), on(4))
		for kind, try := range creators(t, spec) {
			out = append(out, candidate{about: kind + " with " + about, rules: s.podRules(spec), try: try})
		}
	}
	return out
}

// creators make a pod, or what has a template of it.
func creators(t *testing.T, spec corev1.PodSpec) map[string]func(kubernetes.Interface, metav1.CreateOptions) error {
	t.Helper()
	meta := candidateMeta(nil)
	labels := map[string]string{"app": "x"}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}
	once := *template.DeepCopy()
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	type create = func(kubernetes.Interface, metav1.CreateOptions) error
	return map[string]create{
		"Pod": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.CoreV1().Pods("shop").Create(t.Context(), &corev1.Pod{ObjectMeta: meta, Spec: spec}, o)
			return err
		},
		"Deployment": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.AppsV1().Deployments("shop").Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}}, o)
			return err
		},
		"DaemonSet": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.AppsV1().DaemonSets("shop").Create(t.Context(), &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}, o)
			return err
		},
		"StatefulSet": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.AppsV1().StatefulSets("shop").Create(t.Context(), &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}}, o)
			return err
		},
		"Job": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.BatchV1().Jobs("shop").Create(t.Context(), &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Template: once}}, o)
			return err
		},
		"CronJob": func(c kubernetes.Interface, o metav1.CreateOptions) error {
			_, err := c.BatchV1().CronJobs("shop").Create(t.Context(), &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{
				Schedule: "0 0 1 1 *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: once}},
			}}, o)
			return err
		},
	}
}

// verdicts lets the API server and the code judge the same objects: all of
// them by all rules, and then by each rule alone.
func verdicts(t *testing.T, r *rig) {
	h := newHeld(r)
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	asked, denied := 0, 0
	for _, deny := range append([][]rule{rules()}, single()...) {
		s := settings{name: defaultName, deny: deny, mode: modeDeny, classes: []string{"internal"}, message: "Ask it's desk."}
		m := planned(nil)
		m.declare(s)
		h.MustApply(t, m)
		if checked := r.live(t, s.name).policy.Status.TypeChecking; checked == nil || len(checked.ExpressionWarnings) > 0 {
			t.Fatalf("%v: type checking says %+v", deny, checked)
		}
		for _, c := range candidates(t, s) {
			reason, by := refused(t, c.try(r.others, dry), s.name)
			asked++
			switch {
			case by != (len(c.rules) > 0):
				t.Errorf("%v: %s: the API server refuses it: %t (%s); the code by %v", deny, c.about, by, reason, c.rules)
			case !by:
				continue
			case !strings.Contains(reason, c.rules[0].says()) || !strings.Contains(reason, " shop/"+candidateName+" ") || !strings.HasSuffix(reason, "for an exemption. Ask it's desk."):
				t.Errorf("%v: %s: the reason is %q", deny, c.about, reason)
			}
			denied++
		}
	}
	t.Logf("%d objects judged alike, %d of them refused", asked, denied)
	h.MustRemove(t)
}

func single() (out [][]rule) {
	for _, r := range rules() {
		out = append(out, []rule{r})
	}
	return out
}
