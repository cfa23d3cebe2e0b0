package remoteservice_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

const address = "iks_remote_service.it"

// config is the resource with these arguments besides its cluster and name.
func config(t *testing.T, arguments string) string {
	t.Helper()
	return acctest.ProviderBlock(acctest.Environment(t)) + fmt.Sprintf("resource \"iks_remote_service\" \"it\" {\n  cluster = \"classic\"\n  name    = \"api\"\n%s\n}\n", arguments)
}

// says fails the test unless one of the texts holds all of these.
func says(t *testing.T, texts []string, parts ...string) {
	t.Helper()
	if !slices.ContainsFunc(texts, func(text string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
	}) {
		t.Errorf("nothing says %q; there is %q", parts, texts)
	}
}

// planned fails the test unless the resource is planned as that.
func planned(t *testing.T, r acctest.Result, action string) {
	t.Helper()
	if !slices.Contains(r.Planned, acctest.Change{Address: address, Action: action}) {
		t.Errorf("want %s to be planned as %s; planned is %v\n%q", address, action, r.Planned, r.Errors())
	}
}

// From addresses to a name and back: the same Service all the time, and nothing left behind.
func TestAccSwitches(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	byAddress := config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]")
	byName := config(t, "  hostname = \"one.lb.appdomain.cloud\"\n  ports = [{ port = 443 }]")
	w := acctest.NewWorkspace(t, byAddress)
	w.MustApply()
	uid := o.service().UID
	o.leadsTo("default", "10.1.2.3")
	if got := w.Attributes(address); got["dns_name"] != "api.default.svc.cluster.local" || got["cluster_ip"] != o.service().Spec.ClusterIP {
		t.Errorf("the attributes are %v", got)
	}

	w.Write(byName)
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	s := o.service()
	if s.UID != uid || s.Spec.ClusterIP != "" || s.Spec.ExternalName != "one.lb.appdomain.cloud" || len(s.Spec.IPFamilies) > 0 {
		t.Errorf("the Service is %s %+v", s.UID, s.Spec)
	}
	if left := o.slices("default"); len(left) > 0 {
		t.Errorf("slices are left: %v", left)
	}
	if got := w.Attributes(address)["cluster_ip"]; got != nil {
		t.Errorf("cluster_ip is %v", got)
	}

	w.Write(byAddress)
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	if s := o.service(); s.UID != uid || s.Spec.ClusterIP == "" || s.Spec.ExternalName != "" {
		t.Errorf("the Service is %s %+v", s.UID, s.Spec)
	}
	o.leadsTo("default", "10.1.2.3")
	w.MustDestroy()
	if left := o.slices("default"); len(left) > 0 {
		t.Errorf("slices are left: %v", left)
	}
}

// While endpoints and the names of ports change, there is an endpoint for every
// port of the Service at every moment.
func TestAccNoMomentWithoutEndpoints(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
	w.MustApply()
	before := o.slices("default")["api-iks-ipv4"]
	changes, err := o.kube.DiscoveryV1().EndpointSlices("default").Watch(t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=api-iks-ipv4", ResourceVersion: before.ResourceVersion,
	})
	o.must(err)
	defer changes.Stop()
	w.Write(config(t, "  endpoints = [\"10.1.2.4\", \"10.1.2.5\"]\n  ports = [{ name = \"https\", port = 443 }]"))
	planned(t, w.MustApply(), "update")
	after := o.slices("default")["api-iks-ipv4"]
	service := o.service()

	var seen []string
	for event := range changes.ResultChan() {
		slice, ok := event.Object.(*discoveryv1.EndpointSlice)
		if !ok || event.Type == watch.Deleted || len(slice.Endpoints) == 0 {
			t.Fatalf("there was a moment without endpoints: %s %+v", event.Type, event.Object)
		}
		var names []string
		for _, p := range slice.Ports {
			names = append(names, *p.Name)
		}
		seen = append(seen, strings.Join(names, "+"))
		if slice.ResourceVersion == after.ResourceVersion {
			break
		}
	}
	if want := []string{"https+", "https"}; !slices.Equal(seen, want) {
		t.Errorf("the slice's ports were %q one after the other, want %q", seen, want)
	}
	if after.UID != before.UID || service.Spec.Ports[0].Name != "https" {
		t.Errorf("the slice or the Service is another one: %v, %v", after.ObjectMeta, service.Spec.Ports)
	}
	o.leadsTo("default", "10.1.2.4", "10.1.2.5")
	w.MustDestroy()
}

// Which of the two it will be, and where it leads, is known at apply alone; and
// when that changes, the next apply follows.
func TestAccFollowsTheProducer(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	producer := func(of, ip, hostname string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"producer\" {\n  input = { ip = %s, hostname = %s }\n  triggers_replace = %q\n}\n", ip, hostname, of) + config(t, `
  endpoints = terraform_data.producer.output.ip == null ? null : [terraform_data.producer.output.ip]
  hostname  = terraform_data.producer.output.hostname
  ports     = [{ port = 443 }]`)
	}
	w := acctest.NewWorkspace(t, producer("1", `"10.1.2.3"`, "null"))
	planned(t, w.MustApply(), "create")
	w.MustPlanEmpty()
	o.leadsTo("default", "10.1.2.3")

	w.Write(producer("2", `"10.1.2.4"`, "null"))
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	o.leadsTo("default", "10.1.2.4")

	w.Write(producer("3", "null", `"one.lb.appdomain.cloud"`))
	planned(t, w.MustApply(), "update")
	w.MustPlanEmpty()
	if got := o.service().Spec.ExternalName; got != "one.lb.appdomain.cloud" {
		t.Errorf("the alias leads to %q", got)
	}

	// A producer without an address yet is an error, and leaves things as they are.
	w.Write(producer("4", "null", "null"))
	r := w.Apply()
	says(t, r.Errors(), "endpoints nor hostname is set", "no address yet")
	if got := o.service().Spec.ExternalName; got != "one.lb.appdomain.cloud" {
		t.Errorf("the alias leads to %q", got)
	}
	w.Write(producer("5", `"10.1.2.5"`, "null"))
	w.MustApply()
	o.leadsTo("default", "10.1.2.5")
	w.MustDestroy()
}

// An element alone may be unknown too. What is wrong with it shows when it is known.
func TestAccUnknownElement(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	with := func(ip string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"ip\" {\n  input = %q\n}\n", ip) +
			config(t, "  endpoints = [\"10.1.2.4\", terraform_data.ip.output]\n  ports = [{ port = 443 }]")
	}
	w := acctest.NewWorkspace(t, with("127.0.0.1"))
	r := w.Apply()
	planned(t, r, "create")
	says(t, r.Errors(), "127.0.0.1", "loopback")
	if w.Attributes(address) != nil {
		t.Error("something stands in the state")
	}

	w.Write(with("192.0.2.7"))
	says(t, w.MustApply().Warnings(), "192.0.2.7 is outside the ranges")
	w.MustPlanEmpty()
	o.leadsTo("default", "10.1.2.4", "192.0.2.7")
	w.MustDestroy()
}

// A create that was cut off between its two writes is carried on by the next.
func TestAccCarriesOnACreate(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	_, err := o.kube.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "api", Annotations: map[string]string{"terraform-provider-iks/owner": "whoever was killed"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443}}},
	}, metav1.CreateOptions{})
	o.must(err)
	uid := o.service().UID
	w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
	says(t, w.Plan().Warnings(), "it is taken over")
	w.MustApply()
	w.MustPlanEmpty()
	if o.service().UID != uid {
		t.Error("the Service is another one")
	}
	o.leadsTo("default", "10.1.2.3")
	w.MustDestroy()
}

// Another configuration that declares the same fields is named, and force takes them.
func TestAccTwoOwners(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	arguments := "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]\n"
	w := acctest.NewWorkspace(t, config(t, arguments))
	w.MustApply()
	force := true
	_, err := o.kube.CoreV1().Services("default").Patch(t.Context(), "api", types.ApplyPatchType, []byte(
		`{"apiVersion":"v1","kind":"Service","metadata":{"name":"api"},"spec":{"ports":[{"port":443,"protocol":"TCP","targetPort":9999}]}}`,
	), metav1.PatchOptions{FieldManager: "argocd-controller", Force: &force})
	o.must(err)
	r := w.Apply()
	if r.ExitCode != 1 {
		t.Errorf("exit code %d", r.ExitCode)
	}
	says(t, r.Errors(), "argocd-controller", "force_conflicts")
	w.Write(config(t, arguments+"  force_conflicts = true\n"))
	w.MustApply()
	w.MustPlanEmpty()
	if got := o.service().Spec.Ports[0].TargetPort.IntValue(); got != 443 {
		t.Errorf("the target port is %d", got)
	}
	// A second resource for the same Service is refused too.
	second := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.7.7.7\"]\n  ports = [{ port = 443 }]"))
	r = second.Apply()
	says(t, r.Errors(), "another resource of this provider")
	if second.Attributes(address) != nil {
		t.Error("something stands in the state of the second")
	}
	o.leadsTo("default", "10.1.2.3")
	w.MustDestroy()
}

// What others add to the Service stays through updates.
func TestAccKeepsWhatIsOthers(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]\n  labels = { mine = \"1\" }"))
	w.MustApply()
	o.patch(`{"metadata":{"labels":{"theirs":"1"},"annotations":{"theirs":"1"}},"spec":{"sessionAffinity":"ClientIP"}}`)
	w.MustPlanEmpty()
	w.Write(config(t, "  endpoints = [\"10.1.2.4\"]\n  ports = [{ port = 444 }]\n  labels = { yours = \"1\" }"))
	w.MustApply()
	w.MustPlanEmpty()
	s := o.service()
	if s.Labels["theirs"] != "1" || s.Annotations["theirs"] != "1" || s.Spec.SessionAffinity != "ClientIP" || s.Labels["yours"] != "1" || s.Labels["mine"] != "" {
		t.Errorf("the Service is %+v %+v", s.ObjectMeta, s.Spec)
	}
	w.MustDestroy()
}

// Addresses that somebody else adds to the Service are drift, and removed by force alone.
func TestAccStrangersEndpoints(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	arguments := "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]\n"
	w := acctest.NewWorkspace(t, config(t, arguments))
	w.MustApply()
	slice := o.slices("default")["api-iks-ipv4"]
	slice.ObjectMeta = metav1.ObjectMeta{Name: "evil", Labels: map[string]string{discoveryv1.LabelServiceName: "api"}}
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.66"}}}
	_, err := o.kube.DiscoveryV1().EndpointSlices("default").Create(t.Context(), &slice, metav1.CreateOptions{})
	o.must(err)
	r := w.Plan()
	says(t, r.Errors(), "evil", "192.0.2.66", "force_conflicts")
	says(t, w.Apply().Errors(), "evil", "192.0.2.66")
	w.Write(config(t, arguments+"  force_conflicts = true\n"))
	w.MustApply()
	w.MustPlanEmpty()
	o.leadsTo("default", "10.1.2.3")
	w.MustDestroy()
}

// A namespace that is not there yet is a warning in the plan and an error in the
// apply, unless it has come by then.
func TestAccNamespaces(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	w := acctest.NewWorkspace(t, config(t, "  namespace = \"later\"\n  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
	plan := w.Plan("-out", "saved")
	planned(t, plan, "create")
	says(t, plan.Warnings(), `no namespace "later"`)
	// In another workspace: a saved plan is stale once an apply has been tried.
	hasty := acctest.NewWorkspace(t, config(t, "  namespace = \"later\"\n  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
	r := hasty.Apply()
	if r.ExitCode != 1 || hasty.Attributes(address) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, hasty.Attributes(address))
	}
	says(t, r.Errors(), `no namespace "later"`)

	o.namespace("later")
	if r := w.Run("apply", "saved"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustPlanEmpty()
	o.leadsTo("later", "10.1.2.3")
	w.MustDestroy()
}

func TestAccNamespaceBeingDeleted(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	o.namespace("going")
	// A finalizer of somebody's keeps it in that state.
	configMaps := o.kube.CoreV1().ConfigMaps("going")
	held, err := configMaps.Get(t.Context(), "kube-root-ca.crt", metav1.GetOptions{})
	for apierrors.IsNotFound(err) && t.Context().Err() == nil {
		held, err = configMaps.Get(t.Context(), "kube-root-ca.crt", metav1.GetOptions{})
	}
	o.must(err)
	held.Finalizers = []string{"example.com/wait"}
	_, err = configMaps.Update(t.Context(), held, metav1.UpdateOptions{})
	o.must(err)
	t.Cleanup(func() {
		_, err := configMaps.Patch(context.Background(), held.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		o.must(err)
	})
	o.must(o.kube.CoreV1().Namespaces().Delete(t.Context(), "going", metav1.DeleteOptions{}))
	w := acctest.NewWorkspace(t, config(t, "  namespace = \"going\"\n  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
	r := w.Apply()
	if r.ExitCode != 1 || w.Attributes(address) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
	}
	says(t, r.Errors(), "being deleted")
}

// What a policy of the cluster says reaches the user. Where it refuses the
// EndpointSlice, the Service does not stay alone.
func TestAccAdmissionPolicy(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	for resource, rule := range map[string]admissionv1.Rule{
		"services":       {APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"services"}},
		"endpointslices": {APIGroups: []string{"discovery.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"endpointslices"}},
	} {
		t.Run(resource, func(t *testing.T) {
			o.t = t
			o.refuse(rule, "no remote services here, says the ministry of networks")
			w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]\n"))
			r := w.Apply()
			if r.ExitCode != 1 || w.Attributes(address) != nil {
				t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(address))
			}
			says(t, r.Errors(), "says the ministry of networks")
			_, err := o.kube.CoreV1().Services("default").Get(t.Context(), "api", metav1.GetOptions{})
			if !apierrors.IsNotFound(err) {
				t.Errorf("the Service stays: %v", err)
			}
		})
	}
}

// refuse makes a policy that takes no new object of a kind whose name begins
// with "api", and waits until it is in force. It goes with the test.
func (o others) refuse(rule admissionv1.Rule, message string) {
	o.t.Helper()
	name := "refuse-" + rule.Resources[0]
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: rule,
			}}}},
			Validations: []admissionv1.Validation{{Expression: "!object.metadata.name.startsWith('api') && !object.metadata.name.startsWith('probe')", Message: message}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}
	api := o.kube.AdmissionregistrationV1()
	_, err := api.ValidatingAdmissionPolicies().Create(context.Background(), policy, metav1.CreateOptions{})
	o.must(err)
	_, err = api.ValidatingAdmissionPolicyBindings().Create(context.Background(), binding, metav1.CreateOptions{})
	o.must(err)
	taken := func() error {
		dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
		if rule.Resources[0] == "endpointslices" {
			probe := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, AddressType: discoveryv1.AddressTypeIPv4}
			_, err := o.kube.DiscoveryV1().EndpointSlices("default").Create(context.Background(), probe, dryRun)
			return err
		}
		probe := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443}}}}
		_, err := o.kube.CoreV1().Services("default").Create(context.Background(), probe, dryRun)
		return err
	}
	o.t.Cleanup(func() {
		o.must(api.ValidatingAdmissionPolicyBindings().Delete(context.Background(), name, metav1.DeleteOptions{}))
		o.must(api.ValidatingAdmissionPolicies().Delete(context.Background(), name, metav1.DeleteOptions{}))
		// The API server goes by a policy for a moment after it is gone.
		acctest.Eventually(o.t, "objects are taken again", taken)
	})
	for o.t.Context().Err() == nil {
		err := taken()
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return
		}
		o.must(err)
	}
}

// What can be seen beforehand is refused, or said, in the plan.
func TestAccPlanSays(t *testing.T) {
	for name, test := range map[string]struct {
		endpoints      string
		error, warning string
	}{
		"pod subnet":     {endpoints: `["172.30.7.7"]`, error: "pod subnet"},
		"service subnet": {endpoints: `["172.21.7.7"]`, error: "service subnet"},
		"IPv6":           {endpoints: `["fd00::1"]`, error: "IPv6"},
		"both families":  {endpoints: `["10.1.2.3", "fd00::1"]`, error: "dual"},
		"public":         {endpoints: `["192.0.2.7"]`, warning: "192.0.2.7 is outside the ranges"},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, config(t, "  endpoints = "+test.endpoints+"\n  ports = [{ port = 443 }]"))
			r := w.Plan()
			if test.error != "" {
				says(t, r.Errors(), test.error)
				return
			}
			planned(t, r, "create")
			says(t, r.Warnings(), test.warning)
			w.MustApply()
			if again := w.MustPlanEmpty(); len(again.Warnings()) > 0 {
				t.Errorf("a plan without a change warns: %q", again.Warnings())
			}
			w.MustDestroy()
		})
	}
}

// A plan without a change sends as many requests for thirty as for two.
func TestAccConstantRequests(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	in(t, c).namespace("many")
	toCluster, _ := acctest.ConstantRequests(t, e, c, func(count int) string {
		return acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_remote_service" "it" {
  count     = %d
  cluster   = "classic"
  namespace = "many"
  name      = "api-${count.index}"
  endpoints = ["10.1.2.${count.index}"]
  ports     = [{ port = 443 }]
}
`, count)
	}, 2, 30)
	if len(toCluster) > 2 {
		t.Errorf("a plan without a change sends %q", toCluster)
	}
}
