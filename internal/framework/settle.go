package framework

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// driftPatience is how long something that was just written may look undone
// before it counts as undone by somebody else.
const driftPatience = 2 * time.Minute

// Pause between two observations while something is still missing: it grows
// from the first to the last, with jitter.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
)

// UnsettledError says that all was written, and that it is not in effect yet.
type UnsettledError struct {
	// Missing says what is still to come.
	Missing []string
	// Last is what the last look at the cluster failed with, nil if it worked.
	Last error
}

// Error lists what is missing.
func (u *UnsettledError) Error() string {
	if u.Last != nil {
		return fmt.Sprintf("it could not be verified: %v", u.Last)
	}
	return "still missing: " + strings.Join(u.Missing, "; ")
}

// Unwrap gives the error of the last look.
func (u *UnsettledError) Unwrap() error { return u.Last }

// UndoneError says that somebody changes back what was written.
type UndoneError struct {
	// Drift says what differs.
	Drift []string
}

// Error lists what differs.
func (u *UndoneError) Error() string {
	return "somebody keeps changing it back: " + strings.Join(u.Drift, "; ")
}

// settle observes until the cluster is what m declares, or ctx ends. It leaves
// what it saw last in m.
func (e *engine[M, P]) settle(ctx context.Context, c *cluster.Cluster, m *M, owner Owner) error {
	unsettled := &UnsettledError{Missing: []string{"a first look at the cluster"}}
	began := time.Now()
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		observed, err := e.part.Observe(ctx, c, m, owner)
		if observed.Gone {
			observed.Drift, observed.Missing = []string{"the object is gone again"}, nil
		}
		switch {
		case err == nil && observed.settled():
			return nil
		case err == nil && len(observed.Drift) > 0 && len(observed.Missing) == 0 && time.Since(began) > driftPatience:
			return &UndoneError{Drift: observed.Drift}
		case err == nil:
			unsettled.Last = nil
			unsettled.Missing = append(observed.Drift, observed.Missing...)
		case ctx.Err() == nil:
			unsettled.Last = err
			if final(err) {
				return unsettled
			}
		}
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.Canceled) {
				unsettled.Last = context.Canceled
			}
			return unsettled
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// final tells the errors that waiting does not mend.
func final(err error) bool {
	_, refused := AsRefusal(err)
	return refused || iks.IsForbidden(err) || iks.IsUnauthorized(err) || iks.IsNotFound(err) || cluster.IsNotFound(err) ||
		apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}
