package inboundguard_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/inboundguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/nodeportguard"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Clusters:  []string{acctest.Classic, acctest.VPC},
		Resources: framework.Resources{inboundguard.NewResource, nodeportguard.NewResource},
	}))
}

const policies = acctest.GlobalPolicies

const (
	guardName = "block-public-inbound"
	address   = "iks_inbound_guard.it"
)

func gone(name string) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		policies.Drop(t, c, name)
	}
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, acctest.Resource{
		Type:    "iks_inbound_guard",
		Cluster: acctest.Classic,
		Arguments: `  pass_source_cidrs = ["192.0.2.0/24", "198.51.100.0/24"]
  pass = [{ source_cidrs = ["203.0.113.7/32"], protocol = "UDP", ports = [4500, 500] }]
  ipvs_load_balancers = [{ address = "198.51.100.9", protocol = "TCP", ports = [443, "8000:8080"] }]
  log = [{ protocol = "TCP", ports = [23] }]`,
		Changed: `  pass = [{ destination_cidrs = ["203.0.113.8/32"], protocol = "TCP", ports = [443] }]
  ingress_health_monitors = []
  order = 1600`,
		Key:      guardName,
		Identity: `name = "` + guardName + `"`,
		Breaks: []acctest.Break{
			{Name: "order", Do: policies.Edit(guardName, func(spec map[string]any) { spec["order"] = int64(5000) }), Sentence: "order is 5000, declared 1500"},
			{Name: "selector", Do: policies.Edit(guardName, func(spec map[string]any) { spec["selector"] = "ibm.role == 'nobody'" }), Sentence: "role is nobody, declared worker_public"},
			{Name: "more passes", Do: policies.Edit(guardName, func(spec map[string]any) {
				rules, _ := spec["ingress"].([]any)
				spec["ingress"] = append([]any{map[string]any{"action": "Pass", "source": map[string]any{"nets": []any{"10.0.0.0/8"}}}}, rules...)
			}), Sentence: "10.0.0.0/8 is passed and not declared"},
			{Name: "first policy gone", Do: gone(guardName), Sentence: "block-public-inbound: it is missing"},
			{Name: "second policy gone", Do: gone(guardName + "-ipvs"), Sentence: "block-public-inbound-ipvs: it is missing"},
			{Name: "second policy opened", Do: policies.Edit(guardName+"-ipvs", func(spec map[string]any) { spec["ingress"] = []any{} }), Sentence: "block-public-inbound-ipvs: 0 ingress rules"},
		},
		Vanish: func(t *testing.T, c *localiks.Cluster) {
			policies.Drop(t, c, guardName, guardName+"-ipvs")
		},
		RestoresOnDestroy: true,
	})
}

func TestAccBadInput(t *testing.T) {
	acctest.BadInputs(t, "iks_inbound_guard", map[string]acctest.BadInput{
		"bad CIDR":                acctest.Bad(`  pass_source_cidrs = ["192.0.2.0/33"]`, "pass_source_cidrs", "192.0.2.0/33"),
		"every address":           acctest.Bad(`  pass_source_cidrs = ["0.0.0.0/0"]`, "pass_source_cidrs", "nothing would be closed"),
		"empty CIDRs":             acctest.Bad(`  pass_source_cidrs = []`, "pass_source_cidrs", ""),
		"nothing to pass":         acctest.Bad(`  pass = []`, "pass", "empty"),
		"an entry of everything":  acctest.Bad(`  pass = [{ protocol = "TCP" }]`, "pass", "passes everything"),
		"ports of no protocol":    acctest.Bad(`  pass = [{ ports = [443] }]`, "pass", "protocol"),
		"unknown protocol":        acctest.Bad(`  pass = [{ protocol = "ESP", source_cidrs = ["192.0.2.1"] }]`, "pass", "ESP"),
		"reversed range":          acctest.Bad(`  pass = [{ protocol = "TCP", ports = ["90:80"] }]`, "pass", "80:90"),
		"bad monitor":             acctest.Bad(`  ingress_health_monitors = ["ns1"]`, "ingress_health_monitors", "ns1"),
		"a log without limits":    acctest.Bad(`  log = [{ protocol = "TCP" }]`, "log", "without a limit"),
		"a network of balancers":  acctest.Bad(`  ipvs_load_balancers = [{ address = "192.0.2.0/24", protocol = "TCP", ports = [443] }]`, "ipvs_load_balancers", "network"),
		"a balancer of everybody": acctest.Bad("  ipvs_load_balancers = [{ address = \"192.0.2.1\", protocol = \"TCP\", ports = [443] }]\n  pass = [{ protocol = \"TCP\", ports = [443] }]", "ipvs_load_balancers", "anybody"),
		"empty name":              acctest.Bad(`  name = ""`, "name", ""),
		"name of IBM's":           acctest.Bad(`  name = "allow-lb-web"`, "name", "IBM"),
		"name with a tier":        acctest.Bad(`  name = "default.x"`, "name", "tier"),
		"no role":                 acctest.Bad(`  host_endpoint_roles = []`, "host_endpoint_roles", ""),
		"unknown safety check":    acctest.Bad(`  safety_checks = "maybe"`, "safety_checks", "maybe"),
	})
}

// doors runs a test through projectcalico.org/v3 and through crd.projectcalico.org/v1.
func doors(t *testing.T, test func(t *testing.T, e *localiks.Environment, c *localiks.Cluster, api string)) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	for _, api := range []string{"projectcalico.org/v3", "crd.projectcalico.org/v1"} {
		t.Run(api, func(t *testing.T) {
			if err := c.SetCalicoAPI(context.Background(), strings.HasSuffix(api, "v3")); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := c.SetCalicoAPI(context.Background(), true); err != nil {
					t.Error(err)
				}
			})
			test(t, e, c, api)
		})
	}
}

// makePolicy stores a policy as calicoctl does, which says nothing of who made it.
func makePolicy(t *testing.T, c *localiks.Cluster, name string, spec map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "GlobalNetworkPolicy", "metadata": map[string]any{
			"name": "default." + name, "annotations": map[string]any{"projectcalico.org/metadata": `{"name":"` + name + `","creationTimestamp":null}`},
		}, "spec": spec,
	}}
	if _, err := policies.Of(t, c).Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func preDNAT(order int64, rules ...any) map[string]any {
	return map[string]any{
		"order": order, "preDNAT": true, "applyOnForward": true, "selector": "ibm.role=='worker_public'", "types": []any{"Ingress"}, "ingress": rules,
	}
}

func deny(protocol string, ports ...any) any {
	rule := map[string]any{"action": "Deny", "protocol": protocol}
	if len(ports) > 0 {
		rule["destination"] = map[string]any{"ports": ports}
	}
	return rule
}

// names of the guard's stored policies.
func names(t *testing.T, c *localiks.Cluster) []string {
	t.Helper()
	list, err := policies.Of(t, c).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, item := range list.Items {
		if name := item.GetName(); strings.Contains(name, "inbound") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// What calicoctl made and does the same is adopted, without writing anything but
// the stamp, and imported without a change; a rename makes both policies before it
// removes both; a plan without changes asks once for each kind.
func TestAccBothDoors(t *testing.T) {
	doors(t, func(t *testing.T, e *localiks.Environment, c *localiks.Cluster, api string) {
		config := func(lines string) string {
			return acctest.ProviderBlock(e) + "resource \"iks_inbound_guard\" \"it\" {\n  cluster = \"classic\"\n  pass_source_cidrs = [\"192.0.2.0/24\"]\n  ingress_health_monitors = []\n  pass_worker_management = false\n" + lines + "\n}\n"
		}
		makePolicy(t, c, guardName, preDNAT(1500,
			map[string]any{"action": "Pass", "source": map[string]any{"nets": []any{"192.0.2.0/24"}}},
			deny("UDP"), deny("TCP"), deny("SCTP")))
		imported := acctest.NewWorkspace(t, config(""))
		if r := imported.Run("import", "-no-color", "-input=false", address, acctest.Classic+","+guardName); r.ExitCode != 0 {
			t.Fatal(r.Output)
		}
		imported.MustPlanEmpty()

		const second = `  ipvs_load_balancers = [{ address = "198.51.100.9", protocol = "TCP", ports = [443] }]`
		w := acctest.NewWorkspace(t, config(second))
		if done := w.MustApply(); !slices.ContainsFunc(done.Warnings(), func(s string) bool { return strings.Contains(s, "taken over") }) {
			t.Errorf("adopting warns of %q", done.Warnings())
		}
		if got := w.Attributes(address)["api"]; got != api {
			t.Errorf("the policies were reached through %v", got)
		}
		asked := requests(t, w, c)
		// The door (two to find the v1 one), policies, host endpoints, Felix.
		if want := map[bool]int{false: 4, true: 5}[strings.HasSuffix(api, "/v1")]; len(asked) != want {
			t.Errorf("%d requests, want %d: %q", len(asked), want, asked)
		}

		moving := watch(t, policies.Of(t, c))
		w.Write(config(second + "\n  name = \"close-inbound\""))
		w.MustApply()
		seen := moving(4)
		for n, sign := range []string{"+", "+", "-", "-"} {
			if !strings.HasPrefix(seen[n], sign) {
				t.Errorf("seen %q, want both to come before one goes", seen)
			}
		}
		w.MustPlanEmpty()
		w.Write(config("  name = \"close-inbound\""))
		w.MustApply()
		w.MustPlanEmpty()
		if got := names(t, c); !slices.Equal(got, []string{"default.close-inbound"}) {
			t.Errorf("stored are %q", got)
		}
		w.MustDestroy()
		if got := names(t, c); len(got) > 0 {
			t.Errorf("left are %q", got)
		}
	})
}

// An apply that listed a load balancer and was killed before it was saved: without
// that list the second policy goes, by an apply as by a destroy.
func TestAccKilledSecondPolicy(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	config := func(lines string) string {
		return acctest.ProviderBlock(e) + "resource \"iks_inbound_guard\" \"it\" {\n  cluster = \"classic\"\n" + lines + "\n}\n"
	}
	w := acctest.NewWorkspace(t, config(""))
	w.MustApply()
	for _, removed := range []struct {
		how  func()
		left []string
	}{
		{func() { w.MustApply(); w.MustPlanEmpty() }, []string{"default." + guardName}},
		{func() { w.MustDestroy() }, nil},
	} {
		w.Killed(func() {
			w.Write(config(`  ipvs_load_balancers = [{ address = "198.51.100.9", protocol = "TCP", ports = [443] }]`))
			w.MustApply()
		})
		w.Write(config(""))
		removed.how()
		if got := names(t, c); !slices.Equal(got, removed.left) {
			t.Errorf("left are %q, want %q", got, removed.left)
			policies.Drop(t, c, guardName+"-ipvs")
		}
	}
}

// requests are those of a plan without changes.
func requests(t *testing.T, w *acctest.Workspace, c *localiks.Cluster) []string {
	t.Helper()
	mark, err := c.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.MustPlanEmpty()
	events, err := c.Audit(t.Context(), mark)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, event := range events.FromAgent("terraform-provider-iks") {
		out = append(out, event.Verb+" "+event.URI)
	}
	return out
}

// Both guards refuse, at plan, to stand in the wrong order, and say why.
func TestAccGuardsInTheWrongOrder(t *testing.T) {
	e := acctest.Environment(t)
	config := func(inbound, nodePorts string) string {
		text := acctest.ProviderBlock(e)
		if inbound != "" {
			text += "resource \"iks_inbound_guard\" \"it\" {\n  cluster = \"classic\"\n" + inbound + "\n}\n"
		}
		if nodePorts != "" {
			text += "resource \"iks_nodeport_guard\" \"it\" {\n  cluster = \"classic\"\n" + nodePorts + "\n}\n"
		}
		return text
	}
	refused := func(w *acctest.Workspace) {
		t.Helper()
		r := w.Plan()
		if r.ExitCode == 0 || !slices.ContainsFunc(r.Errors(), func(s string) bool {
			return strings.Contains(s, "The guards are in the wrong order") && strings.Contains(s, "skips the later policies of its tier")
		}) {
			t.Errorf("the plan says %q", r.Errors())
		}
	}
	const byDefault = "  force_conflicts = false"
	w := acctest.NewWorkspace(t, config(byDefault, ""))
	w.MustApply()
	w.Write(config(byDefault, "  order = 1600"))
	refused(w)
	w.Write(config(byDefault, byDefault))
	w.MustApply()
	w.MustPlanEmpty()
	w.Write(config("  order = 1000", byDefault))
	refused(w)
	w.Write(config("  order = 1000\n  safety_checks = \"warn\"", byDefault))
	if done := w.MustApply(); !slices.ContainsFunc(done.Warnings(), func(s string) bool { return strings.Contains(s, "wrong order") }) {
		t.Errorf("warned of %q", done.Warnings())
	}
	w.MustDestroy()

	// Neither is there at plan: the one that is applied second refuses.
	w.Write(config("  order = 1000", byDefault+"\n  depends_on = [iks_inbound_guard.it]"))
	if r := w.Apply(); r.ExitCode == 0 || !slices.ContainsFunc(r.Errors(), func(s string) bool { return strings.Contains(s, "wrong order") }) {
		t.Errorf("apply says %q", r.Errors())
	}
	w.Write(config("  order = 1000", ""))
	w.MustDestroy()
}

// On VPC a guard closes nothing: that is an error, or with when_no_host_endpoints
// = "warn" a policy without effect, which no service speaks against.
func TestAccOnVPC(t *testing.T) {
	e := acctest.Environment(t)
	services := kubernetes.NewForConfigOrDie(e.Cluster(acctest.VPC).RESTConfig()).CoreV1().Services("default")
	git := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "git"}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "ssh", Port: 22}, {Name: "web", Port: 30443}},
	}}
	if _, err := services.Create(t.Context(), git, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := services.Delete(context.WithoutCancel(t.Context()), git.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	for kind, instead := range map[string]string{"iks_inbound_guard": "ibm_is_security_group_rule", "iks_nodeport_guard": "kube-<cluster ID>"} {
		config := func(lines string) string {
			return acctest.ProviderBlock(e) + "resource \"" + kind + "\" \"it\" {\n  cluster = \"vpc\"\n" + lines + "\n}\n"
		}
		w := acctest.NewWorkspace(t, config(""))
		if r := w.Plan(); r.ExitCode == 0 || !slices.ContainsFunc(r.Errors(), func(s string) bool { return strings.Contains(s, instead) }) {
			t.Errorf("%s: the plan says %q", kind, r.Errors())
		}
		w.Write(config(`  when_no_host_endpoints = "warn"`))
		if said := w.MustApply().Warnings(); slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "git") }) {
			t.Errorf("%s: it warns of a service: %q", kind, said)
		}
		w.MustPlanEmpty()
		if got := w.Attributes(kind + ".it"); got["ready"] != true || got["host_endpoints"] != float64(0) {
			t.Errorf("%s: ready %v, %v host endpoints", kind, got["ready"], got["host_endpoints"])
		}
		w.MustDestroy()
	}
}

// A guard that covers nothing is not ready.
func TestAccSlowGuard(t *testing.T) { acctest.SlowGuard(t, "iks_inbound_guard") }
