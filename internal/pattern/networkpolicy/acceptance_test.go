package networkpolicy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/networkpolicy"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Clusters:  []string{acctest.Classic},
		Resources: framework.Resources{networkpolicy.NewResource},
	}))
}

// tiersOf are Calico's tiers as it keeps them.
func tiersOf(t *testing.T, c *localiks.Cluster) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "tiers"})
}

// door opens Calico's API server, or leaves the stored objects as the only way.
func door(t *testing.T, c *localiks.Cluster, open bool) {
	t.Helper()
	if err := c.SetCalicoAPI(context.Background(), open); err != nil {
		t.Fatal(err)
	}
}

// doors runs a test through projectcalico.org/v3 and through
// crd.projectcalico.org/v1.
func doors(t *testing.T, test func(*testing.T)) {
	e := acctest.Environment(t)
	t.Run("v3", test)
	t.Run("v1", func(t *testing.T) {
		door(t, e.Cluster(acctest.Classic), false)
		defer door(t, e.Cluster(acctest.Classic), true)
		test(t)
	})
}

// rules say equal things in other words than an import does.
const rules = `
  ingress = [
    { action = "Allow", protocol = "tcp", source = { nets = ["192.0.2.7", "10.0.0.0/8"], selector = "a=='b'" }, destination = { ports = [22, "80:90", 91, "http"] } },
    { action = "Allow", protocol = 1, icmp = { type = 8 } },
    { action = "Deny", not_protocol = "112", ip_version = 4 },
  ]`

// Each kind of policy, each through one of the doors under each command line.
func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t,
		through("v3", global()), through("v1", global()),
		through("v1", namespaced()), through("v3", namespaced()))
}

// through is a variant that uses one of the doors.
func through(api string, r acctest.Resource) acctest.Resource {
	r.Variant += " through " + api
	r.Prepare = func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) { door(t, c, api == "v3") }
	return r
}

func global() acctest.Resource {
	const global = acctest.GlobalPolicies
	return acctest.Resource{
		Variant:   "global",
		Type:      "iks_network_policy",
		Cluster:   acctest.Classic,
		Arguments: `  name = "web"` + "\n  order = 100.0\n  selector = \"ibm.role=='worker_public'\"\n" + rules,
		Changed:   `  name = "web"` + "\n  selector = \"all()\"\n  egress = [{ action = \"Pass\" }]",
		Key:       "web",
		Identity:  `name = "web"`,
		Breaks: []acctest.Break{
			{Name: "order", Do: global.Edit("web", func(spec map[string]any) { spec["order"] = int64(5000) }), Sentence: "order 5000 instead of 100"},
			{Name: "selector", Do: global.Edit("web", func(spec map[string]any) { spec["selector"] = "a == 'nobody'" }), Sentence: "selector"},
			{Name: "rules", Do: global.Edit("web", func(spec map[string]any) { spec["ingress"] = []any{} }), Sentence: "0 ingress rules instead of 3"},
			{Name: "types", Do: global.Edit("web", func(spec map[string]any) { spec["types"] = []any{"Ingress", "Egress"} }), Sentence: "types Egress Ingress instead of Ingress"},
		},
		Vanish:            func(t *testing.T, c *localiks.Cluster) { global.Drop(t, c, "web") },
		RestoresOnDestroy: true,
	}
}

func namespaced() acctest.Resource {
	const there = acctest.Policies("default")
	return acctest.Resource{
		Variant:   "namespaced",
		Type:      "iks_network_policy",
		Cluster:   acctest.Classic,
		Arguments: `  namespace = "default"` + "\n  name = \"default.web\"\n  selector = \"app == 'web'\"\n" + rules,
		Changed:   `  namespace = "default"` + "\n  name = \"web\"\n  order = 12.5\n  selector = \"app in { 'web' }\"\n  egress = [{ action = \"Allow\", protocol = \"UDP\", destination = { ports = [53] } }]",
		Key:       "default/web",
		Identity:  "namespace = \"default\"\n    name = \"web\"",
		Breaks: []acctest.Break{
			{Name: "rules", Do: there.Edit("web", func(spec map[string]any) { delete(spec, "ingress") }), Sentence: "policy default/web: 0 ingress rules instead of 3"},
		},
		Vanish:            func(t *testing.T, c *localiks.Cluster) { there.Drop(t, c, "web") },
		RestoresOnDestroy: true,
	}
}

func TestAccBadInput(t *testing.T) {
	in := func(arguments string) string { return "  name = \"web\"\n  selector = \"all()\"\n" + arguments }
	rule := func(fields string) string { return in("  ingress = [{ action = \"Deny\", " + fields + " }]") }
	acctest.BadInputs(t, "iks_network_policy", map[string]acctest.BadInput{
		"bad CIDR":                          acctest.Bad(rule(`source = { nets = ["192.0.2.0/33"] }`), "ingress", "192.0.2.0/33"),
		"host bits":                         acctest.Bad(rule(`source = { not_nets = ["192.0.2.1/24"] }`), "ingress", "192.0.2.0/24"),
		"no nets":                           acctest.Bad(rule(`source = { nets = [] }`), "ingress", "empty"),
		"misspelt source":                   acctest.Bad(rule(`source = { cidrs = ["10.0.0.0/8"] }`), "ingress", "does not know"),
		"empty source":                      acctest.Bad(rule(`source = {}`), "ingress", "empty"),
		"both IP versions":                  acctest.Bad(rule(`source = { nets = ["10.0.0.0/8", "::/0"] }`), "ingress", "IPv6"),
		"no IP version":                     acctest.Bad(rule(`ip_version = 5`), "ingress", "4 or 6"),
		"ICMPv6 over IPv4":                  acctest.Bad(rule(`protocol = 58, ip_version = 4`), "ingress", "IP version 4 does not go with ICMPv6"),
		"network of another IP version":     acctest.Bad(rule(`ip_version = 6, source = { nets = ["10.0.0.0/8"] }`), "ingress", "ip_version"),
		"reversed range":                    acctest.Bad(rule(`protocol = "TCP", destination = { ports = ["90:80"] }`), "ingress", "80:90"),
		"port out of range":                 acctest.Bad(rule(`protocol = "TCP", destination = { ports = [70000] }`), "ingress", "70000"),
		"range of another language":         acctest.Bad(rule(`protocol = "TCP", destination = { not_ports = ["80-90"] }`), "ingress", "80-90"),
		"ports without protocol":            acctest.Bad(rule(`destination = { ports = [80] }`), "ingress", "TCP, UDP or SCTP"),
		"ports with ICMP":                   acctest.Bad(rule(`protocol = "ICMP", destination = { ports = [80] }`), "ingress", "TCP, UDP or SCTP"),
		"ICMP with TCP":                     acctest.Bad(rule(`protocol = "TCP", icmp = { type = 8 }`), "ingress", "ICMP"),
		"ICMP type":                         acctest.Bad(rule(`protocol = "ICMP", icmp = { type = 255 }`), "ingress", "254"),
		"empty ICMP":                        acctest.Bad(rule(`protocol = "ICMP", icmp = {}`), "ingress", "empty"),
		"unknown protocol":                  acctest.Bad(rule(`protocol = "FTP"`), "ingress", "FTP"),
		"protocol out of range":             acctest.Bad(rule(`not_protocol = 256`), "ingress", "256"),
		"unknown action":                    acctest.Bad(in(`  egress = [{ action = "Drop" }]`), "egress", "Drop"),
		"broken selector of a rule":         acctest.Bad(rule(`source = { selector = "a = b" }`), "ingress", "character 3"),
		"broken selector":                   acctest.Bad("  name = \"web\"\n  selector = \"a ==\"", "selector", "character"),
		"empty selector":                    acctest.Bad("  name = \"web\"\n  selector = \"\"", "selector", "empty"),
		"broken namespace selector":         acctest.Bad(in(`  namespace_selector = "has(a"`), "namespace_selector", "character"),
		"broken account selector":           acctest.Bad(in(`  service_account_selector = "!"`), "service_account_selector", "character"),
		"pre_dnat without apply_on_forward": acctest.Bad(in("  pre_dnat = true"), "", "pre_dnat"),
		"pre_dnat with do_not_track":        acctest.Bad(in("  apply_on_forward = true\n  do_not_track = true\n  pre_dnat = true"), "pre_dnat", "do_not_track"),
		"pre_dnat with egress":              acctest.Bad(in("  apply_on_forward = true\n  pre_dnat = true\n  egress = [{ action = \"Deny\" }]"), "egress", "egress"),
		"namespaced with apply_on_forward":  acctest.Bad(in("  namespace = \"default\"\n  apply_on_forward = true\n  acknowledge = [\"end_of_tier_drop\"]"), "apply_on_forward", "global"),
		"unacknowledged drop":               acctest.Bad(in("  apply_on_forward = true\n  ingress = [{ action = \"Allow\", protocol = \"TCP\" }]"), "apply_on_forward", "end_of_tier_drop"),
		"unknown acknowledgement":           acctest.Bad(in(`  acknowledge = ["everything"]`), "acknowledge", "everything"),
		"unknown type":                      acctest.Bad(in(`  types = ["Both"]`), "types", "Both"),
		"no type":                           acctest.Bad(in(`  types = []`), "types", "empty"),
		"empty name":                        acctest.Bad("  name = \"\"\n  selector = \"all()\"", "name", "empty"),
		"bad name":                          acctest.Bad("  name = \"Web_1\"\n  selector = \"all()\"", "name", "Web_1"),
		"name of IBM's":                     acctest.Bad("  name = \"allow-node-port-dnat\"\n  selector = \"all()\"", "name", "IBM"),
		"name of IBM's NLB":                 acctest.Bad("  name = \"allow-lb-web\"\n  selector = \"all()\"", "name", "IBM"),
		"another tier in the name":          acctest.Bad("  name = \"security.web\"\n  selector = \"all()\"", "name", "tier"),
		"empty tier":                        acctest.Bad(in(`  tier = ""`), "tier", "empty"),
		"bad tier":                          acctest.Bad(in(`  tier = "A"`), "tier", "lower"),
		"empty namespace":                   acctest.Bad(in(`  namespace = ""`), "namespace", "empty"),
		"bad namespace":                     acctest.Bad(in(`  namespace = "a.b"`), "namespace", "a.b"),
	})
}

// What is risky and not forbidden is a warning, until it is acknowledged.
func TestAccWarnings(t *testing.T) {
	e := acctest.Environment(t)
	config := func(more string) string {
		return acctest.ProviderBlock(e) + `
resource "iks_network_policy" "it" {
  cluster          = "classic"
  name             = "web"
  selector         = "ibm.role == 'worker_public'"
  pre_dnat         = true
  apply_on_forward = true
  ingress = [
    { action = "Log" },
    { action = "Allow", source = { nets = ["192.0.2.0/24"] } },
  ]
` + more + "}\n"
	}
	w := acctest.NewWorkspace(t, config(""))
	warned := strings.Join(w.Plan().Warnings(), "\n")
	for _, want := range []string{"final_allow", "unlimited_log"} {
		if !strings.Contains(warned, want) {
			t.Errorf("no warning names %s: %s", want, warned)
		}
	}
	w.Write(config(`  acknowledge = ["final_allow", "unlimited_log"]`))
	if warned := w.Plan().Warnings(); len(warned) > 0 {
		t.Errorf("acknowledged, and still warned of %q", warned)
	}
}

// A policy that is made by calicoctl is imported whatever its words are, and
// then planned in any words that mean the same.
func TestAccImportOfCalicoctls(t *testing.T) {
	doors(t, func(t *testing.T) {
		e := acctest.Environment(t)
		c := e.Cluster(acctest.Classic)
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "crd.projectcalico.org/v1", "kind": "GlobalNetworkPolicy",
			"metadata": map[string]any{"name": "default.by-hand", "annotations": map[string]any{"projectcalico.org/metadata": `{"name":"by-hand"}`}},
			"spec": map[string]any{
				"order": int64(700), "selector": "ibm.role in {'worker_public'}", "types": []any{"Egress", "Ingress"},
				"ingress":        []any{map[string]any{"action": "Allow", "protocol": int64(6), "source": map[string]any{"nets": []any{"10.0.0.0/8", "192.0.2.1/32"}}, "destination": map[string]any{"ports": []any{int64(443), "80:81"}}}},
				"egress":         []any{map[string]any{"action": "Allow", "source": map[string]any{}, "destination": map[string]any{}}},
				"applyOnForward": true, // what is dropped is so already
			},
		}}
		if _, err := acctest.GlobalPolicies.Of(t, c).Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		config := func(order string) string {
			return acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_network_policy" "it" {
  cluster  = "classic"
  name     = "default.by-hand"
  order    = %s
  selector = "ibm.role == \"worker_public\""
  ingress = [{
    action      = "Allow"
    protocol    = "TCP"
    source      = { nets = ["192.0.2.1", "10.0.0.0/8"] }
    destination = { ports = [80, 81, 443] }
  }]
  egress = [{ action = "Allow" }]

  apply_on_forward = true
  acknowledge      = ["end_of_tier_drop"]
}
`, order)
		}
		w := acctest.NewWorkspace(t, config("700.0"))
		if r := w.Run("import", "-no-color", "-input=false", "iks_network_policy.it", acctest.Classic+",by-hand"); r.ExitCode != 0 {
			t.Fatal(r.Output)
		}
		w.MustPlanEmpty()
		w.Write(config("701"))
		w.Killed(func() { w.MustApply() })
		w.Write(config("702"))
		w.Killed(func() { w.MustApply() })
		w.MustApply()
		w.MustPlanEmpty()
		w.MustDestroy()
		if _, err := acctest.GlobalPolicies.Of(t, c).Get(t.Context(), "default.by-hand", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("destroy left the policy: %v", err)
		}
	})
}
