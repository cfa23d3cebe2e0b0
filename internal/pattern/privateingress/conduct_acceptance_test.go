package privateingress_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Without a private ALB a plan warns, and an apply fails, both with what to add;
// added in the same configuration, one apply does it all.
func TestAccNoPrivateALB(t *testing.T) {
	for _, cluster := range []string{acctest.Classic, acctest.VPC} {
		t.Run(cluster, func(t *testing.T) {
			e, c := acctest.Fresh(t, cluster)
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+front(cluster, toShop))
			plan := w.Plan()
			planned(t, plan, "create")
			says(t, plan.Warnings(), `resource "iks_alb_state" "private"`, "unless that has changed by then")
			r := w.Apply()
			if r.ExitCode != 1 || w.Attributes(address) != nil {
				t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
			}
			says(t, r.Errors(), "No private ALB is enabled", `resource "iks_alb_state" "private"`)

			w.Write(acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_alb_state" "private" {
  cluster    = %q
  type       = "private"
  enabled    = true
  on_destroy = "disable"
}
`, cluster) + front(cluster, toShop+"  depends_on = [iks_alb_state.private]"))
			w.MustApply()
			w.MustPlanEmpty()
			want := addressesOf(e, cluster, "private")
			got := w.Attributes(address)
			if !reflect.DeepEqual(got["addresses"], want) || got["address"] != want[0] || got["exposure"] != "private" || got["ingress_class"] != "private-iks-k8s-nginx" || got["ready"] != true {
				t.Errorf("the attributes are %v, want the addresses %v", got, want)
			}
			if in(t, c).ingress().Spec.IngressClassName == nil {
				t.Error("the Ingress has no class")
			}
			// The ALBs go behind the Ingress's back.
			w.Write(acctest.ProviderBlock(e) + front(cluster, toShop))
			w.Apply()
			says(t, w.Apply().Errors(), "No private ALB is enabled")
			w.MustDestroy()
		})
	}
}

// A class of the public ALBs is refused in the plan, also one that only the
// cluster can tell.
func TestAccPublicClass(t *testing.T) {
	o := classic(t)
	e := acctest.Environment(t)
	for _, a := range e.IKS.ALBs(acctest.Classic) {
		if a.Type == "public" {
			o.deployConfig(a.ID, "outside")
		}
	}
	w := acctest.NewWorkspace(t, config(t, toShop+"  ingress_class = \"outside\"\n"))
	says(t, w.Plan().Errors(), "outside", "from the internet")
	r := w.Apply()
	says(t, r.Errors(), "outside", "from the internet")
}

// deployConfig gives an ALB an IngressClass of the user's, until the test ends.
// The simulated controllers know nothing of it.
func (o others) deployConfig(albID, class string) {
	o.t.Helper()
	settings, err := json.Marshal(map[string]string{"ingressClass": class})
	o.must(err)
	configs := o.kube.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	_, err = configs.Create(context.Background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ibm-ingress-deploy-config"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		o.t.Fatal(err)
	}
	set := func(value any) {
		patch, err := json.Marshal(map[string]any{"data": map[string]any{albID: value}})
		o.must(err)
		_, err = configs.Patch(context.Background(), "ibm-ingress-deploy-config", types.MergePatchType, patch, metav1.PatchOptions{})
		o.must(err)
	}
	set(string(settings))
	o.t.Cleanup(func() { set(nil) })
}

// inside gives the private ALBs a class that the simulated controllers do not
// know, so that the test alone says where an Ingress of it is reached.
func inside(t *testing.T) others {
	t.Helper()
	o := classic(t)
	classes := o.kube.NetworkingV1().IngressClasses()
	_, err := classes.Create(context.Background(), &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: "inside"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"},
	}, metav1.CreateOptions{})
	o.must(err)
	t.Cleanup(func() { o.must(classes.Delete(context.Background(), "inside", metav1.DeleteOptions{})) })
	for _, a := range acctest.Environment(t).IKS.ALBs(acctest.Classic) {
		if a.Type == "private" {
			o.deployConfig(a.ID, "inside")
		}
	}
	return o
}

// An Ingress that comes out public is taken down by the apply that made it.
func TestAccComesOutPublic(t *testing.T) {
	o := inside(t)
	e := acctest.Environment(t)
	public, _ := addressesOf(e, acctest.Classic, "public")[0].(string)
	w := acctest.NewWorkspace(t, config(t, toShop))
	done := make(chan error, 1)
	go func() {
		err := o.reachedAt(public)
		for apierrors.IsNotFound(err) && t.Context().Err() == nil {
			err = o.reachedAt(public)
		}
		done <- err
	}()
	r := w.Apply()
	o.must(<-done)
	if r.ExitCode != 1 || w.Attributes(address) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
	}
	says(t, r.Errors(), "came out public", public, "removed again")
	if _, err := o.kube.NetworkingV1().Ingresses("default").Get(t.Context(), "front", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Ingress stays: %v", err)
	}
}

// Slowness is no failure: without an address, and with one of nobody's, there is
// a state that is not ready, no taint, and the next apply carries on. One that
// turns public later is drift and stays an error, but is not taken down.
func TestAccAddressesThatComeLate(t *testing.T) {
	o := inside(t)
	e := acctest.Environment(t)
	private, _ := addressesOf(e, acctest.Classic, "private")[0].(string)
	public, _ := addressesOf(e, acctest.Classic, "public")[0].(string)
	const short = "  timeouts = { create = \"3s\", update = \"5s\" }\n"
	w := acctest.NewWorkspace(t, config(t, toShop+short))
	r := w.MustApply()
	says(t, r.Warnings(), "is not ready", "an address from the ALBs")
	got := w.Attributes(address)
	if got["ready"] != false || got["exposure"] != "unverified" || got["address"] != nil || got["ingress_class"] != "inside" {
		t.Errorf("the attributes are %v", got)
	}

	o.must(o.reachedAt("192.0.2.9"))
	r = w.Apply()
	planned(t, r, "update")
	says(t, r.Errors(), "192.0.2.9 is no ALB's address")
	if got := w.Attributes(address); got["ready"] != false {
		t.Errorf("the attributes are %v", got)
	}

	// The refresh finds it, and there is nothing left to do.
	o.must(o.reachedAt(private))
	w.MustApply()
	w.MustPlanEmpty()
	if got := w.Attributes(address); got["ready"] != true || got["exposure"] != "private" || got["address"] != private {
		t.Errorf("the attributes are %v", got)
	}

	o.must(o.reachedAt(public))
	r = w.Apply()
	planned(t, r, "update")
	says(t, r.Errors(), "The Ingress is public", public)
	uid := o.ingress().UID
	o.must(o.reachedAt(private))
	w.MustApply()
	w.MustPlanEmpty()
	if o.ingress().UID != uid {
		t.Error("the Ingress was replaced")
	}
	w.MustDestroy()
}

// One that somebody turned public is turned back, and what is built upon its
// address never hears of the public one as of what it is going to have.
func TestAccTurnsBack(t *testing.T) {
	o := classic(t)
	e := acctest.Environment(t)
	public := addressesOf(e, acctest.Classic, "public")
	w := acctest.NewWorkspace(t, config(t, toShop+"  ingress_class = \"private-iks-k8s-nginx\"\n"))
	w.MustApply()
	o.patch(`{"spec":{"ingressClassName":"public-iks-k8s-nginx"}}`)
	acctest.Eventually(t, "the Ingress is public", func() error {
		if reached := o.ingress().Status.LoadBalancer.Ingress; len(reached) == 0 || !slices.Contains(public, any(reached[0].IP)) {
			return fmt.Errorf("it is reached at %v", reached)
		}
		return nil
	})
	planned(t, w.MustApply(), "update")
	if got := w.Attributes(address); !reflect.DeepEqual(got["addresses"], addressesOf(e, acctest.Classic, "private")) || got["ready"] != true {
		t.Errorf("the attributes are %v", got)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}

// Nothing is waited for where that is asked.
func TestAccDoesNotWait(t *testing.T) {
	o := inside(t)
	private, _ := addressesOf(acctest.Environment(t), acctest.Classic, "private")[0].(string)
	w := acctest.NewWorkspace(t, config(t, toShop+"  wait_for_address = false\n"))
	w.MustApply()
	w.MustPlanEmpty()
	if got := w.Attributes(address); got["ready"] != true || got["exposure"] != "unverified" {
		t.Errorf("the attributes are %v", got)
	}
	o.must(o.reachedAt(private))
	w.MustPlanEmpty()
	w.MustApply("-refresh-only")
	if got := w.Attributes(address); got["exposure"] != "private" || got["address"] != private {
		t.Errorf("the attributes are %v", got)
	}
	w.MustDestroy()
}

// While the ALBs run two kinds of controllers the class must be named. When they
// all have changed over, an Ingress whose class was found follows.
func TestAccFollowsTheController(t *testing.T) {
	e, c := acctest.Fresh(t, acctest.Classic)
	enablePrivate(t, e, c)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+front(acctest.Classic, toShop))
	w.MustApply()
	var private []fakeiks.ALB
	for _, a := range e.IKS.ALBs(acctest.Classic) {
		if a.Type == "private" {
			private = append(private, a)
		}
	}
	const traefik = "3.7.4_348800920_iks"
	enableWith(t, e, private[0], traefik)
	second := acctest.NewWorkspace(t, strings.Replace(acctest.ProviderBlock(e)+front(acctest.Classic, toShop), `"front"`, `"second"`, 1))
	says(t, second.Plan().Errors(), "private-iks-k8s-nginx, private-iks-traefik")
	says(t, second.Apply().Errors(), "private-iks-k8s-nginx, private-iks-traefik")
	second.Write(strings.Replace(acctest.ProviderBlock(e)+front(acctest.Classic, toShop+"  ingress_class = \"private-iks-traefik\"\n"), `"front"`, `"second"`, 1))
	second.MustApply()
	second.MustPlanEmpty()
	second.MustDestroy()
	// Also where a plan does not know the name yet.
	second.Write(`
resource "terraform_data" "class" {
  input = "private-iks-traefik"
}
` + strings.Replace(acctest.ProviderBlock(e)+front(acctest.Classic, toShop+"  ingress_class = terraform_data.class.output\n"), `"front"`, `"second"`, 1))
	second.MustApply()
	second.MustPlanEmpty()
	second.MustDestroy()

	for _, a := range private[1:] {
		enableWith(t, e, a, traefik)
	}
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	if got := w.Attributes(address); got["ingress_class"] != "private-iks-traefik" || got["exposure"] != "private" {
		t.Errorf("the attributes are %v", got)
	}
	w.MustDestroy()
}

// ALBs that are given a class of the user's leave the one that they served. That
// is drift, and an Ingress whose class was found follows.
func TestAccFollowsTheUsersClass(t *testing.T) {
	classic(t)
	w := acctest.NewWorkspace(t, config(t, toShop+"  wait_for_address = false\n"))
	w.MustApply()
	w.MustPlanEmpty()
	inside(t)
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	if got := w.Attributes(address); got["ingress_class"] != "inside" || got["ready"] != true {
		t.Errorf("the attributes are %v", got)
	}
	w.MustDestroy()
}

// Another configuration that declares the same fields is named, and force takes
// them; what others add stays.
func TestAccOthers(t *testing.T) {
	o := classic(t)
	w := acctest.NewWorkspace(t, config(t, toShop))
	w.MustApply()
	o.patch(`{"metadata":{"labels":{"theirs":"1"},"annotations":{"theirs":"1"}}}`)
	w.MustPlanEmpty()
	force := true
	_, err := o.kube.NetworkingV1().Ingresses("default").Patch(t.Context(), "front", types.ApplyPatchType, []byte(
		`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"front"},"spec":{"defaultBackend":{"service":{"name":"other","port":{"number":80}}}}}`,
	), metav1.PatchOptions{FieldManager: "argocd-controller", Force: &force})
	o.must(err)
	r := w.Apply()
	if r.ExitCode != 1 {
		t.Errorf("exit code %d", r.ExitCode)
	}
	says(t, r.Errors(), "argocd-controller", "force_conflicts")
	w.Write(config(t, toShop+"  force_conflicts = true\n"))
	w.MustApply()
	w.MustPlanEmpty()
	if live := o.ingress(); live.Spec.DefaultBackend.Service.Name != "shop" || live.Labels["theirs"] != "1" || live.Annotations["theirs"] != "1" {
		t.Errorf("the Ingress is %+v %+v", live.ObjectMeta, live.Spec)
	}
	second := acctest.NewWorkspace(t, config(t, "  default_backend = { service_name = \"mine\", service_port = 80 }\n"))
	says(t, second.Apply().Errors(), "another resource of this provider")
	w.MustDestroy()
}

// The name of one that goes in the same run can be taken: a plan warns of it.
func TestAccNameOfAnother(t *testing.T) {
	classic(t)
	other := func(name string) string {
		return fmt.Sprintf("resource \"iks_private_ingress\" \"other\" {\n  cluster = \"classic\"\n  name    = %q\n  default_backend = { service_name = \"mine\", service_port = 80 }\n}\n", name)
	}
	w := acctest.NewWorkspace(t, config(t, toShop)+other("other"))
	w.MustApply()
	w.Write(acctest.ProviderBlock(acctest.Environment(t)) + other("front"))
	plan := w.Plan()
	if len(plan.Errors()) > 0 {
		t.Errorf("the plan fails: %q", plan.Errors())
	}
	says(t, plan.Warnings(), "another resource of this provider")
	w.MustDestroy()
}

func TestAccNamespaceMissing(t *testing.T) {
	classic(t)
	w := acctest.NewWorkspace(t, config(t, toShop+"  namespace = \"nowhere\"\n"))
	says(t, w.Plan().Warnings(), `no namespace "nowhere"`)
	r := w.Apply()
	if r.ExitCode != 1 || w.Attributes(address) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
	}
	says(t, r.Errors(), `no namespace "nowhere"`)
}

// What a policy of the cluster says reaches the user.
func TestAccAdmissionPolicy(t *testing.T) {
	o := classic(t)
	const name = "no-front"
	api := o.kube.AdmissionregistrationV1()
	_, err := api.ValidatingAdmissionPolicies().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{"networking.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"ingresses"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "no routes here, says the ministry of networks"}},
		},
	}, metav1.CreateOptions{})
	o.must(err)
	_, err = api.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}, metav1.CreateOptions{})
	o.must(err)
	probe := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "probe"},
		Spec:       networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "a", Port: networkingv1.ServiceBackendPort{Number: 1}}}},
	}
	taken := func() error {
		_, err := o.kube.NetworkingV1().Ingresses("default").Create(context.Background(), probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	t.Cleanup(func() {
		o.must(api.ValidatingAdmissionPolicyBindings().Delete(context.Background(), name, metav1.DeleteOptions{}))
		o.must(api.ValidatingAdmissionPolicies().Delete(context.Background(), name, metav1.DeleteOptions{}))
		// The API server goes by a policy for a moment after it is gone.
		acctest.Eventually(t, "Ingresses are taken again", taken)
	})
	for err == nil && t.Context().Err() == nil {
		err = taken()
	}
	w := acctest.NewWorkspace(t, config(t, toShop))
	r := w.Apply()
	if r.ExitCode != 1 || w.Attributes(address) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
	}
	says(t, r.Errors(), "says the ministry of networks")
}

// The annotation of old clusters, on the one ALB that is meant.
func TestAccLegacyALB(t *testing.T) {
	o := classic(t)
	var id string
	for _, a := range acctest.Environment(t).IKS.ALBs(acctest.Classic) {
		if a.Type == "private" {
			id = a.ID
		}
	}
	w := acctest.NewWorkspace(t, config(t, toShop+fmt.Sprintf("  legacy_alb_id = %q\n", id)))
	w.MustApply()
	w.MustPlanEmpty()
	if got := o.ingress().Annotations["ingress.bluemix.net/ALB-ID"]; got != id {
		t.Errorf("the annotation is %q", got)
	}
	w.Write(config(t, toShop))
	w.MustApply()
	w.MustPlanEmpty()
	if got, there := o.ingress().Annotations["ingress.bluemix.net/ALB-ID"]; there {
		t.Errorf("the annotation is %q", got)
	}
	w.Write(config(t, toShop+"  legacy_alb_id = \"private-crother-alb1\"\n"))
	says(t, w.Plan().Errors(), "another cluster")
	w.Write(config(t, toShop))
	w.MustDestroy()
}

// A plan without a change sends as many requests for thirty as for two.
func TestAccConstantRequests(t *testing.T) {
	classic(t)
	e := acctest.Environment(t)
	toCluster, toIKS := acctest.ConstantRequests(t, e, e.Cluster(acctest.Classic), func(count int) string {
		return acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_private_ingress" "it" {
  count           = %d
  cluster         = "classic"
  name            = "front-${count.index}"
  default_backend = { service_name = "shop", service_port = 443 }
}
`, count)
	}, 2, 30)
	lists := slices.DeleteFunc(toIKS, func(request string) bool { return !strings.HasPrefix(request, "GET /v1/alb/clusters/") })
	if len(toCluster) > 2 || len(lists) != 1 {
		t.Errorf("a plan without a change sends %q, and asks for ALBs with %q", toCluster, lists)
	}
}
