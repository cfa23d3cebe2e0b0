package edgepool

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// A node without the mark has lost it, unless it did not have it before.
func TestLossWatch(t *testing.T) {
	t.Parallel()
	has, lost, never := aNode("has", tainted("dedicated=edge:NoSchedule")), aNode("lost"), aNode("never")
	begin := []corev1.Node{has, aNode("lost", tainted("dedicated=edge:NoSchedule")), never}
	now := []corev1.Node{has, lost, never}
	l := watchLosses([]loss{{scope: pool("p1"), effect: noSchedule}}, begin)
	pending := func() string {
		names := ""
		for _, n := range now {
			if l.pending([]corev1.Node{n}) {
				names += n.Name + " "
			}
		}
		return names
	}
	if got := pending(); got != "has lost never " {
		t.Errorf("to begin with %q are pending", got)
	}
	l.see(now)
	if got := pending(); got != "has never " {
		t.Errorf("before the marks are given %q are pending", got)
	}
	l.given()
	l.see(now)
	if got := pending(); got != "has " {
		t.Errorf("after the marks were given %q are pending", got)
	}
}

// IKS may have taken the pool's former taint off the nodes before they are given
// all that is declared: then nothing is waited for.
func testIKSIsFaster(t *testing.T, r *rig) {
	before := byPool("edge", withEffects("NoSchedule"))
	r.mustApply(before, nil)
	after := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	r.fleet.BeginApply()
	w, err := r.part.begin(t.Context(), r.find(), framework.ApplyRequest[model]{Want: after, Prior: before})
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	losses := watchLosses(w.losses(), s.nodes)
	if err := w.taintPool(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.eventually("IKS has brought the other taint", func() error { return r.allBear("edge", "edge dedicated=edge:NoExecute") })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.close(ctx, s.nodes, losses); err != nil {
		t.Errorf("it waits for what has been: %v", err)
	}
	if err := r.allBear("edge", "edge dedicated=edge:NoExecute dedicated=edge:NoSchedule"); err != nil {
		t.Error(err)
	}
	r.mustRemove(after)
	r.wantMarks("edge", "")
}

// Both effects on a pool: IKS keeps one, the nodes get the other.
func testBothEffectsOnAPool(t *testing.T, r *rig) {
	m := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	r.mustApply(m, nil)
	r.wantPool("edge", "edge", "edge:NoExecute")
	for _, n := range r.nodes("edge") {
		if got := edgeTaints(&n); !slices.Equal(got, both()) {
			t.Errorf("node %s bears %v", n.Name, got)
		}
	}
	r.mustApply(byPool("edge", withEffects("NoSchedule", "NoExecute")), m)

	less := byPool("edge", withEffects("NoSchedule"))
	r.mustApply(less, m)
	r.wantPool("edge", "edge", "edge:NoSchedule")
	r.eventually("NoExecute goes", func() error { return r.allBear("edge", "edge dedicated=edge:NoSchedule") })

	more := byPool("edge", withEffects("NoSchedule", "NoExecute"))
	r.mustApply(more, less) // NoSchedule moves from the pool to the nodes
	r.wantPool("edge", "edge", "edge:NoExecute")
	for _, n := range r.nodes("edge") {
		if got := edgeTaints(&n); !slices.Equal(got, both()) {
			t.Errorf("node %s bears %v", n.Name, got)
		}
	}
	r.mustRemove(more)
	r.wantMarks("edge", "")
}
