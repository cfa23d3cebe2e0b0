package nodeportguard_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/nodeportguard"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Clusters:  []string{acctest.Classic},
		Resources: framework.Resources{nodeportguard.NewResource},
	}))
}

const policies = acctest.GlobalPolicies

const guardName = "deny-kube-node-port-services"

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, acctest.Resource{
		Type:      "iks_nodeport_guard",
		Cluster:   acctest.Classic,
		Arguments: `  allowed_source_cidrs = ["192.0.2.0/24"]`,
		Changed:   `  port_ranges = ["20000:32767"]` + "\n" + `  order = 900`,
		Key:       guardName,
		Identity:  `name = "` + guardName + `"`,
		Breaks: []acctest.Break{
			{Name: "order", Do: policies.Edit(guardName, func(spec map[string]any) { spec["order"] = int64(5000) }), Sentence: "order"},
			{Name: "selector", Do: policies.Edit(guardName, func(spec map[string]any) { spec["selector"] = "ibm.role == 'nobody'" }), Sentence: "role is nobody, declared worker_public"},
			{Name: "rules", Do: policies.Edit(guardName, func(spec map[string]any) { spec["ingress"] = []any{} }), Sentence: "ingress"},
			{Name: "preDNAT", Do: policies.Edit(guardName, func(spec map[string]any) { delete(spec, "preDNAT") }), Sentence: "preDNAT"},
		},
		Vanish:            func(t *testing.T, c *localiks.Cluster) { policies.Drop(t, c, guardName) },
		RestoresOnDestroy: true,
	})
}

func TestAccBadInput(t *testing.T) {
	acctest.BadInputs(t, "iks_nodeport_guard", map[string]acctest.BadInput{
		"bad CIDR":             acctest.Bad(`  allowed_source_cidrs = ["192.0.2.0/33"]`, "allowed_source_cidrs", "192.0.2.0/33"),
		"not an address":       acctest.Bad(`  exempt_addresses = ["edge-1"]`, "exempt_addresses", "edge-1"),
		"reversed range":       acctest.Bad(`  port_ranges = ["32767:30000"]`, "port_ranges", "32767:30000"),
		"port out of range":    acctest.Bad(`  port_ranges = ["30000:70000"]`, "port_ranges", "70000"),
		"no port":              acctest.Bad(`  port_ranges = []`, "port_ranges", ""),
		"unknown protocol":     acctest.Bad(`  protocols = ["ICMP"]`, "protocols", "ICMP"),
		"no protocol":          acctest.Bad(`  protocols = []`, "protocols", ""),
		"empty name":           acctest.Bad(`  name = ""`, "name", ""),
		"name of IBM's":        acctest.Bad(`  name = "allow-node-port-dnat"`, "name", "IBM"),
		"name of IBM's NLB":    acctest.Bad(`  name = "allow-lb-web"`, "name", "IBM"),
		"bad name":             acctest.Bad(`  name = "Not_A_Name"`, "name", "Not_A_Name"),
		"no role":              acctest.Bad(`  host_endpoint_roles = []`, "host_endpoint_roles", ""),
		"empty role":           acctest.Bad(`  host_endpoint_roles = [""]`, "host_endpoint_roles", ""),
		"two orders":           acctest.Bad("  order = 100\n  evaluate_last = true", "order", "evaluate_last"),
		"empty CIDRs":          acctest.Bad(`  allowed_source_cidrs = []`, "allowed_source_cidrs", ""),
		"unknown safety check": acctest.Bad(`  safety_checks = "maybe"`, "safety_checks", "maybe"),
		"empty tier":           acctest.Bad(`  tier = ""`, "tier", ""),
	})
}

// An imported guard has the order that it has, and no plan for either way to
// write the default one.
func TestAccImportOfTheDefaultOrder(t *testing.T) {
	e := acctest.Environment(t)
	const head = `
resource "iks_nodeport_guard" "it" {
  cluster = "classic"
`
	first := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+head+"}\n")
	first.MustApply()
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+head+"}\n")
	if r := w.Run("import", "-no-color", "-input=false", "iks_nodeport_guard.it", acctest.Classic+","+guardName); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustPlanEmpty()
	w.Write(acctest.ProviderBlock(e) + head + "  order = 1100\n}\n")
	w.MustPlanEmpty()
	w.Write(acctest.ProviderBlock(e) + head + "  evaluate_last = true\n}\n")
	w.MustApply()
	w.MustPlanEmpty()
	w.Write(acctest.ProviderBlock(e) + head + "  order = 900\n}\n")
	w.MustApply()
	w.MustPlanEmpty()
	w.Write(acctest.ProviderBlock(e) + head + "}\n")
	w.MustApply()
	w.MustPlanEmpty()
	if order := w.Attributes("iks_nodeport_guard.it")["order"]; order != float64(1100) {
		t.Errorf("the order is %v", order)
	}
	w.MustDestroy()
}

// However the ports are spelled, an import of the guard leaves nothing to do, and
// neither does another spelling afterwards.
func TestAccPortsInAnyOrder(t *testing.T) {
	e := acctest.Environment(t)
	config := func(ports string) string {
		return acctest.ProviderBlock(e) + "resource \"iks_nodeport_guard\" \"it\" {\n  cluster     = \"classic\"\n  port_ranges = " + ports + "\n}\n"
	}
	const unsorted = `["30000:32767", "20080", "20443"]`
	first := acctest.NewWorkspace(t, config(unsorted))
	first.MustApply()
	first.MustPlanEmpty()
	w := acctest.NewWorkspace(t, config(unsorted))
	if r := w.Run("import", "-no-color", "-input=false", "iks_nodeport_guard.it", acctest.Classic+","+guardName); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustPlanEmpty()
	w.Write(config(`["20443", "20080", "30000:31000", "31001:32767"]`))
	w.MustPlanEmpty()
	w.Write(config(`["20443", "30000:32767"]`))
	w.MustApply()
	w.MustPlanEmpty()
	if ports := fmt.Sprint(w.Attributes("iks_nodeport_guard.it")["port_ranges"]); ports != "[20443 30000:32767]" {
		t.Errorf("port_ranges is %s", ports)
	}
	w.MustDestroy()
}

// The same through the v1 door, and a policy that lives through a change of door.
func TestAccOtherDoor(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+`
resource "iks_nodeport_guard" "it" {
  cluster = "classic"
}
`)
	door := func(open bool) {
		t.Helper()
		if err := c.SetCalicoAPI(context.Background(), open); err != nil {
			t.Fatal(err)
		}
	}
	through := func(api string) {
		t.Helper()
		if got := w.Attributes("iks_nodeport_guard.it")["api"]; got != api {
			t.Errorf("the policy was reached through %v, want %s", got, api)
		}
	}
	w.MustApply()
	through("projectcalico.org/v3")
	door(false)
	t.Cleanup(func() { door(true) })
	w.MustPlanEmpty()
	policies.Edit(guardName, func(spec map[string]any) { spec["order"] = int64(5000) })(t, e, c)
	w.MustApply()
	through("crd.projectcalico.org/v1")
	w.MustPlanEmpty()
	w.MustDestroy()
	// Made through the v1 door, found and removed through the v3 door.
	w.MustApply()
	door(true)
	w.MustPlanEmpty()
	w.MustDestroy()
	if _, err := policies.Of(t, c).Get(context.Background(), "default."+guardName, metav1.GetOptions{}); err == nil {
		t.Error("the policy is still there")
	}
}

// A guard that covers nothing is not ready.
func TestAccSlowGuard(t *testing.T) { acctest.SlowGuard(t, "iks_nodeport_guard") }
