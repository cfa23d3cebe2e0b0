package acctest

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// fromPlanToDestroy is the life of a resource in one workspace. Each plan is
// applied by another provider than the one that made it, the first one by one in
// a process of its own.
func (l *life) fromPlanToDestroy() {
	before := TakeSnapshot(l.t, l.c)
	viewer := ProviderBlockFor(l.e, localiks.ViewerAPIKey) + l.r.block(quoted(l.r.Cluster), l.r.Arguments)
	l.w = NewWorkspace(l.t, viewer)
	l.step("read-only identity at plan", func(t *testing.T) {
		l.e.IKS.ResetRequests()
		l.w.expect(l.w.must(l.w.Plan()), l.r.address(), "create")
		l.wroteNothing(t)
		l.unchanged(t, before, "a plan changed the cluster")
	})
	l.step("create", func(t *testing.T) {
		l.w.Write(l.config(l.r.Arguments))
		l.w.starts = true
		l.plannedThenApplied("create")
		l.w.starts = false
		l.w.MustPlanEmpty()
		if ready := l.w.Attributes(l.r.address())["ready"]; ready != true {
			t.Errorf("ready is %v", ready)
		}
	})
	l.step("read-only identity at the next plan", func(*testing.T) {
		l.w.Write(viewer + l.r.dependent())
		l.w.MustPlanEmpty()
		l.w.Write(l.config(l.r.Arguments))
	})
	for _, b := range l.r.Breaks {
		l.step("drift: "+b.Name, func(t *testing.T) { l.drifts(t, b) })
	}
	if l.r.Vanish != nil {
		l.step("disappears", func(t *testing.T) {
			l.r.Vanish(t, l.c)
			l.w.expect(l.w.MustApply(), l.r.address(), "create")
			l.w.MustPlanEmpty()
		})
	}
	if l.r.Changed != "" {
		l.step("update in place", func(*testing.T) {
			l.w.Write(l.config(l.r.Changed))
			l.onlyUpdates(l.plannedThenApplied("update"))
			l.w.MustPlanEmpty()
		})
	}
	l.step("destroy", func(t *testing.T) {
		l.plannedThenApplied("delete", "-destroy")
		if l.w.Attributes(l.r.address()) != nil {
			t.Error("the resource is still in the state")
		}
		if l.r.RestoresOnDestroy {
			l.unchanged(t, before, "destroy left the cluster changed")
		}
	})
}

// plannedThenApplied plans with one provider and applies with another.
func (l *life) plannedThenApplied(action string, args ...string) Result {
	l.w.t.Helper()
	file := filepath.Join(l.w.dir, "saved")
	planned := l.w.must(l.w.Plan(append(args, "-out", file)...))
	l.w.expect(planned, l.r.address(), action)
	l.w.must(l.w.Run("apply", file))
	return planned
}

// onlyUpdates fails the test if anything but the resource alone is to be updated.
func (l *life) onlyUpdates(planned Result) {
	l.w.t.Helper()
	l.w.expect(planned, l.r.address(), "update")
	for _, c := range planned.Planned {
		if c.Address != l.r.address() && !slices.Contains([]string{"noop", "no-op", "read"}, c.Action) {
			l.w.t.Errorf("%s is to be planned as %s with the update of %s", c.Address, c.Action, l.r.address())
		}
	}
}

// drifts breaks the resource: an apply says so, as people read it, and heals it.
func (l *life) drifts(t *testing.T, b Break) {
	// A pool that was just written reaches its nodes some time later, and would
	// mend what is broken before then.
	Eventually(t, "the nodes have what their pools want", func() error {
		if !l.c.Cloud.Settled() {
			return errors.New("IKS is still bringing it")
		}
		return nil
	})
	b.Do(t, l.e, l.c)
	healed := l.w.must(l.w.ApplyShown())
	if !strings.Contains(healed.Output, strings.Trim(quoted(b.Sentence), `"`)) {
		t.Errorf("the plan does not say %q:\n%s", b.Sentence, healed.Output)
	}
	l.onlyUpdates(healed)
	l.w.MustPlanEmpty()
}

// wroteNothing fails the test if IKS was asked for more than reading.
func (l *life) wroteNothing(t *testing.T) {
	t.Helper()
	for _, request := range l.e.IKS.Requests() {
		harmless := request.Method == "GET" || strings.HasPrefix(request.Path, "/identity/") ||
			slices.Contains([]string{"/v2/applyRBACAndGetKubeconfig", "/tokenreview"}, request.Path)
		if !harmless {
			t.Errorf("a plan sent %s %s", request.Method, request.Path)
		}
	}
}
