package edgepool

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// The data source gives nodes one by one.
func testEdgeNodes(t *testing.T, r *rig) {
	m := byPool("edge")
	r.mustApply(m, nil)
	r.edit(r.nodes("edge")[0].Name, unlabel)
	r.restart()
	for name, test := range map[string]struct {
		pool  string
		nodes int
	}{
		"those that bear the label": {"", 3},
		"all of the pool":           {"edge", 4},
		"of another pool":           {"default", 4},
	} {
		got := nodesModel{WorkerPool: m.WorkerPool}
		got.WorkerPool = byPool(test.pool).WorkerPool
		if err := readNodes(t.Context(), r.find(), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.Nodes) != test.nodes {
			t.Errorf("%s: %d nodes, want %d", name, len(got.Nodes), test.nodes)
		}
	}
	one := nodesModel{WorkerPool: m.WorkerPool}
	if err := readNodes(t.Context(), r.find(), &one); err != nil {
		t.Fatal(err)
	}
	n, want := one.Nodes[1], r.nodes("edge")[1]
	if n.Name != want.Name || n.InternalIP != want.Name || n.ExternalIP == "" || n.WorkerPool != "edge" || n.Zone != "dal10" ||
		!n.Ready || !n.Schedulable || !n.Edge || !slices.Equal(n.Taints, []string{"dedicated=edge:NoExecute"}) || n.CreatedAt != want.CreationTimestamp.UTC().Format(time.RFC3339) {
		t.Errorf("got %+v", n)
	}
	if one.Nodes[0].Edge {
		t.Errorf("got %+v", one.Nodes[0])
	}
	missing := nodesModel{WorkerPool: byPool("nope").WorkerPool}
	r.wantError(readNodes(t.Context(), r.find(), &missing), "no worker pool")
}

// Many nodes: one patch each and a constant number of other requests.
func testManyNodes(t *testing.T, r *rig) {
	const count = 60
	var nodes []controlplane.Node
	for i := range count {
		nodes = append(nodes, controlplane.Node{
			Name:   fmt.Sprintf("10.60.%d.%d", i/250, i%250+1),
			Labels: map[string]string{"team": "net", corev1.LabelTopologyZone: "dal10"},
		})
	}
	if err := r.cluster.AddNodes(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
	m := bySelector("team", "net")
	r.find()
	r.sent()
	began := time.Now()
	r.mustApply(m, nil)
	took := time.Since(began)
	sent := r.sent()
	patches := sent.of("PATCH")
	t.Logf("apply from nothing: %s, %d requests, of them %d patches; the others: %v", took, len(sent), len(patches), sent.of("GET", "POST", "PUT", "DELETE"))
	if len(patches) != count {
		t.Errorf("%d patches for %d nodes", len(patches), count)
	}
	if others := len(sent) - len(patches); others > 12 {
		t.Errorf("%d other requests", others)
	}
	r.restart()
	c := r.find()
	if _, err := c.Kube(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.sent()
	began = time.Now()
	if o := r.observe(m); len(o.Drift)+len(o.Missing) > 0 {
		t.Errorf("observed %d differences", len(o.Drift)+len(o.Missing))
	}
	t.Logf("a look at %d nodes: %s, %v", count, time.Since(began), r.sent())

	began = time.Now()
	r.mustRemove(m)
	sent = r.sent()
	t.Logf("removal: %s, %d requests, of them %d patches", time.Since(began), len(sent), len(sent.of("PATCH")))
	if patches := len(sent.of("PATCH")); patches != count {
		t.Errorf("%d patches for %d nodes", patches, count)
	}
	for _, n := range nodes {
		if err := r.cluster.RemoveNode(t.Context(), n.Name); err != nil {
			t.Fatal(err)
		}
	}
}
