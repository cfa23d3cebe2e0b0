package edgepool_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// A thousand nodes through the command line, counted by the API server's audit
// log: one patch for each node, and otherwise as many requests as for ten.
func TestAccThousandNodes(t *testing.T) {
	const count = 1000
	e, c := acctest.Fresh(t, acctest.VPC)
	nodes := make([]controlplane.Node, count)
	for i := range nodes {
		nodes[i] = controlplane.Node{
			Name:   fmt.Sprintf("10.60.%d.%d", i/250, i%250+1),
			Labels: map[string]string{"team": "net", corev1.LabelTopologyZone: fmt.Sprintf("us-south-%d", i%2+1)},
		}
	}
	if err := c.AddNodes(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+`
resource "iks_edge_pool" "it" {
  cluster                 = "vpc"
  node_selector           = { team = "net" }
  relocate_load_balancers = false
}
`)
	requests := func(what string, run func()) controlplane.AuditEvents {
		t.Helper()
		mark, err := c.MarkAudit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		run()
		took := time.Since(began)
		events, err := c.Audit(t.Context(), mark)
		if err != nil {
			t.Fatal(err)
		}
		ours := events.FromAgent("terraform-provider-iks")
		t.Logf("%s: %.1f s, %d requests, of them %d lists and %d patches",
			what, took.Seconds(), len(ours), len(ours.OfVerb("list")), len(ours.OfVerb("patch")))
		return ours
	}
	apply := requests("apply from nothing", func() { w.MustApply() })
	if patches := len(apply.OfVerb("patch")); patches != count {
		t.Errorf("%d patches for %d nodes", patches, count)
	}
	if others := len(apply) - count; others > 24 {
		t.Errorf("%d requests besides the patches", others)
	}
	plan := requests("plan without a change", func() { w.MustPlanEmpty() })
	if len(plan) > 4 || len(plan.OfVerb("patch")) != 0 {
		t.Errorf("a plan without a change sent %d requests: %v", len(plan), plan)
	}
	if removed := len(requests("destroy", func() { w.MustDestroy() }).OfVerb("patch")); removed != count {
		t.Errorf("%d patches to take %d marks away", removed, count)
	}
}
