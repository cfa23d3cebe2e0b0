package privateservice_test

import (
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

func inNamespace(e *localiks.Environment, namespace string) string {
	return block(e, acctest.Classic, onePort+fmt.Sprintf("  namespace = %q\n", namespace))
}

// A namespace that is missing is an error that says so; once it is there the
// next apply works. One that is being deleted is an error of its own.
func TestAccNamespaces(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	namespaces := client(t, c).CoreV1().Namespaces()
	w := acctest.NewWorkspace(t, inNamespace(e, "shop"))
	plan := w.Plan()
	if plan.ExitCode != 0 {
		t.Errorf("a plan fails: %q", plan.Errors())
	}
	says(t, "the plan", plan.Warnings(), `no namespace "shop"`)
	r := w.Apply()
	if r.ExitCode == 0 {
		t.Fatal("apply works without the namespace")
	}
	says(t, "the error", r.Errors(), "The namespace does not exist", `"shop"`)
	if w.Attributes(resourceName) != nil {
		t.Error("there is a state")
	}
	shop := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Finalizers: []string{"example.com/hold"}}}
	if _, err := namespaces.Create(t.Context(), shop, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	has(t, w, map[string]any{"ready": true, "namespace": "shop"})
	w.MustPlanEmpty()
	w.MustDestroy()

	if err := namespaces.Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the namespace is being deleted", func() bool {
		live, err := namespaces.Get(t.Context(), "shop", metav1.GetOptions{})
		return err == nil && live.Status.Phase == corev1.NamespaceTerminating
	})
	r = w.Apply()
	if r.ExitCode == 0 {
		t.Error("apply works in a namespace that is being deleted")
	}
	says(t, "the error", r.Errors(), "The namespace is being deleted")
	if _, err := namespaces.Patch(kept(t), "shop", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A namespace of the same apply is not there at plan, and neither is its name.
func TestAccNamespaceOfTheSameApply(t *testing.T) {
	e := acctest.Environment(t)
	namespaces := client(t, e.Cluster(acctest.Classic)).CoreV1().Namespaces()
	made := acctest.Bell(t, func() error {
		_, err := namespaces.Create(kept(t), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "made-now"}}, metav1.CreateOptions{})
		return err
	})
	w := acctest.NewWorkspace(t, strings.Replace(inNamespace(e, "made-now"), `"made-now"`, "terraform_data.namespace.output", 1)+fmt.Sprintf(`
resource "terraform_data" "namespace" {
  input = "made-now"
  provisioner "local-exec" {
    interpreter = ["bash", "-c"]
    command     = %q
  }
}
`, made))
	w.MustApply()
	has(t, w, map[string]any{"ready": true, "namespace": "made-now"})
	w.MustPlanEmpty()
	w.MustDestroy()
	if err := namespaces.Delete(t.Context(), "made-now", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// The cluster's own admission control has the last word, in its own words.
func TestAccAdmissionRefuses(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	admission := client(t, c).AdmissionregistrationV1()
	const words = "Services need the label cost-center, ask platform@example.com"
	fail := admissionv1.Fail
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "cost-center"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"services"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "has(object.metadata.labels) && 'cost-center' in object.metadata.labels", Message: words}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "cost-center"},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: "cost-center", ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	if _, err := admission.ValidatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admission.ValidatingAdmissionPolicyBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	tries := func() error {
		_, err := client(t, c).CoreV1().Services("default").Create(kept(t), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "try"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	t.Cleanup(func() {
		if err := admission.ValidatingAdmissionPolicyBindings().Delete(kept(t), "cost-center", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := admission.ValidatingAdmissionPolicies().Delete(kept(t), "cost-center", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		until(t, "the policy is gone", func() bool { return tries() == nil })
	})
	until(t, "the policy is in force", func() bool { return tries() != nil })

	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	r := w.Apply()
	if r.ExitCode == 0 {
		t.Fatal("apply works")
	}
	says(t, "the error", r.Errors(), words, "admission control")
	if w.Attributes(resourceName) != nil {
		t.Error("there is a state")
	}
	w.Write(block(e, acctest.Classic, onePort+`  labels = { "cost-center" = "42" }`))
	w.MustApply()
	w.MustDestroy()
}
