package edgepool

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func classicWithoutALBs() fakeiks.Cluster {
	spec := localiks.SampleCluster(clusterName, fakeiks.Classic)
	spec.NoALBs = true
	return spec
}

func (r *rig) wantError(err error, parts ...string) {
	r.t.Helper()
	if err == nil {
		r.t.Fatalf("no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			r.t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

// A disruption budget holds the drain up: nothing is evicted against it, the
// nodes stay closed, and the next apply carries on.
func testDrainHeldUpByABudget(t *testing.T, r *rig) {
	r.deploy()
	r.budget()
	m := byPool("edge", draining("2s", drainFail))

	r.wantError(r.apply(m, nil), "draining", "default/web-", "disruption budget", "on_timeout")
	if on := r.whereabouts("default", app); len(on) != 8 {
		t.Errorf("%d pods are left", len(on))
	}
	r.wantPool("edge", "edge", "")
	r.eventually("the pool's label arrives", func() error { return r.allBear("edge", "edge dedicated=edge:NoSchedule held") })
	r.wantDriftContains(m, "worker pool edge: taint dedicated=edge:NoExecute missing", "still closed for a drain")
	m.Ready = types.BoolValue(false)
	for range 2 { // as often as somebody plans
		r.wantDriftContains(m, neverReady)
		m.Drift = framework.StringList(r.observe(m).Drift)
		if m.proven() {
			t.Errorf("a creation that was cut off counts as one that was ready: %v", m.Drift)
		}
	}

	if err := r.client.PolicyV1().PodDisruptionBudgets("default").Delete(t.Context(), app, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	again := byPool("edge", draining("1m", drainFail))
	r.mustApply(again, m)
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
	r.wantOn("default", app, "edge", false)
	r.mustRemove(again)
	r.wantMarks("edge", "")
	r.wantNoTraces()
}

func (r *rig) wantDriftContains(m *model, want ...string) {
	r.t.Helper()
	r.restart()
	got := strings.Join(r.observe(m).Drift, "\n")
	for _, part := range want {
		if !strings.Contains(got, part) {
			r.t.Errorf("drift does not say %q:\n%s", part, got)
		}
	}
}

// With on_timeout = "continue" time beats the budget, and that is said.
func testDrainContinues(t *testing.T, r *rig) {
	r.deploy()
	r.budget()
	r.mustApply(byPool("edge", draining("1s", drainContinue)), nil)
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
	if len(r.warned) != 1 || !strings.Contains(r.warned[0], "Pods did not leave in time") || !strings.Contains(r.warned[0], "default/web-") {
		t.Errorf("warned %q", r.warned)
	}
	r.eventually("the taint moves the pods", func() error {
		on := r.whereabouts("default", app)
		for _, n := range r.nodes("edge") {
			if slices.Contains(on, n.Name) {
				return &unexpected{n.Name, "a pod"}
			}
		}
		return nil
	})
}

// Refusals come before anything is written.
func testRefusalsWriteNothing(t *testing.T, r *rig) {
	edge := r.nodes("edge")
	for _, test := range []struct {
		name       string
		make, undo func()
		m          *model
		want       string
	}{
		{
			"a cordoned node", func() { r.edit(edge[0].Name, cordoned) }, func() { r.edit(edge[0].Name, func(n *corev1.Node) { n.Spec.Unschedulable = false }) },
			byPool("edge"), "There would be too few edge nodes",
		},
		{
			"a gateway node", func() { r.edit(edge[0].Name, labelled(markKey, "gateway")) }, func() { r.edit(edge[0].Name, unlabel) },
			byNames([]string{edge[0].Name}), "label dedicated=gateway",
		},
		{"a node that is not there", func() {}, func() {}, byNames([]string{"10.9.9.9"}), "no node named 10.9.9.9"},
		{"a selector that matches nothing", func() {}, func() {}, bySelector("team", "nobody"), "There is no node to become an edge node"},
		{"a pool that is not there", func() {}, func() {}, byPool("nope"), "The worker pool does not exist"},
		{"all nodes", func() {}, func() {}, bySelector("kubernetes.io/os", "linux"), "nowhere to run"},
	} {
		test.make()
		r.sent()
		r.env.IKS.ResetRequests()
		err := r.apply(test.m, nil)
		if _, refused := framework.AsRefusal(err); !refused {
			t.Errorf("%s: %v is no refusal", test.name, err)
		}
		r.wantError(err, test.want)
		if writes := r.sent().writes(); len(writes) > 0 {
			t.Errorf("%s: wrote %v", test.name, writes)
		}
		for _, request := range r.env.IKS.Requests() {
			if strings.HasPrefix(request.Path, "/v2/setWorkerPool") {
				t.Errorf("%s: wrote %s", test.name, request.Path)
			}
		}
		test.undo()
	}
}

// What changes while load balancers move is noticed before nodes are closed.
func testChecksAgainBeforeItCloses(t *testing.T, r *rig) {
	name := r.nodes("edge")[0].Name
	r.env.IKS.ResetRequests()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r.env.IKS.Count("POST", "/v2/alb/updateAlb") == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		r.edit(name, cordoned)
	}()
	r.wantError(r.apply(byPool("edge"), nil), "There would be too few edge nodes")
	<-done
	r.wantPool("edge", "edge", "")
	for _, n := range r.nodes("edge") {
		if len(edgeTaints(&n)) > 0 {
			t.Errorf("node %s is closed: %q", n.Name, marks(&n))
		}
	}
	if !r.autoUpdate() {
		t.Error("ALBs are not updated automatically any more")
	}
	r.edit(name, func(n *corev1.Node) { n.Spec.Unschedulable = false })
	r.mustApply(byPool("edge"), nil)
	r.eventually("all nodes are edge nodes", func() error { return r.allBear("edge", "edge dedicated=edge:NoExecute") })
}

// IKS refuses to redeploy an ALB: the automatic update is on again, and the
// next apply carries on.
func testRedeployFails(t *testing.T, r *rig) {
	repair := r.env.IKS.Fail(fakeiks.Fault{Method: "POST", Path: "/v2/alb/updateAlb", Status: http.StatusConflict, Skip: 1})
	r.wantError(r.apply(byPool("edge"), nil), "redeploying ALB")
	r.wantPool("edge", "edge", "")
	if !r.autoUpdate() {
		t.Error("ALBs are not updated automatically any more")
	}
	r.wantNoTraces()
	repair()
	r.restart()
	r.mustApply(byPool("edge"), nil)
	r.wantALBs("edge", true)
}

// IKS does not turn the automatic update off. Where it refuses to, nothing is
// left that would turn it on again after its owner has turned it off; where
// nobody knows whether it has, it is turned on again.
func testAutoUpdateIsNotTurnedOff(t *testing.T, r *rig) {
	for name, fault := range map[string]fakeiks.Fault{
		"refused": {Status: http.StatusForbidden},
		"unknown": {Status: http.StatusInternalServerError, Served: true, Times: 1, RetryAfter: time.Hour},
	} {
		fault.Method, fault.Path = "PUT", "/v1/alb/clusters/*/updatepolicy"
		repair := r.env.IKS.Fail(fault)
		r.env.IKS.ResetRequests()
		err := r.apply(byPool("edge"), nil)
		repair()
		r.wantError(err, "setting the ALB update policy")
		if asked := r.env.IKS.Count(fault.Method, fault.Path); asked != map[string]int{"refused": 1, "unknown": 2}[name] {
			t.Errorf("%s: IKS was asked %d times", name, asked)
		}
		if !r.autoUpdate() {
			t.Errorf("%s: ALBs are not updated automatically any more", name)
		}
		r.wantNoTraces()
		r.restart()
	}
}

// A run that was killed while ALBs were redeployed left the automatic update
// off: whatever runs next turns it on again.
func testKilledWhileRedeploying(t *testing.T, r *rig) {
	m := byPool("edge")
	r.mustApply(m, nil)
	for _, next := range []func(){
		func() { r.mustApply(byPool("edge"), m) },
		func() { r.mustRemove(m) },
	} {
		r.restart()
		c := r.find()
		conn, err := c.Kube(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		killed := &relocator{cluster: c, kube: conn, turns: newTurns(), sent: func(err error) error { return err }}
		if err := killed.suspendAutoUpdate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.autoUpdate() {
			t.Fatal("nothing to show: the automatic update is on")
		}
		r.wantDriftContains(m, "the automatic update of ALBs is off")
		next()
		if !r.autoUpdate() {
			t.Error("the automatic update is still off")
		}
	}
	r.wantNoTraces()
}

// A cluster whose ALBs are not updated automatically stays one.
func testAutoUpdateStaysOff(t *testing.T, r *rig) {
	api, facts, err := r.find().IKS("a test")
	if err != nil {
		t.Fatal(err)
	}
	if err := api.SetALBAutoUpdate(t.Context(), facts, false); err != nil {
		t.Fatal(err)
	}
	m := byPool("edge")
	r.mustApply(m, nil)
	if r.autoUpdate() {
		t.Error("the automatic update was turned on")
	}
	if _, err := r.client.CoreV1().ConfigMaps(albNamespace).Get(t.Context(), recordName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the record is there: %v", err)
	}
	r.mustRemove(m)
	if r.autoUpdate() {
		t.Error("the automatic update was turned on")
	}
	r.wantNoTraces()
	if err := api.SetALBAutoUpdate(t.Context(), facts, true); err != nil {
		t.Fatal(err)
	}
}

// Two edge pools are applied at once: both end up right, and ALBs are
// redeployed by one at a time.
func testTwoPoolsAtOnce(t *testing.T, r *rig) {
	r.fleet.BeginApply()
	ctx, cancel := context.WithTimeout(t.Context(), stopAt)
	defer cancel()
	c := r.find()
	failed := make(chan error, 2)
	for _, name := range []string{"edge", "edge2"} {
		go func() {
			failed <- r.part.Apply(ctx, c, framework.ApplyRequest[model]{Want: byPool(name), Warn: func(string, string) {}})
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"edge", "edge2"} {
		r.eventually(name+" is edge", func() error { return r.allBear(name, "edge dedicated=edge:NoExecute") })
	}
	if !r.autoUpdate() {
		t.Error("ALBs are not updated automatically any more")
	}

	r.mustRemove(byPool("edge"))
	r.wantMarks("edge", "")
	r.wantMarks("edge2", "edge dedicated=edge:NoExecute")
	r.wantALBs("edge2", true)
	r.mustRemove(byPool("edge2"))
	r.wantALBs("edge2", false)
	r.wantNoTraces()
}

// A cluster that IKS does not know, seen by somebody who may look at nodes
// only: a plan says what it could not see.
func testDirectClusterAndFewRights(t *testing.T, r *rig) {
	certificate, key, err := r.cluster.ClientCertificate("onlooker")
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "onlooker"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"nodes", "namespaces"}, Verbs: []string{"get", "list"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "onlooker"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "onlooker"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "onlooker"}},
	}
	if _, err := r.client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	admin, adminKey := r.cluster.AdminCertificate()
	direct := func(certificate, key []byte) func() (kube.Access, error) {
		return func() (kube.Access, error) {
			return kube.Access{Host: r.cluster.Server(), CACertificate: r.cluster.CACertificate(), ClientCertificate: certificate, ClientKey: key}, nil
		}
	}
	fleet := cluster.NewFleet(cluster.Options{Direct: map[string]func() (kube.Access, error){"onlooker": direct(certificate, key), "admin": direct(admin, adminKey)}})
	onlooker, err := fleet.Find(t.Context(), "onlooker")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{r.nodes("edge")[0].Name, r.nodes("edge")[1].Name}
	said, err := r.part.Preview(t.Context(), onlooker, framework.PreviewRequest[model]{Want: byNames(names, onlyWarn)})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(said, "\n")
	for _, part := range []string{"2 nodes get", "This identity may not see", "which pods would have to leave", "which load balancers there are"} {
		if !strings.Contains(text, part) {
			t.Errorf("the plan does not say %q:\n%s", part, text)
		}
	}
	if said, err := r.part.Preview(t.Context(), onlooker, framework.PreviewRequest[model]{Want: byPool("edge")}); err == nil {
		t.Errorf("a worker pool of a cluster that IKS does not know: %q", said)
	}

	c, err := fleet.Find(t.Context(), "admin")
	if err != nil {
		t.Fatal(err)
	}
	m := byNames(names, onlyWarn)
	if err := r.part.Apply(t.Context(), c, framework.ApplyRequest[model]{Want: m, Warn: func(string, string) {}}); err != nil {
		t.Fatal(err)
	}
	o, err := r.part.Observe(t.Context(), c, m, framework.Owner{Known: true})
	if err != nil || len(o.Drift)+len(o.Missing) > 0 {
		t.Errorf("observed %+v, %v", o, err)
	}
	if warnings, err := r.part.Remove(t.Context(), c, m, framework.Owner{Known: true}); err != nil || len(warnings) > 0 {
		t.Errorf("removed with %q, %v", warnings, err)
	}
	r.wantMarks("edge", "")
}
