package edgepool_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const edgePool = "iks_edge_pool.it"

// poolOf is the configuration of one edge pool on the classic cluster.
func poolOf(e *localiks.Environment, arguments string) string {
	return acctest.ProviderBlock(e) + "resource \"iks_edge_pool\" \"it\" {\n  cluster = \"classic\"\n" + arguments + "\n}\n"
}

func edgeNodes(t *testing.T, c *localiks.Cluster) []corev1.Node {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.CoreV1().Nodes().List(context.WithoutCancel(t.Context()), metav1.ListOptions{LabelSelector: edgeSelector})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// Whichever way the nodes are selected, another selection is an update by
// difference: only nodes that come or go are written.
func TestAccSelectionChanges(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	before := acctest.TakeSnapshot(t, c)
	var names []string
	for _, n := range edgeNodes(t, c) {
		names = append(names, n.Name)
	}
	last := names[len(names)-1]
	byName := func(names []string) string {
		return fmt.Sprintf("  node_names = [\"%s\"]", strings.Join(names, `", "`))
	}
	// Leaving a zone without edge nodes is refused otherwise.
	const rest = "\n  safety_checks = \"warn\"\n  relocate_load_balancers = false"
	w := acctest.NewWorkspace(t, poolOf(e, byName(names)+rest))
	w.MustApply()
	w.MustPlanEmpty()
	for _, change := range []struct {
		name, arguments string
		patched         []string
		marked          int
	}{
		{"a name less", byName(names[:len(names)-1]), []string{last}, len(names) - 1},
		{"by selector instead, with the name again", `  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge" }`, []string{last}, len(names)},
		{"a narrower selector", `  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge", "kubernetes.io/hostname" = "` + names[0] + `" }`, names[1:], 1},
		{"by pool instead, with both effects", "  worker_pool = \"edge\"\n  taint_effects = [\"NoSchedule\", \"NoExecute\"]", names[1:], len(names)},
	} {
		t.Run(change.name, func(t *testing.T) {
			mark, err := c.MarkAudit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w.Write(poolOf(e, change.arguments+rest))
			if planned := w.MustApply().Planned; len(planned) != 1 || planned[0].Action != "update" {
				t.Errorf("planned is %v, want an update in place", planned)
			}
			w.MustPlanEmpty()
			events, err := c.Audit(t.Context(), mark)
			if err != nil {
				t.Fatal(err)
			}
			patched := map[string]bool{}
			for _, event := range events.FromAgent("terraform-provider-iks").OfVerb("patch") {
				patched[filepath.Base(strings.Split(event.URI, "?")[0])] = true
			}
			for _, name := range names {
				if patched[name] && !slices.Contains(change.patched, name) {
					t.Errorf("node %s was written, and it neither came nor went", name)
				}
			}
			marked := 0
			for _, n := range edgeNodes(t, c) {
				if n.Labels["dedicated"] == "edge" {
					marked++
				}
			}
			if marked != change.marked {
				t.Errorf("%d nodes are edge nodes, want %d", marked, change.marked)
			}
		})
	}
	w.MustDestroy()
	if diff := cmp.Diff(before, acctest.TakeSnapshot(t, c)); diff != "" {
		t.Errorf("destroy left the cluster changed (-before +after):\n%s", diff)
	}
}

// Workers that are replaced and added come without the mark where nodes are
// selected by a label: plan names them, apply marks them. A pool's are born
// with it.
func TestAccWorkersComeAndGo(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, poolOf(e, `  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge" }`))
	w.MustApply()
	fresh := comeAndGo(t, e, c)
	plan := w.Plan()
	if len(plan.Planned) != 1 || plan.Planned[0].Action != "update" {
		t.Errorf("planned is %v, want an update in place", plan.Planned)
	}
	w.Run("refresh")
	drift := fmt.Sprint(w.Attributes(edgePool)["drift"])
	for _, name := range fresh {
		if want := name + ": label dedicated=edge missing"; !strings.Contains(drift, want) {
			t.Errorf("drift says %s, want %q", drift, want)
		}
		if !slices.ContainsFunc(plan.Warnings(), func(s string) bool { return strings.Contains(s, name) }) {
			t.Errorf("no warning of the plan names %s; there are %q", name, plan.Warnings())
		}
	}
	w.MustApply()
	w.MustPlanEmpty()
	w.MustDestroy()

	w.Write(poolOf(e, `  worker_pool = "edge"`))
	w.MustApply()
	fresh = comeAndGo(t, e, c)
	w.MustPlanEmpty()
	w.Run("refresh")
	if addresses := fmt.Sprint(w.Attributes(edgePool)["node_addresses"]); !strings.Contains(addresses, fresh[0]) {
		t.Errorf("the new worker %s is not among %s", fresh[0], addresses)
	}
	w.MustDestroy()
}

// comeAndGo replaces one worker of the edge pool and adds another one, which
// goes again with the test. It gives the names of the new nodes.
func comeAndGo(t *testing.T, e *localiks.Environment, c *localiks.Cluster) []string {
	t.Helper()
	workers := e.IKS.Workers(c.ID)
	old := workers[slices.IndexFunc(workers, func(w fakeiks.Worker) bool { return w.PoolName == "edge" })]
	replaced, err := e.IKS.ReplaceWorker(c.ID, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	added, err := e.IKS.AddWorker(c.ID, "edge", old.Zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.IKS.RemoveWorker(c.ID, added.ID); err != nil {
			t.Fatal(err)
		}
		acctest.Eventually(t, "the added node is gone, and its host endpoints with it", func() error {
			for object := range acctest.TakeSnapshot(t, c) {
				if strings.Contains(object, added.PrivateIP) {
					return fmt.Errorf("%s is still there", object)
				}
			}
			return nil
		})
	})
	names := []string{replaced.PrivateIP, added.PrivateIP}
	acctest.Eventually(t, "the new nodes are there and the old one is gone", func() error {
		ready := map[string]bool{}
		for _, n := range edgeNodes(t, c) {
			for _, condition := range n.Status.Conditions {
				ready[n.Name] = ready[n.Name] || condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
			}
		}
		if _, left := ready[old.PrivateIP]; left && !slices.Contains(names, old.PrivateIP) || !ready[names[0]] || !ready[names[1]] {
			return fmt.Errorf("ready are %v, want %q and not %s", ready, names, old.PrivateIP)
		}
		return nil
	})
	return names
}

// One edge pool for each zone, all in one apply: none of them waits for the
// others, and ALBs run on edge nodes in every zone.
func TestAccOnePoolPerZone(t *testing.T) {
	e := acctest.Environment(t)
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) {
			c := e.Cluster(name)
			before := acctest.TakeSnapshot(t, c)
			info, _ := e.IKS.Cluster(name)
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+fmt.Sprintf(`
resource "iks_edge_pool" "it" {
  for_each      = toset([%q, %q])
  cluster       = %q
  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge", "topology.kubernetes.io/zone" = each.key }
}
`, info.Zones[0].ID, info.Zones[1].ID, name))
			w.MustApply()
			w.MustPlanEmpty()
			for _, zone := range info.Zones {
				if ready := w.Attributes(fmt.Sprintf("iks_edge_pool.it[%q]", zone.ID))["ready"]; ready != true {
					t.Errorf("the pool of zone %s: ready is %v", zone.ID, ready)
				}
			}
			albsRunOn(t, e, c)
			w.MustDestroy()
			if diff := cmp.Diff(before, acctest.TakeSnapshot(t, c)); diff != "" {
				t.Errorf("destroy left the cluster changed (-before +after):\n%s", diff)
			}
		})
	}
}

// albsRunOn wants the pods of all enabled ALBs on the edge pool's nodes.
func albsRunOn(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	edge := map[string]bool{}
	for _, n := range edgeNodes(t, c) {
		edge[n.Name] = true
	}
	for _, alb := range e.IKS.ALBs(c.ID) {
		pods, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + alb.ID})
		if err != nil {
			t.Fatal(err)
		}
		if alb.Enabled && len(pods.Items) == 0 {
			t.Errorf("ALB %s has no pods", alb.ID)
		}
		for _, pod := range pods.Items {
			if !edge[pod.Spec.NodeName] && pod.DeletionTimestamp == nil {
				t.Errorf("a pod of ALB %s runs on %s, which is no edge node", alb.ID, pod.Spec.NodeName)
			}
		}
	}
}
