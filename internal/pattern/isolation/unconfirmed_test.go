package isolation

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// killed is a proof that the provider does not live to see the end of. Before
// it, that did not work.
func killed(failing ...unproven) prove {
	return func(context.Context, *kube.Client, time.Duration, func(string) bool) (after func(context.Context) error, unproven []unproven) {
		return func(context.Context) error {
			runtime.Goexit()
			return nil
		}, failing
	}
}

// applyAndDie applies until the proof kills it: no state is kept.
func (h *held) applyAndDie(t *testing.T, want *model) {
	t.Helper()
	var process sync.WaitGroup
	process.Go(func() {
		err := h.Apply(t.Context(), want)
		t.Errorf("the apply lived on: %v", err)
	})
	process.Wait()
}

// asked is a proof that remembers what had to work after an apply that was cut off.
func asked(about string, said *[]bool) prove {
	return func(_ context.Context, _ *kube.Client, _ time.Duration, earlier func(string) bool) (after func(context.Context) error, unproven []unproven) {
		*said = append(*said, earlier(about))
		return func(context.Context) error { return nil }, nil
	}
}

// killedBeforeConfirming: what no apply has confirmed is seen by the next plan,
// and the next apply confirms it or takes it back.
func killedBeforeConfirming(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, declared(networkPrivate, nil))
	vpn := func(m *model) { m.Allow = stringSet([]string{allowVPN}) }
	stood := r.titles(t)

	h.prove = killed(unproven{"a log", context.DeadlineExceeded})
	h.applyAndDie(t, declared(networkPrivate, vpn))
	if now := r.titles(t); len(now) != len(stood)+1 {
		t.Fatalf("killed, it left %q", now)
	}
	before := h.State
	h.State = declared(networkPrivate, vpn)
	found := h.Observe(t)
	if len(found.Drift) > 0 || len(found.Missing) != 1 || !strings.Contains(found.Missing[0], "allow-egress-pods-private: it is not confirmed") {
		t.Errorf("observed %+v", found)
	}
	h.State = before

	var had []bool
	h.prove = asked("a log", &had)
	h.MustApply(t, declared(networkPrivate, vpn))
	h.prove = killed()
	h.applyAndDie(t, declared(networkPrivate, nil))
	h.prove = asked("a log", &had)
	h.MustApply(t, declared(networkPrivate, nil))
	h.MustApply(t, declared(networkPrivate, nil)) // is confirmed already
	if !slices.Equal(had, []bool{false, true}) {
		t.Errorf("whether a log must work was %v", had)
	}

	h.prove = killed()
	h.applyAndDie(t, declared(networkPrivate, vpn))
	h.prove = refuted(func() {})
	if text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, vpn))); !strings.Contains(text, "taken back") {
		t.Errorf("refused with %q", text)
	}
	if left := r.titles(t); slices.Contains(left, "deny-all-private-default") || slices.Contains(left, "allow-egress-pods-private") {
		t.Errorf("left is %q", left)
	}
	h.MustRemove(t)

	// A set of which no state tells, as it was killed while it was made.
	h = newHeld(r)
	h.Owner.Stamp = "of-the-killed"
	h.prove = killed()
	h.applyAndDie(t, declared(networkPublic, nil))
	h = newHeld(r)
	h.prove = refuted(func() {})
	parttest.Refusal(t, h.Apply(t.Context(), declared(networkPublic, nil)))
	if left := r.titles(t); slices.Contains(left, "deny-all-outbound-public") || slices.Contains(left, "allow-egress-pods-public") {
		t.Errorf("left is %q", left)
	}
}
