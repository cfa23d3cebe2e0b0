package ownership_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// server is a real API server, spoken to by us and by somebody else.
type server struct {
	ours   *kube.Client
	others kubernetes.Interface
}

func TestRealServer(t *testing.T) {
	t.Parallel()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "ownership", Dir: t.TempDir(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	certificate, key := plane.AdminCertificate()
	s := server{}
	s.ours, err = kube.New(kube.Access{Host: plane.Server(), CACertificate: plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.ours.CloseIdleConnections)
	if s.others, err = kubernetes.NewForConfig(plane.RESTConfig()); err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(*testing.T, server, string){
		"writes once": writesOnce, "heals edits": healsEdits, "entries of others": entriesOfOthers, "not declared any more": notDeclaredAnyMore, "lists that do not go together": unnamedPorts, "another configuration": anotherConfiguration,
		"strangers": strangers, "no namespace": noNamespace, "namespace ends": namespaceEnds, "admission": admission, "webhook": webhook, "removes": removes, "finalizer": finalizer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := strings.ReplaceAll(name, " ", "-")
			s.must(t)(s.others.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}))
			run(t, s, namespace)
		})
	}
}

// must fails the test if a call of somebody else's does.
func (s server) must(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (s server) ensure(t *testing.T, want corev1.Service, in ownership.Intent) corev1.Service {
	t.Helper()
	got, err := services.Ensure(t.Context(), s.ours, want, in)
	if err != nil {
		t.Fatal(err)
	}
	if drift := services.Drift(got, want, framework.Owner{Stamp: in.Stamp, Labels: in.Owner.Labels}); len(drift) > 0 {
		t.Errorf("after writing it still differs: %q", drift)
	}
	return got
}

// refused checks that an error is a refusal at an attribute, in these words.
func refused(t *testing.T, err error, at, words string) {
	t.Helper()
	refusal, ok := framework.AsRefusal(err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	if p := refusal.Problems[0]; p.Path.String() != at || !strings.Contains(p.Summary+" "+p.Detail, words) {
		t.Errorf("at %q: %s: %s; want %q at %q", p.Path, p.Summary, p.Detail, words, at)
	}
}

// patch is an edit by a person, as `kubectl edit` sends it.
func (s server) patch(t *testing.T, namespace, patch string) {
	t.Helper()
	s.must(t)(s.others.CoreV1().Services(namespace).Patch(t.Context(), "api", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}))
}

func in(namespace string) corev1.Service {
	return declared(func(s *corev1.Service) { s.Namespace = namespace })
}

func intent() ownership.Intent {
	return ownership.Intent{Stamp: "mine", Owner: framework.Owner{Stamp: "mine", Known: true, Labels: map[string]string{"by": "us"}}, Held: true}
}

func writesOnce(t *testing.T, s server, namespace string) {
	sent := 0
	i := intent()
	i.Sent = func(err error) error { sent++; return err }
	first := s.ensure(t, in(namespace), i)
	if again := s.ensure(t, in(namespace), i); again.ResourceVersion != first.ResourceVersion || sent != 1 {
		t.Errorf("%d writes, version %s after %s", sent, again.ResourceVersion, first.ResourceVersion)
	}
	i.Held, i.Owner.Known = false, false
	if found, err := services.Find(t.Context(), s.ours, namespace, "api", true); err != nil || services.Stamp(*found) != "mine" {
		t.Errorf("found %v, %v", found, err)
	}
	if missing, err := services.Find(t.Context(), s.ours, namespace, "other", true); missing != nil || err != nil {
		t.Errorf("found %v, %v", missing, err)
	}
}

func healsEdits(t *testing.T, s server, namespace string) {
	first := s.ensure(t, in(namespace), intent())
	s.patch(t, namespace, `{"metadata":{"labels":{"team":"web","theirs":"stays"},"annotations":{"terraform-provider-iks/owner":null}},"spec":{"selector":{"app":"other"}}}`)
	warnings, err := services.DryRun(t.Context(), s.ours, in(namespace), intent())
	if err != nil || len(warnings) > 0 {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	healed := s.ensure(t, in(namespace), intent())
	if healed.Labels["theirs"] != "stays" || healed.Spec.ClusterIP != first.Spec.ClusterIP {
		t.Errorf("what is not ours was changed: %v, %v", healed.Labels, healed.Spec)
	}
	// A port that was renumbered collides with the declared one.
	s.must(t)(s.others.CoreV1().Services(namespace).Patch(t.Context(), "api", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec/ports/0/port","value":444}]`), metav1.PatchOptions{FieldManager: "kubectl-edit"}))
	if warnings, err := services.DryRun(t.Context(), s.ours, in(namespace), intent()); err != nil || len(warnings) > 0 {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	s.ensure(t, in(namespace), intent())
}

func entriesOfOthers(t *testing.T, s server, namespace string) {
	want := declared(func(svc *corev1.Service) { svc.Namespace, svc.Spec.Type = namespace, corev1.ServiceTypeNodePort })
	first := s.ensure(t, want, intent())
	s.patch(t, namespace, `{"spec":{"ports":[{"name":"more","port":80}]}}`)
	if healed := s.ensure(t, want, intent()); healed.Spec.Ports[0].NodePort != first.Spec.Ports[0].NodePort {
		t.Errorf("the node port was not kept: %v, before %v", healed.Spec.Ports, first.Spec.Ports)
	}
}

// notDeclaredAnyMore leaves out what was declared before: it goes, also after
// the object had to be written over as a whole.
func notDeclaredAnyMore(t *testing.T, s server, namespace string) {
	more := in(namespace)
	more.Labels = map[string]string{"team": "shop", "extra": "x"}
	more.Annotations = map[string]string{"note": "y"}
	more.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	more.Spec.Ports = append(more.Spec.Ports, corev1.ServicePort{Name: "http", Port: 80, TargetPort: intstr.FromInt32(80), Protocol: corev1.ProtocolTCP})
	for range 2 {
		s.ensure(t, more, intent())
		s.patch(t, namespace, `{"spec":{"ports":[{"name":"theirs","port":81}]}}`)
		s.ensure(t, more, intent())
		less := s.ensure(t, in(namespace), intent())
		_, label := less.Labels["extra"]
		_, note := less.Annotations["note"]
		if label || note || len(less.Spec.Ports) != 1 || less.Labels["team"] != "shop" || less.Labels["by"] != "us" {
			t.Errorf("left are %v, %v, %v", less.Labels, less.Annotations, less.Spec.Ports)
		}
		if again := s.ensure(t, in(namespace), intent()); again.ResourceVersion != less.ResourceVersion {
			t.Error("it was written twice")
		}
	}
}

// unnamedPorts are valid one by one and not together.
func unnamedPorts(t *testing.T, s server, namespace string) {
	want := declared(func(svc *corev1.Service) { svc.Namespace, svc.Spec.Ports[0].Name = namespace, "" })
	first := s.ensure(t, want, intent())
	s.must(t)(s.others.CoreV1().Services(namespace).Patch(t.Context(), "api", types.MergePatchType, []byte(`{"spec":{"ports":[{"port":81}]}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}))
	warnings, err := services.DryRun(t.Context(), s.ours, want, intent())
	if err != nil || len(warnings) > 0 {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	if healed := s.ensure(t, want, intent()); len(healed.Spec.Ports) != 1 || healed.Spec.ClusterIP != first.Spec.ClusterIP {
		t.Errorf("healed is %v", healed.Spec)
	}
	broken := want
	broken.Spec.Ports = []corev1.ServicePort{{Port: 70000}}
	if _, err := services.Ensure(t.Context(), s.ours, broken, intent()); !apierrors.IsInvalid(err) {
		t.Errorf("what is not valid at all gives %v", err)
	}
}

func anotherConfiguration(t *testing.T, s server, namespace string) {
	s.ensure(t, in(namespace), intent())
	force := true
	s.must(t)(s.others.CoreV1().Services(namespace).Patch(t.Context(), "api", types.ApplyPatchType,
		[]byte(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"api"},"spec":{"selector":{"app":"theirs"}}}`), metav1.PatchOptions{FieldManager: "argo", Force: &force}))
	_, err := services.Ensure(t.Context(), s.ours, in(namespace), intent())
	refused(t, err, "name", "Field spec.selector of Service another-configuration/api is managed by argo")
	warnings, err := services.DryRun(t.Context(), s.ours, in(namespace), intent())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "argo") {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	i := intent()
	i.Force = true
	s.ensure(t, in(namespace), i)
}

func strangers(t *testing.T, s server, namespace string) {
	theirs := declared(func(svc *corev1.Service) { svc.Namespace, svc.Spec.Ports[0].Port = namespace, 444 })
	s.must(t)(s.others.CoreV1().Services(namespace).Create(t.Context(), &theirs, metav1.CreateOptions{FieldManager: "kubectl-create"}))
	fresh := ownership.Intent{Stamp: "new"}
	_, err := services.Ensure(t.Context(), s.ours, in(namespace), fresh)
	refused(t, err, "name", "it was written by kubectl-create. It differs from what is declared: spec.ports[https].port is 444, declared 443")
	_, err = services.DryRun(t.Context(), s.ours, in(namespace), ownership.Intent{})
	refused(t, err, "name", "exists and is not ours")

	same := declared(func(svc *corev1.Service) { svc.Namespace, svc.Spec.Ports[0].Port = namespace, 444 })
	warnings, err := services.DryRun(t.Context(), s.ours, same, ownership.Intent{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "taken over") {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	if adopted := s.ensure(t, same, fresh); services.Stamp(adopted) != "new" {
		t.Errorf("stamp %q", services.Stamp(adopted))
	}
	// It is another resource's now, which may be removed in the same run.
	warnings, err = services.DryRun(t.Context(), s.ours, in(namespace), ownership.Intent{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "another resource of this provider") {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
	forced := fresh
	forced.Stamp, forced.Force = "newer", true
	s.ensure(t, in(namespace), forced)
}

func noNamespace(t *testing.T, s server, _ string) {
	_, err := services.Ensure(t.Context(), s.ours, in("nowhere"), intent())
	refused(t, err, "namespace", `the cluster has no namespace "nowhere"`)
	warnings, err := services.DryRun(t.Context(), s.ours, in("nowhere"), intent())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "nowhere") {
		t.Errorf("a dry run says %q, %v", warnings, err)
	}
}

func namespaceEnds(t *testing.T, s server, namespace string) {
	hold := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "hold", Finalizers: []string{"example.com/hold"}}}
	s.must(t)(s.others.CoreV1().ConfigMaps(namespace).Create(t.Context(), hold, metav1.CreateOptions{}))
	if err := s.others.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := services.Ensure(t.Context(), s.ours, in(namespace), intent())
	refused(t, err, "namespace", "is being deleted")
	s.must(t)(s.others.CoreV1().ConfigMaps(namespace).Patch(t.Context(), "hold", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}))
}

// admission lets a policy of the cluster refuse the object: its words reach the user.
func admission(t *testing.T, s server, namespace string) {
	all, fail := admissionv1.OperationAll, admissionv1.Fail
	policies := s.others.AdmissionregistrationV1()
	s.must(t)(policies.ValidatingAdmissionPolicies().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "no-services"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{all},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"services"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "ask the network team"}},
		},
	}, metav1.CreateOptions{}))
	s.must(t)(policies.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "no-services"},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: "no-services", ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}},
		},
	}, metav1.CreateOptions{}))
	// The API server takes a moment to enforce a new policy.
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(context.Context) (bool, string, error) {
		warnings, err := services.DryRun(t.Context(), s.ours, in(namespace), intent())
		return len(warnings) == 1 && strings.Contains(warnings[0], "ask the network team"), "not refused yet", err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = services.Ensure(t.Context(), s.ours, in(namespace), intent())
	refused(t, err, "name", "ask the network team")
}

func removes(t *testing.T, s server, namespace string) {
	s.ensure(t, in(namespace), intent())
	warning, err := services.Remove(t.Context(), s.ours, namespace, "api", framework.Owner{Stamp: "other", Known: true})
	if err != nil || !strings.Contains(warning, "Service removes/api is left as it is") {
		t.Errorf("removing another's says %q, %v", warning, err)
	}
	warning, err = services.Remove(t.Context(), s.ours, namespace, "api", intent().Owner)
	if err != nil || warning != "" {
		t.Errorf("removing says %q, %v", warning, err)
	}
	if left, err := services.Find(t.Context(), s.ours, namespace, "api", false); left != nil || err != nil {
		t.Errorf("left is %v, %v", left, err)
	}
	if warning, err := services.Remove(t.Context(), s.ours, namespace, "api", intent().Owner); err != nil || warning != "" {
		t.Errorf("removing what is gone says %q, %v", warning, err)
	}
}

// finalizer holds an object that is removed: both removing it and making it anew wait.
func finalizer(t *testing.T, s server, namespace string) {
	s.ensure(t, in(namespace), intent())
	s.patch(t, namespace, `{"metadata":{"finalizers":["example.com/hold"]}}`)
	removed := make(chan error, 1)
	go func() {
		_, err := services.Remove(t.Context(), s.ours, namespace, "api", intent().Owner)
		removed <- err
	}()
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := services.Find(ctx, s.ours, namespace, "api", false)
		if err != nil || live == nil {
			return false, "", errors.Join(err, errors.New("it is gone in spite of its finalizer"))
		}
		drift := services.Drift(*live, in(namespace), intent().Owner)
		return len(drift) == 1 && strings.Contains(drift[0], "being deleted"), "not being deleted", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-removed:
		t.Fatalf("removing did not wait: %v", err)
	default:
	}
	s.must(t)(s.others.CoreV1().Services(namespace).Patch(t.Context(), "api", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}))
	if err := <-removed; err != nil {
		t.Error(err)
	}
	s.ensure(t, in(namespace), intent())
}
