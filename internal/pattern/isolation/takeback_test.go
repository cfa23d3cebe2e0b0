package isolation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// takenBack fails the confirmation of a new set: nothing of it is left.
func takenBack(t *testing.T, r *rig) {
	h := newHeld(r)
	stood := []string(nil)
	h.prove = refuted(func() { stood = r.titles(t) })
	watch := r.watch(t)
	text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, nil)))
	if !strings.Contains(text, "taken back") || !strings.Contains(text, "onnectivity is cut off") {
		t.Errorf("refused with %q", text)
	}
	set := titles(mustSet(t, declared(networkPrivate, nil), hints{}))
	if len(stood) != len(set) {
		t.Errorf("confirmed while there was %q", stood)
	}
	gone := slices.Clone(set)
	slices.Reverse(gone)
	if got := watch(); !slices.Equal(got, append(each("ADDED", set), each("DELETED", gone)...)) {
		t.Errorf("seen was %q", got)
	}
	if left := r.titles(t); len(left) > 0 {
		t.Errorf("left is %q", left)
	}

	// Without a confirmation nobody notices.
	h.MustApply(t, declared(networkPrivate, func(m *model) { m.Confirm = types.StringValue(confirmNone) }))
}

// takenBackLater does not confirm a change of a set that is in force: that set
// stays in force, as confirmed as it was, and the next apply makes the change.
func takenBackLater(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, before())
	stood := r.titles(t)
	interrupted := func(ctx context.Context) (context.Context, prove) {
		ctx, stop := context.WithCancel(ctx)
		return ctx, func(_ context.Context, c *kube.Client, _ time.Duration, _ func(string) bool) (after func(context.Context) error, failing []unproven) {
			return func(ctx context.Context) error {
				stop()
				return persist(ctx, c, nil, time.Hour, time.Hour)
			}, nil
		}
	}
	for name, c := range map[string]struct {
		change func(*model)
		fails  func(context.Context) (context.Context, prove)
		says   string
	}{
		"one that allows comes and one goes": {afterwards, nil, "onnectivity is cut off"},
		"one that allows changes":            {fewerPeers, nil, "onnectivity is cut off"},
		"it is interrupted":                  {afterwards, interrupted, "could not be found out"},
	} {
		ctx := t.Context()
		if h.prove = refuted(func() {}); c.fails != nil {
			ctx, h.prove = c.fails(ctx)
		}
		text := parttest.Refusal(t, h.Apply(ctx, declared(networkPrivate, c.change)))
		if !strings.Contains(text, c.says) || !strings.Contains(text, "as open as before") {
			t.Errorf("%s: refused with %q", name, text)
		}
		if left := r.titles(t); !slices.Equal(left, stood) {
			t.Errorf("%s: left is %q", name, left)
		}
		if found := h.Observe(t); found.Gone || len(found.Drift)+len(found.Missing) > 0 {
			t.Errorf("%s: observed %+v", name, found)
		}
	}
	h.prove = proven
	h.MustApply(t, declared(networkPrivate, afterwards))
}

// before is a set that is changed, to what afterwards makes of it: policies of
// each kind come, change and go.
func before() *model {
	return declared(networkPrivate, func(m *model) {
		m.Allow, m.Peers = stringSet([]string{allowVPN}), stringSet([]string{"10.8.0.0/16", "10.9.0.0/16"})
	})
}

func afterwards(m *model) {
	m.Allow, m.Peers = stringSet([]string{allowServices}), stringSet([]string{"10.9.0.0/16"})
}

func fewerPeers(m *model) {
	m.Allow, m.Peers = before().Allow, stringSet([]string{"10.9.0.0/16"})
}

// updatesBreakOff lets a change break off at each of its writes: the set that
// was in force is, as confirmed as it was.
func updatesBreakOff(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, before())
	stood, connected := r.titles(t), r.cluster
	for n := 1; ; n++ {
		ctx, cancel := r.breakingOff(t, n)
		err := h.Apply(ctx, declared(networkPrivate, afterwards))
		cancel()
		r.cluster = connected
		if err == nil {
			break
		}
		if now := r.titles(t); !slices.Equal(now, stood) {
			t.Fatalf("stopped after %d writes there is %q", n, now)
		}
		if found := h.Observe(t); found.Gone || len(found.Drift)+len(found.Missing) > 0 {
			t.Fatalf("stopped after %d writes: %+v", n, found)
		}
		if n > len(stood)+3 {
			t.Fatalf("after %d writes it still fails: %v", n, err)
		}
	}
}

// cannotGoBack lets nobody change policies any more once a change has failed:
// the cluster must not stay cut off, so what cuts off goes, and that is said.
func cannotGoBack(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, before())
	allow := func() {}
	defer func() { allow() }()
	h.prove = refuted(func() { allow = r.forbidUpdates(t) })
	text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, afterwards)))
	if !strings.Contains(text, "not isolated") || strings.Contains(text, "as open as before") {
		t.Errorf("refused with %q", text)
	}
	if left := r.titles(t); slices.Contains(left, "deny-all-private-default") || slices.Contains(left, "allow-egress-pods-private") || len(left) == 0 {
		t.Errorf("left is %q", left)
	}
}

// takenOverHalfWay lets an apply break off while it takes over a set that nobody
// has confirmed: what it says to have taken away is gone.
func takenOverHalfWay(t *testing.T, r *rig) {
	connected, opened := r.cluster, false
	for n := 1; ; n++ {
		dead := newHeld(r)
		dead.prove = killed()
		dead.applyAndDie(t, declared(networkPrivate, nil))
		ctx, cancel := r.breakingOff(t, n)
		err := newHeld(r).Apply(ctx, declared(networkPrivate, nil))
		cancel()
		r.cluster = connected
		if err == nil {
			break
		}
		if strings.Contains(err.Error(), "taken away at once") {
			opened = true
			if left := r.titles(t); slices.Contains(left, "deny-all-private-default") || slices.Contains(left, "allow-egress-pods-private") {
				t.Errorf("stopped after %d writes there is %q", n, left)
			}
		}
		r.clear(t)
	}
	if !opened {
		t.Error("no apply took anything away")
	}
}

// doorShut lets Calico's API server be what was cut off: the denial is taken
// back all the same.
func doorShut(t *testing.T, r *rig) {
	apis := r.others.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	before, err := apis.Get(t.Context(), "v3.projectcalico.org", metav1.GetOptions{})
	if err != nil {
		return // through v1 there is no such server
	}
	h := newHeld(r)
	h.prove = refuted(func() {
		patch := `{"spec":{"service":{"name":"nowhere"}}}`
		if _, err := apis.Patch(t.Context(), "v3.projectcalico.org", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	})
	text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, nil)))
	left := r.titles(t)
	if err := r.plane.SetCalicoAPI(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := r.plane.SetCalicoAPI(t.Context(), true); err != nil {
		t.Fatalf("%s: %v", before.GetName(), err)
	}
	if !strings.Contains(text, "taken back") || len(left) > 0 {
		t.Errorf("refused with %q, left is %q", text, left)
	}
}
