package edgepool

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// On a cluster of each infrastructure with ALBs.
func TestOnClassic(t *testing.T) {
	t.Parallel()
	spec := localiks.SampleCluster(clusterName, fakeiks.Classic)
	spec.Pools = append(spec.Pools, fakeiks.WorkerPool{Name: "edge2", PerZone: 2})
	l := newLab(t, spec)
	l.run(t, "worker pool", testWorkerPool)
	l.run(t, "checks again before it closes", testChecksAgainBeforeItCloses)
	l.run(t, "redeploying an ALB fails", testRedeployFails)
	l.run(t, "the automatic update is not turned off", testAutoUpdateIsNotTurnedOff)
	l.run(t, "load balancers stay put", testLoadBalancersStayPut)
	l.run(t, "two pools at once", testTwoPoolsAtOnce)
	l.run(t, "another pool instead", testAnotherPoolInstead)
}

func TestOnVPC(t *testing.T) {
	t.Parallel()
	l := newLab(t, localiks.SampleCluster(clusterName, fakeiks.VPC))
	l.run(t, "worker pool", testWorkerPool)
	l.run(t, "killed while redeploying", testKilledWhileRedeploying)
	l.run(t, "automatic update stays off", testAutoUpdateStaysOff)
	l.run(t, "load balancers", testVPCLoadBalancers)
	l.run(t, "load balancers stay put", testVPCLoadBalancersStayPut)
}

// On a cluster without ALBs.
func TestWithoutALBs(t *testing.T) {
	t.Parallel()
	l := newLab(t, classicWithoutALBs())
	l.run(t, "both effects on a pool", testBothEffectsOnAPool)
	l.run(t, "IKS is faster", testIKSIsFaster)
	l.run(t, "selector changes", testSelectorChanges)
	l.run(t, "import", testImport)
	l.run(t, "a foreign mark meanwhile", testForeignMarkMeanwhile)
	l.run(t, "closed at once", testClosedAtOnce)
	l.run(t, "taken over by another resource", testTakenOver)
	l.run(t, "the other resource was refused", testRefusedHeir)
	l.run(t, "others write at the same time", testOthersWriteAtTheSameTime)
	l.run(t, "data source", testEdgeNodes)
	l.run(t, "refusals write nothing", testRefusalsWriteNothing)
	l.run(t, "drain held up by a budget", testDrainHeldUpByABudget)
	l.run(t, "drain continues", testDrainContinues)
	l.run(t, "cut off anywhere", testCutOffAnywhere)
	l.run(t, "direct cluster and few rights", testDirectClusterAndFewRights)
	l.run(t, "classic load balancers", testClassicLoadBalancers)
	l.run(t, "many nodes", testManyNodes)
	l.run(t, "a pod comes meanwhile", testPodComesMeanwhile)
	l.run(t, "workers come and go", testWorkersComeAndGo)
	l.run(t, "a worker joins meanwhile", testWorkerJoinsMeanwhile)
}

// The main job, on both infrastructures: ALBs move over, workloads move away,
// a second apply writes nothing, drift is named and healed, and a removal
// leaves everything as it was.
func testWorkerPool(t *testing.T, r *rig) {
	r.deploy()
	leaving, m := 0, byPool("edge")
	for _, n := range r.nodes("edge") {
		for _, on := range r.whereabouts("default", app) {
			if on == n.Name {
				leaving++
			}
		}
	}
	if leaving == 0 {
		t.Fatal("no pod runs on the nodes, so nothing would be shown")
	}
	r.sent()

	r.mustApply(m, nil)
	r.wantPool("edge", "edge", "edge:NoExecute")
	r.wantPool("default", "", "")
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
	r.wantMarks("default", "")
	r.wantOn("default", app, "edge", false)
	r.wantALBs("edge", true)
	sent := r.sent()
	if evicted := sent.to("/eviction"); len(evicted) != leaving {
		t.Errorf("%d pods were evicted, want the %d on the edge nodes: %v", len(evicted), leaving, evicted)
	}
	if len(r.warned) > 0 {
		t.Errorf("warned: %q", r.warned)
	}
	r.wantDescribed(m)

	r.mustApply(byPool("edge"), m)
	if writes := r.sent().writes(); len(writes) > 0 {
		t.Errorf("a second apply writes: %v", writes)
	}

	nodes := r.nodes("edge")
	r.edit(nodes[0].Name, unlabel)
	r.edit(nodes[1].Name, untaint(noExecute))
	r.wantDrift(m, nodes[0].Name+": label dedicated=edge missing", nodes[1].Name+": taint dedicated=edge:NoExecute missing")
	r.mustApply(byPool("edge"), m)
	if writes := r.sent().taken().to("/nodes/"); len(writes) != 2 {
		t.Errorf("healing two nodes took %v", writes)
	}
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")

	r.mustRemove(m)
	r.wantPool("edge", "", "")
	r.wantMarks("edge", "")
	r.wantALBs("edge", false)
	r.wantNoTraces()
	r.sent()
	r.mustRemove(m)
	if writes := r.sent().writes(); len(writes) > 0 {
		t.Errorf("a second removal writes: %v", writes)
	}
}

// Another pool takes the place of the first: that keeps its labels until the
// other has its own.
func testAnotherPoolInstead(t *testing.T, r *rig) {
	m := byPool("edge")
	r.mustApply(m, nil)
	stripped := 0
	r.mu.Lock()
	r.onSent = func(request string) {
		for _, n := range r.nodes("edge") {
			if request != "PATCH /api/v1/nodes/"+n.Name {
				continue
			}
			stripped++
			for _, other := range r.nodes("edge2") {
				if !isEdge(&other) {
					t.Errorf("%s came while %s had no label", request, other.Name)
				}
			}
		}
	}
	r.mu.Unlock()
	next := byPool("edge2")
	r.mustApply(next, m)
	r.mu.Lock()
	r.onSent = nil
	r.mu.Unlock()
	if stripped == 0 {
		t.Error("no node was stripped, so nothing was shown")
	}
	r.wantMarks("edge", "")
	r.wantMarks("edge2", "edge dedicated=edge:NoExecute")
	r.wantALBs("edge2", true)
	r.mustRemove(next)
}

// Nodes without workloads are closed when Apply returns, and not when IKS has
// brought the pool's taint: one patch each before IKS hears of it, and one after.
func testClosedAtOnce(t *testing.T, r *rig) {
	r.fleet.BeginApply()
	r.sent()
	if err := r.part.Apply(t.Context(), r.find(), framework.ApplyRequest[model]{Want: byPool("edge")}); err != nil {
		t.Fatal(err)
	}
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
	if writes := r.sent().taken(); len(writes) > 8 {
		t.Errorf("four nodes took %v", writes)
	}
}

// wantALBs wants the ALBs of all enabled ones to demand edge nodes and to be on
// them, or not to demand any.
func (r *rig) wantALBs(poolName string, edge bool) {
	r.t.Helper()
	found := 0
	for _, a := range r.env.IKS.ALBs(clusterName) {
		if !a.Enabled {
			continue
		}
		found++
		d, err := r.client.AppsV1().Deployments(albNamespace).Get(r.t.Context(), a.ID, metav1.GetOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		if demanded := requiredNode(d, markKey); (demanded == markValue) != edge {
			r.t.Errorf("ALB %s demands %q", a.ID, demanded)
		}
		if edge {
			r.wantOn(albNamespace, a.ID, poolName, true)
		}
	}
	if found == 0 {
		r.t.Error("no ALB is enabled, so nothing was shown")
	}
	if automatic := r.autoUpdate(); !automatic {
		r.t.Error("ALBs are not updated automatically any more")
	}
}

func (r *rig) autoUpdate() bool {
	r.t.Helper()
	api, facts, err := r.find().IKS("a test")
	if err != nil {
		r.t.Fatal(err)
	}
	on, err := api.ALBAutoUpdate(r.t.Context(), facts)
	if err != nil {
		r.t.Fatal(err)
	}
	return on
}

// wantNoTraces wants nothing of ours left in the cluster.
func (r *rig) wantNoTraces() {
	r.t.Helper()
	configs, err := r.client.CoreV1().ConfigMaps(albNamespace).List(r.t.Context(), metav1.ListOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range configs.Items {
		if strings.HasPrefix(c.Name, "terraform-provider-iks") {
			r.t.Errorf("the ConfigMap %s is left", c.Name)
		}
	}
	services, err := r.client.CoreV1().Services("").List(r.t.Context(), metav1.ListOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range services.Items {
		if _, there := s.Annotations[relocatedAnnotation]; there {
			r.t.Errorf("Service %s bears our annotation", s.Name)
		}
	}
	for _, n := range r.nodes("") {
		if _, there := n.Annotations[heldAnnotation]; there {
			r.t.Errorf("node %s bears our annotation", n.Name)
		}
	}
}

func (r *rig) wantDescribed(m *model) {
	r.t.Helper()
	info, _ := r.env.IKS.Cluster(clusterName)
	if m.NodeCount.ValueInt64() != 4 || m.ReadyCount.ValueInt64() != 4 || len(m.Zones.Elements()) != 2 || len(m.NodeAddresses.Elements()) != 4 {
		r.t.Errorf("described as %v nodes, %v ready, zones %v, addresses %v", m.NodeCount, m.ReadyCount, m.Zones, m.NodeAddresses)
	}
	want := 8 // a public and a private one per node
	if info.Provider == fakeiks.VPC {
		want = 0
	}
	if got := len(m.HostEndpointAddresses.Elements()); got != want {
		r.t.Errorf("%d addresses of host endpoints: %v", got, m.HostEndpointAddresses)
	}
}

func (r *rig) allBear(poolName, want string) error {
	for _, n := range r.nodes(poolName) {
		if got := marks(&n); got != want {
			return &unexpected{n.Name, got}
		}
	}
	return nil
}

type unexpected struct{ node, bears string }

func (u *unexpected) Error() string { return u.node + " bears " + u.bears }

// What selects the nodes changes: what leaves is undone, what comes is done,
// what stays is left alone.
func testSelectorChanges(t *testing.T, r *rig) {
	edge, others := r.nodes("edge"), r.nodes("default")
	names := func(nodes ...corev1.Node) []string {
		var out []string
		for _, n := range nodes {
			out = append(out, n.Name)
		}
		return out
	}
	foreign := func(n *corev1.Node) {
		n.Labels["team"] = "net"
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "team", Value: "net", Effect: corev1.TaintEffectPreferNoSchedule})
	}
	for _, n := range edge {
		r.edit(n.Name, foreign)
	}
	const bare = "team=net:PreferNoSchedule"
	const full = "edge " + bare + " dedicated=edge:NoExecute dedicated=edge:NoSchedule"

	m := byNames(names(edge...))
	r.mustApply(m, nil)
	if writes := r.sent().taken(); len(writes) != 4 {
		t.Errorf("four nodes took %v", writes)
	}
	r.wantMarks("edge", full)

	two := byNames(names(edge[0], edge[1]), onlyWarn)
	r.mustApply(two, m)
	if writes := r.sent().taken(); len(writes) != 2 {
		t.Errorf("giving up two nodes took %v", writes)
	}
	for i, want := range []string{full, full, bare, bare} {
		n := r.nodes("edge")[i]
		if got := marks(&n); got != want {
			t.Errorf("node %s bears %q, want %q", n.Name, got, want)
		}
	}

	selected := bySelector("team", "net")
	r.mustApply(selected, two)
	r.wantMarks("edge", full)

	pooled := byPool("edge")
	r.mustApply(pooled, selected)
	r.wantPool("edge", "edge", "edge:NoExecute")
	r.wantMarks("edge", "edge "+bare+" dedicated=edge:NoExecute")

	back := byNames(names(edge...), withEffects("NoExecute"))
	r.mustApply(back, pooled)
	r.wantPool("edge", "", "")
	r.wantMarks("edge", "edge "+bare+" dedicated=edge:NoExecute")
	r.wantDrift(back)

	r.mustApply(byPool("default", onlyWarn), back)
	r.wantMarks("edge", bare)
	r.eventually("the other pool is edge", func() error { return r.allBear("default", "edge dedicated=edge:NoExecute") })
	r.mustRemove(byPool("default"))
	r.wantMarks("default", "")
	for _, n := range edge {
		r.edit(n.Name, func(n *corev1.Node) {
			delete(n.Labels, "team")
			n.Spec.Taints = nil
		})
	}
	if len(others) != 4 {
		t.Errorf("the sample has %d other nodes", len(others))
	}
}

// Other people write the same nodes and the same pool all the while: nothing of
// theirs is lost, and nothing of ours.
func testOthersWriteAtTheSameTime(t *testing.T, r *rig) {
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for _, n := range r.nodes("edge") {
		writers.Go(func() {
			for round := 1; ctx.Err() == nil; round++ {
				r.edit(n.Name, func(n *corev1.Node) {
					last := n.Annotations["rounds"]
					lost := last != "" && !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "other" && t.Value == last })
					if lost || n.Labels["other"] != last {
						t.Errorf("node %s bears %q after round %s", n.Name, marks(n), last)
					}
					now := strconv.Itoa(round)
					n.Annotations["rounds"], n.Labels["other"] = now, now
					n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "other" })
					n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "other", Value: now, Effect: corev1.TaintEffectPreferNoSchedule})
				})
			}
		})
	}
	api, facts, err := r.find().IKS("a test")
	if err != nil {
		t.Fatal(err)
	}
	poolID := ""
	for _, p := range r.env.IKS.Pools(clusterName) {
		if p.Name == "edge" {
			poolID = p.ID
		}
	}
	theirs := map[string]iks.PoolTaint{"pooled": {Value: "yes", Effect: "PreferNoSchedule"}}
	if _, err := api.MergeWorkerPoolTaints(t.Context(), facts, poolID, theirs, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := api.MergeWorkerPoolLabels(t.Context(), facts, poolID, map[string]string{"theirs": "yes"}, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m := byPool("edge", withEffects("NoSchedule", "NoExecute"))
		r.mustApply(m, nil)
		r.mustRemove(m)
		// IKS may still be bringing a node the label that the pool has lost since.
		r.eventually("no node is an edge node", func() error {
			for _, n := range r.nodes("edge") {
				if isEdge(&n) || len(edgeTaints(&n)) > 0 {
					return &unexpected{n.Name, marks(&n)}
				}
			}
			return nil
		})
	}
	cancel()
	writers.Wait()
	for _, p := range r.env.IKS.Pools(clusterName) {
		if p.ID == poolID && (p.Labels["theirs"] != "yes" || p.Taints["pooled"] != "yes:PreferNoSchedule" || len(p.Taints) != 1) {
			t.Errorf("the pool bears %v and %v", p.Labels, p.Taints)
		}
	}
	if _, err := api.MergeWorkerPoolTaints(t.Context(), facts, poolID, nil, []string{"pooled"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.MergeWorkerPoolLabels(t.Context(), facts, poolID, nil, []string{"theirs"}); err != nil {
		t.Fatal(err)
	}
	for _, n := range r.nodes("edge") {
		r.edit(n.Name, func(n *corev1.Node) {
			delete(n.Labels, "other")
			n.Spec.Taints = nil
		})
	}
}

// A worker that is added or replaced is born an edge node, and one that a name
// was declared for is missed.
func testWorkersComeAndGo(t *testing.T, r *rig) {
	m := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	r.mustApply(m, nil)
	r.restart()
	if _, err := r.env.IKS.AddWorker(clusterName, "edge", "dal10"); err != nil {
		t.Fatal(err)
	}
	r.eventually("the new worker is there", func() error {
		if n := r.nodes("edge"); len(n) != 5 || !ready(&n[4]) {
			return &unexpected{"pool edge", "four ready nodes"}
		}
		return nil
	})
	r.wantDrift(m) // born with NoExecute; NoSchedule is not expected of it yet
	if m.NodeCount.ValueInt64() != 5 {
		t.Errorf("%v nodes", m.NodeCount)
	}

	names := byNames([]string{r.nodes("default")[0].Name, r.nodes("default")[1].Name}, onlyWarn)
	r.mustApply(names, nil)
	gone := r.nodes("default")[0].Name
	worker := ""
	for _, w := range r.env.IKS.Workers(clusterName) {
		if w.PrivateIP == gone {
			worker = w.ID
		}
	}
	if err := r.env.IKS.RemoveWorker(clusterName, worker); err != nil {
		t.Fatal(err)
	}
	r.eventually("the worker is gone", func() error {
		if n := r.nodes("default"); len(n) != 3 {
			return &unexpected{"pool default", "four nodes"}
		}
		return nil
	})
	r.wantDrift(names) // as safety_checks = "warn" says
	names.SafetyChecks = types.StringValue(checksEnforce)
	r.wantDrift(names, gone+": there is no such node")
	if err := r.apply(names, names); err == nil || !strings.Contains(err.Error(), "do not exist") {
		t.Errorf("apply says %v", err)
	}
}

// An import finds out what the pool declares, and does not take a pool for an
// edge pool that is none.
func testImport(t *testing.T, r *rig) {
	imported := func() (*model, framework.Observation) {
		m := &model{
			WorkerPool: types.StringValue("edge"),
			NodeNames:  types.SetNull(types.StringType), NodeSelector: types.MapNull(types.StringType), TaintEffects: types.SetNull(types.StringType),
			Drain: types.ObjectNull(drainTypes()),
		}
		o, err := r.part.Observe(t.Context(), r.find(), m, framework.Owner{})
		if err != nil {
			t.Fatal(err)
		}
		return m, o
	}
	if _, o := imported(); !o.Gone {
		t.Errorf("a plain pool is imported: %+v", o)
	}
	m := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	r.mustApply(m, nil)
	got, o := imported()
	if o.Gone || len(o.Drift) > 0 || !got.TaintEffects.Equal(m.TaintEffects) || !got.Drain.Equal(m.Drain) || !got.MinimumNodesPerZone.Equal(m.MinimumNodesPerZone) {
		t.Errorf("imported %+v: %+v", got, o)
	}
	missing := byPool("no-such-pool")
	if o := r.observe(missing); !o.Gone {
		t.Errorf("a pool that is not there: %+v", o)
	}
}
