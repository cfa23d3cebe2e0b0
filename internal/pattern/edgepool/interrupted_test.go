package edgepool

import (
	"context"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// Wherever a run is cut off, the next one brings it to its end, and a removal
// leaves nothing behind.
func testCutOffAnywhere(t *testing.T, r *rig) {
	r.deploy()
	m := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	for cut := 1; ; cut += 3 {
		r.restart()
		ended := r.cutOff(cut, func(ctx context.Context) error {
			return r.part.Apply(ctx, r.find(), framework.ApplyRequest[model]{Want: m, Warn: func(string, string) {}})
		})
		r.restart()
		r.mustApply(m, nil)
		for _, n := range r.nodes("edge") {
			if got := edgeTaints(&n); !isEdge(&n) || !slices.Equal(got, both()) || len(n.Annotations[heldAnnotation]) > 0 {
				t.Errorf("cut off at request %d: node %s bears %q", cut, n.Name, marks(&n))
			}
		}
		r.wantOn("default", app, "edge", false)
		r.restart()
		r.cutOff(cut, func(ctx context.Context) error {
			_, err := r.part.Remove(ctx, r.find(), m, framework.Owner{Known: true})
			return err
		})
		r.restart()
		r.mustRemove(m)
		r.wantMarks("edge", "")
		r.wantPool("edge", "", "")
		if ended || t.Failed() {
			t.Logf("cut off at every third of %d requests", cut)
			return
		}
		// The workloads come back onto the nodes, so that the next round has
		// something to drain.
		if err := r.client.CoreV1().Pods("default").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		r.eventually("the workloads are back", func() error {
			on := map[string]bool{}
			for _, node := range r.whereabouts("default", app) {
				on[node] = true
			}
			if len(on) < 6 {
				return &unexpected{"web", fmt.Sprint(on)}
			}
			return nil
		})
	}
}

// cutOff runs do and cancels it when so many requests were answered. It tells
// whether do came to its end.
func (r *rig) cutOff(requests int, do func(context.Context) error) bool {
	r.t.Helper()
	r.fleet.BeginApply()
	ctx, cancel := context.WithTimeout(r.t.Context(), stopAt)
	defer cancel()
	r.find()
	r.sent()
	r.mu.Lock()
	r.cutAt, r.cut = requests, cancel
	r.mu.Unlock()
	err := do(ctx)
	r.mu.Lock()
	r.cutAt, r.cut = 0, nil
	r.mu.Unlock()
	return err == nil && ctx.Err() == nil
}

// What somebody else sets on the pool after it was looked at is neither written
// over nor taken away.
func testForeignMarkMeanwhile(t *testing.T, r *rig) {
	api, facts, err := r.find().IKS("a test")
	if err != nil {
		t.Fatal(err)
	}
	theirs := func(label, taint bool) {
		t.Helper()
		poolID := r.nodes("edge")[0].Labels[poolIDLabel]
		if label {
			if _, err := api.MergeWorkerPoolLabels(t.Context(), facts, poolID, map[string]string{markKey: "gateway"}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if taint {
			if _, err := api.MergeWorkerPoolTaints(t.Context(), facts, poolID, map[string]iks.PoolTaint{markKey: {Value: "gateway", Effect: "NoExecute"}}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin := func(want, prior *model) *work {
		t.Helper()
		w, err := r.part.begin(t.Context(), r.find(), framework.ApplyRequest[model]{Want: want, Prior: prior})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	r.fleet.BeginApply()
	w := begin(byPool("edge"), nil)
	theirs(true, false)
	r.wantError(w.labelPool(t.Context()), "dedicated to something else", "dedicated=gateway")
	r.wantPool("edge", "gateway", "")
	w = begin(byPool("edge"), nil)
	theirs(false, true)
	r.wantError(w.taintPool(t.Context()), "dedicated to something else", "dedicated=gateway:NoExecute")
	r.wantPool("edge", "gateway", "gateway:NoExecute")

	poolID := r.nodes("edge")[0].Labels[poolIDLabel]
	wipe := func() {
		t.Helper()
		if _, err := api.MergeWorkerPoolLabels(t.Context(), facts, poolID, nil, []string{markKey}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.MergeWorkerPoolTaints(t.Context(), facts, poolID, nil, []string{markKey}); err != nil {
			t.Fatal(err)
		}
		r.eventually("the nodes are bare", func() error { return r.allBear("edge", "") })
	}
	wipe()
	m := byPool("edge")
	r.mustApply(m, nil)
	w = begin(byPool("default"), m)
	theirs(true, true)
	if err := w.releasePool(t.Context()); err != nil {
		t.Error(err)
	}
	r.wantPool("edge", "gateway", "gateway:NoExecute")
	for _, n := range r.nodes("edge") {
		r.edit(n.Name, func(n *corev1.Node) { unlabel(n); n.Spec.Taints = nil })
	}
	wipe()
}
