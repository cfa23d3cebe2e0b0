package provider_test

import (
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// A guard that exempts an edge pool's nodes is updated when these change, and
// only then.
func TestAccGuardFollowsTheEdgeNodes(t *testing.T) {
	e := acctest.Environment(t)
	config := func(edge string) string {
		return acctest.ProviderBlock(e) + `
resource "iks_edge_pool" "edge" {
  cluster                 = "classic"
  relocate_load_balancers = false
  safety_checks           = "warn"
` + edge + `
}
resource "iks_nodeport_guard" "it" {
  cluster          = "classic"
  exempt_addresses = iks_edge_pool.edge.host_endpoint_addresses
}
`
	}
	w := acctest.NewWorkspace(t, config(`  worker_pool = "edge"`))
	w.MustApply()
	w.MustPlanEmpty()
	planned := func(want map[string]string) {
		t.Helper()
		got := w.MustApply().Planned
		if len(got) != len(want) {
			t.Errorf("planned is %v, want %v", got, want)
		}
		for _, c := range got {
			if want[c.Address] != c.Action {
				t.Errorf("%s is planned as %s, want %q", c.Address, c.Action, want[c.Address])
			}
		}
		w.MustPlanEmpty()
	}
	w.Write(config("  worker_pool = \"edge\"\n  taint_effects = [\"NoSchedule\", \"NoExecute\"]"))
	planned(map[string]string{"iks_edge_pool.edge": "update"})
	w.Write(config(`  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge", "topology.kubernetes.io/zone" = "dal10" }`))
	planned(map[string]string{"iks_edge_pool.edge": "update", "iks_nodeport_guard.it": "update"})
	w.MustDestroy()
}
