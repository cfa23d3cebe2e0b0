package exposurepolicy

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	admission "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// public is a load balancer that every policy here objects to.
func public(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}}}
}

func dryCreate() metav1.CreateOptions {
	return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
}

// exemptions: whose objects, and where, the policy lets pass.
func exemptions(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(func(s *settings) {
		s.namespaces, s.accounts = []string{"vpn"}, []account{{"platform", "deployer"}}
	}))
	r.acts(t)
	for name, test := range map[string]struct {
		user, namespace string
		refused         bool
	}{
		"an administrator":         {"", "shop", true},
		"a service account":        {"system:serviceaccount:platform:other", "shop", true},
		"a namesake":               {"system:serviceaccount:shop:deployer", "shop", true},
		"the exempt account":       {insider, "shop", false},
		"exempt namespace":         {"", "vpn", false},
		"Kubernetes' own":          {"", "kube-system", false},
		"IBM's own":                {"", "ibm-system", false},
		"another system namespace": {"", "default", true},
	} {
		client, _ := r.as(t, test.user)
		_, err := client.CoreV1().Services(test.namespace).Create(t.Context(), public("web"), dryCreate())
		if _, by := refused(t, err, defaultName); by != test.refused {
			t.Errorf("%s: refused is %t", name, by)
		}
	}
	// The mark of a probe lets nothing pass that is stored, and in a dry run
	// nothing past the policy that it names.
	marked := public("marked")
	marked.Annotations = map[string]string{probeAnnotation: "elsewhere"}
	_, err := r.others.CoreV1().Services("shop").Create(t.Context(), marked, metav1.CreateOptions{})
	if _, by := refused(t, err, defaultName); !by {
		t.Error("the mark of a probe gets around the policy")
	}
	_, err = r.others.CoreV1().Services("shop").Create(t.Context(), marked, dryCreate())
	must(t, err)
	marked.Annotations[probeAnnotation] = defaultName
	_, err = r.others.CoreV1().Services("shop").Create(t.Context(), marked, dryCreate())
	if reason, by := refused(t, err, defaultName); !by || !strings.Contains(reason, "(revision ") {
		t.Errorf("a probe is told %q", reason)
	}
	h.MustRemove(t)
}

// theModes: audit writes down, warn warns, deny refuses.
func theModes(t *testing.T, r *rig) {
	h := newHeld(r)
	for _, m := range modes() {
		h.MustApply(t, planned(func(s *settings) { s.mode = m }))
		client, warnings := r.as(t, "")
		mark, err := r.plane.MarkAudit(t.Context())
		must(t, err)
		// In a mode that does not refuse there is no probe: wait until it acts.
		err = kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			_, err := client.CoreV1().Services("shop").Create(ctx, public("web"), dryCreate())
			_, by := refused(t, err, defaultName)
			said := warnings.take()
			warned := slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "can get a public address") })
			if by && m != modeDeny || warned && m != modeWarn {
				return false, "still in the mode before", nil
			}
			events, err := r.plane.Audit(ctx, mark)
			must(t, err)
			last := events[len(events)-1]
			written := strings.Contains(last.Annotations["validation.policy.admission.k8s.io/validation_failure"], "can get a public address")
			return written && by == (m == modeDeny) && warned == (m == modeWarn), string(m), nil
		})
		must(t, err)
	}
	h.MustRemove(t)
}

// defaultClass: an Ingress that names no class is judged by the one it gets.
func defaultClass(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	classes := r.others.NetworkingV1().IngressClasses()
	without := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: networkingv1.IngressSpec{DefaultBackend: backendOf("x")}}
	for class, says := range map[string]string{"public-iks-k8s-nginx": "of class public-iks-k8s-nginx", "private-iks-k8s-nginx": ""} {
		_, err := classes.Create(t.Context(), &networkingv1.IngressClass{
			ObjectMeta: metav1.ObjectMeta{Name: class, Annotations: map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}},
			Spec:       networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"},
		}, metav1.CreateOptions{})
		must(t, err)
		err = kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			_, err := r.others.NetworkingV1().Ingresses("shop").Create(ctx, without, dryCreate())
			reason, by := refused(t, err, defaultName)
			return by == (says != "") && strings.Contains(reason, says), reason, nil
		})
		must(t, err)
		must(t, classes.Delete(t.Context(), class, metav1.DeleteOptions{}))
		err = kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			_, err := r.others.NetworkingV1().Ingresses("shop").Create(ctx, without, dryCreate())
			reason, _ := refused(t, err, defaultName)
			return strings.Contains(reason, "has no class"), reason, nil
		})
		must(t, err)
	}
	h.MustRemove(t)
}

// counted: what is there already is counted and named, and neither what a
// workload has made nor what is exempt counts.
func counted(t *testing.T, r *rig) {
	ctx := t.Context()
	_, err := r.others.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "counted"}}, metav1.CreateOptions{})
	must(t, err)
	for _, namespace := range []string{"counted", "vpn", "ibm-system"} {
		_, err := r.others.CoreV1().Services(namespace).Create(ctx, public("web"), metav1.CreateOptions{})
		must(t, err)
	}
	_, err = r.others.NetworkingV1().Ingresses("counted").Create(ctx, &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: networkingv1.IngressSpec{DefaultBackend: backendOf("x")}}, metav1.CreateOptions{})
	must(t, err)
	labels := map[string]string{"app": "agent"}
	spec := corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{Name: "a", Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 9100}}}}}
	_, err = r.others.AppsV1().Deployments("counted").Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "agent"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
	}}, metav1.CreateOptions{})
	must(t, err)
	_, err = r.others.CoreV1().Pods("counted").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare"}, Spec: spec}, metav1.CreateOptions{})
	must(t, err)
	must(t, kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		pods, err := r.others.CoreV1().Pods("counted").List(ctx, metav1.ListOptions{LabelSelector: "app=agent"})
		return err == nil && len(pods.Items) == 1, "the Deployment has no pod yet", err
	}))
	in := func(list types.List) (out []string) {
		return slices.DeleteFunc(texts(list), func(s string) bool { return !strings.Contains(s, " counted/") })
	}
	for name, test := range map[string]struct {
		deny []rule
		want []string
	}{
		"as by default": {defaultRules(), []string{"Ingress counted/web (public_ingress)", "Service counted/web (public_load_balancer)"}},
		"host network":  {[]rule{hostNetwork}, []string{"Deployment counted/agent (host_network)", "Pod counted/bare (host_network)"}},
		"host ports":    {[]rule{hostNetwork, hostPort}, []string{"Deployment counted/agent (host_network, host_port)", "Pod counted/bare (host_network, host_port)"}},
		"nothing":       {[]rule{externalIPs}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeld(r)
			h.MustApply(t, planned(func(s *settings) {
				// What other tests have left is not looked at.
				s.deny, s.namespaces = test.deny, []string{"shop", "vpn", "platform"}
			}))
			if got := in(h.State.FirstViolations); !slices.Equal(got, test.want) || h.State.Violations.ValueInt64() != int64(len(test.want)) {
				t.Errorf("%v violations: %q, want %q", h.State.Violations, got, test.want)
			}
			h.MustRemove(t)
		})
	}
	preview, err := part{}.Preview(ctx, parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false), framework.PreviewRequest[model]{
		Want: planned(func(s *settings) { s.namespaces = []string{"shop", "vpn", "platform"} }), Owner: parttest.Managed(framework.Owner{}),
	})
	if err != nil || len(preview) != 1 || !strings.Contains(preview[0], "2 objects would be refused if they were made anew") || !strings.Contains(preview[0], "Service counted/web") {
		t.Errorf("preview says %q, %v", preview, err)
	}
}

// previews: a plan stores nothing, and says what stands against it.
func previews(t *testing.T, r *rig) {
	look := func(want *model) ([]string, error) {
		return part{}.Preview(t.Context(), parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false), framework.PreviewRequest[model]{Want: want, Owner: parttest.Managed(framework.Owner{})})
	}
	quiet := func(s *settings) { s.deny = []rule{externalIPs}; s.namespaces = []string{"shop", "counted"} }
	if warnings, err := look(planned(quiet)); err != nil || len(warnings) > 0 {
		t.Errorf("preview of a new one: %q, %v", warnings, err)
	}
	if live := r.live(t, defaultName); live.policy != nil || live.binding != nil {
		t.Fatal("a preview stored something")
	}
	unknown := planned(nil)
	unknown.Deny = types.SetUnknown(types.StringType)
	if warnings, err := look(unknown); err != nil || len(warnings) > 0 {
		t.Errorf("preview of what is not known: %q, %v", warnings, err)
	}
	p := settings{name: defaultName, deny: rules(), mode: modeAudit}.policy()
	_, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{FieldManager: "somebody"})
	must(t, err)
	_, err = look(planned(quiet))
	if text := parttest.Refusal(t, err); !strings.Contains(text, "is not ours") {
		t.Errorf("preview of a stranger's: %s", text)
	}
	forced := planned(quiet)
	forced.Force = types.BoolUnknown()
	if _, err := look(forced); err != nil {
		t.Errorf("preview where force is not known: %v", err)
	}
}

// fewRights: without rights to list, nothing is counted; without rights to
// create what is probed, the policy's status has to do.
func fewRights(t *testing.T, r *rig) {
	rule := rbacv1.PolicyRule{APIGroups: []string{admission.GroupName}, Resources: []string{"validatingadmissionpolicies", "validatingadmissionpolicybindings"}, Verbs: []string{"*"}}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "policies"}, Rules: []rbacv1.PolicyRule{rule, {APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}}}}
	_, err := r.others.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	must(t, err)
	_, err = r.others.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "policies"}},
	}, metav1.CreateOptions{})
	must(t, err)
	access := parttest.Admin(r.plane)
	access.ClientCertificate, access.ClientKey, err = r.plane.ClientCertificate("policies")
	must(t, err)
	inForce(t, r, "policies")
	r.cluster = parttest.Connect(t, access, kube.Options{}, true)
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	if !h.State.Violations.IsNull() || !h.State.FirstViolations.IsNull() {
		t.Errorf("counted %v: %v", h.State.Violations, h.State.FirstViolations)
	}
	preview, err := part{}.Preview(t.Context(), parttest.Connect(t, access, kube.Options{}, false), framework.PreviewRequest[model]{Want: planned(nil), Prior: h.State, Owner: h.Owner})
	if err != nil || len(preview) != 1 || !strings.Contains(preview[0], "may not be listed") {
		t.Errorf("preview says %q, %v", preview, err)
	}
	h.MustRemove(t)
}

// inForce waits until the API server knows the rights of a user.
func inForce(t *testing.T, r *rig, user string) {
	t.Helper()
	config := *r.config
	config.Impersonate.UserName = user
	client, err := kubernetes.NewForConfig(&config)
	must(t, err)
	must(t, kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		_, err := client.AdmissionregistrationV1().ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
		if apierrors.IsForbidden(err) {
			return false, err.Error(), nil
		}
		return err == nil, "", err
	}))
}

// probes: what a policy is waited for, and what is no proof either way.
func probes(t *testing.T, r *rig) {
	// The namespace of the probe is exempt, or the credentials may be.
	for name, change := range map[string]func(*settings){
		"namespace exempt": func(s *settings) { s.namespaces = []string{"default"} },
		"account exempt":   func(s *settings) { s.accounts = []account{{"a", "b"}} },
		"warn only":        func(s *settings) { s.mode = modeWarn },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeld(r)
			h.MustApply(t, planned(change))
			h.MustRemove(t)
		})
	}
	// Every rule can be the first.
	for _, first := range rules() {
		h := newHeld(r)
		h.MustApply(t, planned(func(s *settings) { s.deny = []rule{first} }))
		g, err := reach(t.Context(), r.cluster)
		must(t, err)
		stale := settings{name: defaultName, deny: []rule{first}, mode: modeDeny, message: "Not written yet."}
		if proven, err := g.try(t.Context(), stale); err != nil || proven {
			t.Errorf("%s: another revision is taken for proven: %t, %v", first, proven, err)
		}
		if broken, err := g.probe(t.Context(), stale); err == nil {
			t.Errorf("%s: the probe passes, breaking %v", first, broken)
		}
		// Without its binding the policy does nothing.
		must(t, r.others.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(t.Context(), defaultName, metav1.DeleteOptions{}))
		must(t, kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			proven, err := g.try(ctx, settings{name: defaultName, deny: []rule{first}, mode: modeDeny})
			return !proven, string(first), err
		}))
		h.MustRemove(t)
	}
}
