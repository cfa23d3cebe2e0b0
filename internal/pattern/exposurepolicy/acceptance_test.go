package exposurepolicy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	admission "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/albstate"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/exposurepolicy"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateingress"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateservice"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources: framework.Resources{albstate.NewResource, exposurepolicy.NewResource, privateingress.NewResource, privateservice.NewResource},
	}))
}

const policyName = "iks-exposure-policy"

func others(c *localiks.Cluster) kubernetes.Interface {
	return kubernetes.NewForConfigOrDie(c.RESTConfig())
}

// edit changes the policy behind Terraform's back.
func edit(change func(*admission.ValidatingAdmissionPolicySpec)) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		policies := others(c).AdmissionregistrationV1().ValidatingAdmissionPolicies()
		p, err := policies.Get(context.Background(), policyName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		change(&p.Spec)
		if _, err := policies.Update(context.Background(), p, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// unbind removes the binding, which puts the policy out of effect.
func unbind(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	if err := others(c).AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(context.Background(), policyName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func soften(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	_, err := others(c).AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Patch(context.Background(), policyName,
		"application/merge-patch+json", []byte(`{"spec":{"validationActions":["Audit"]}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func vanish(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	registered := others(c).AdmissionregistrationV1()
	err := errors.Join(
		registered.ValidatingAdmissionPolicyBindings().Delete(context.Background(), policyName, metav1.DeleteOptions{}),
		registered.ValidatingAdmissionPolicies().Delete(context.Background(), policyName, metav1.DeleteOptions{}))
	if err != nil {
		t.Fatal(err)
	}
}

func lifecycle(cluster string) acctest.Resource {
	return acctest.Resource{
		Variant: cluster,
		Type:    "iks_exposure_policy",
		Cluster: cluster,
		Arguments: `  exempt_namespaces       = ["vpn"]
  exempt_service_accounts = ["platform/deployer"]
  message                 = "It's the network team that \"exempts\"."`,
		Changed: `  deny = ["external_ips", "host_network", "host_port", "node_port", "public_ingress", "public_load_balancer"]
  mode = "warn"
  private_ingress_classes = ["internal"]`,
		Key:      policyName,
		Identity: `name = "` + policyName + `"`,
		Breaks: []acctest.Break{
			{Name: "mode", Do: soften, Sentence: "mode is audit, declared deny"},
			{Name: "binding", Do: unbind, Sentence: "is missing, so the policy is not in effect"},
			{Name: "rules", Do: edit(func(s *admission.ValidatingAdmissionPolicySpec) { s.Validations = s.Validations[:1] }), Sentence: "rule public_load_balancer is declared"},
			{Name: "conditions", Do: edit(func(s *admission.ValidatingAdmissionPolicySpec) {
				s.MatchConditions = append(s.MatchConditions, admission.MatchCondition{Name: "never", Expression: "false"})
			}), Sentence: "matchConditions"},
		},
		Vanish:            vanish,
		RestoresOnDestroy: true,
	}
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, lifecycle(acctest.Classic), lifecycle(acctest.VPC))
}

func TestAccBadInput(t *testing.T) {
	acctest.BadInputs(t, "iks_exposure_policy", map[string]acctest.BadInput{
		"empty name":       acctest.Bad(`  name = ""`, "name", "cannot be the name"),
		"bad name":         acctest.Bad(`  name = "Not_A_Name"`, "name", "Not_A_Name"),
		"unknown rule":     acctest.Bad(`  deny = ["public"]`, "deny", `"public" is not one of`),
		"no rule":          acctest.Bad(`  deny = []`, "deny", "empty"),
		"unknown mode":     acctest.Bad(`  mode = "enforce"`, "mode", `"enforce" is not one of audit, warn, deny`),
		"bad namespace":    acctest.Bad(`  exempt_namespaces = ["Shop"]`, "exempt_namespaces", "Shop"),
		"no namespace":     acctest.Bad(`  exempt_namespaces = []`, "exempt_namespaces", "empty"),
		"no account":       acctest.Bad(`  exempt_service_accounts = []`, "exempt_service_accounts", "empty"),
		"bad account":      acctest.Bad(`  exempt_service_accounts = ["deployer"]`, "exempt_service_accounts", "namespace/name"),
		"bad class":        acctest.Bad(`  private_ingress_classes = ["a/b"]`, "private_ingress_classes", "a/b"),
		"public class":     acctest.Bad(`  private_ingress_classes = ["public-iks-traefik"]`, "private_ingress_classes", "public ALBs"),
		"no class":         acctest.Bad(`  private_ingress_classes = []`, "private_ingress_classes", "empty"),
		"empty message":    acctest.Bad(`  message = ""`, "message", "empty"),
		"message of lines": acctest.Bad(`  message = "a\nb"`, "message", "line break"),
	})
}

// What is found in the cluster is no reason to plan: the count follows, and
// shows where an output asks for it.
func TestAccViolations(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	config := acctest.ProviderBlock(e) + `
resource "iks_exposure_policy" "it" {
  cluster = "classic"
  deny    = ["public_load_balancer"]
  mode    = "warn"
}
`
	w := acctest.NewWorkspace(t, config)
	w.MustApply()
	counted := func() (count any, first string) {
		t.Helper()
		values := w.Attributes("iks_exposure_policy.it")
		return values["violations"], fmt.Sprint(values["first_violations"])
	}
	if count, first := counted(); count != float64(0) || first != "[]" {
		t.Errorf("violations: %v, %s", count, first)
	}
	services := others(c).CoreV1().Services("default")
	_, err := services.Create(context.Background(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "open"}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := services.Delete(context.Background(), "open", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	w.MustPlanEmpty()
	w.Write(config + "output \"open\" {\n  value = iks_exposure_policy.it.first_violations\n}\n")
	for _, change := range w.MustApply().Planned {
		if change.Action != "noop" && change.Action != "no-op" {
			t.Errorf("a violation plans %s of %s", change.Action, change.Address)
		}
	}
	if count, first := counted(); count != float64(1) || first != "[Service default/open (public_load_balancer)]" {
		t.Errorf("violations: %v, %s", count, first)
	}
	w.MustPlanEmpty()
	// A plan that changes the mode says what it means for what is there.
	w.Write(strings.Replace(config, `"warn"`, `"deny"`, 1))
	says := func(s string) bool {
		return strings.Contains(s, "1 objects would be refused") && strings.Contains(s, "Service default/open")
	}
	if warnings := w.MustApply().Warnings(); !slices.ContainsFunc(warnings, says) {
		t.Errorf("warnings are %q", warnings)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}

// What this provider makes passes, and what somebody else makes public does not,
// from the moment on at which the apply has ended.
func TestAccOwnResourcesPass(t *testing.T) {
	e := acctest.Environment(t)
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+fmt.Sprintf(`
locals {
  cluster = %q
}
resource "iks_exposure_policy" "it" {
  cluster = local.cluster
  name    = "private-only"
  deny    = ["external_ips", "host_network", "host_port", "node_port", "public_ingress", "public_load_balancer"]
}
resource "iks_alb_state" "private" {
  cluster    = local.cluster
  type       = "private"
  enabled    = true
  on_destroy = "restore"
}
resource "iks_private_service" "web" {
  cluster    = local.cluster
  namespace  = "default"
  name       = "web"
  selector   = { app = "web" }
  ports      = [{ name = "http", port = 80 }]
  depends_on = [iks_exposure_policy.it]
}
resource "iks_private_ingress" "web" {
  cluster    = local.cluster
  namespace  = "default"
  name       = "web"
  rules      = [{ host = "web.example.com", paths = [{ path = "/", backend = { service_name = "web", service_port = 80 } }] }]
  depends_on = [iks_exposure_policy.it, iks_alb_state.private]
}
`, name))
			w.MustApply()
			w.MustPlanEmpty()
			client := others(e.Cluster(name)).CoreV1().Services("default")
			_, err := client.Patch(context.Background(), "web", "application/merge-patch+json",
				[]byte(`{"metadata":{"annotations":{"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type":"public"}}}`), metav1.PatchOptions{})
			if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'private-only'") {
				t.Errorf("making it public: %v", err)
			}
			w.MustPlanEmpty()
			if count := w.Attributes("iks_exposure_policy.it")["violations"]; count != float64(0) {
				t.Errorf("violations: %v", count)
			}
			w.MustDestroy()
		})
	}
}
