package framework

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// removed is a part whose object somebody removes, so many times.
type removed struct {
	Part[anyModel]
	times, applied int
}

func (r *removed) Apply(context.Context, *cluster.Cluster, ApplyRequest[anyModel]) error {
	r.applied++
	return nil
}

func (r *removed) Observe(context.Context, *cluster.Cluster, *anyModel, Owner) (Observation, error) {
	return Observation{Gone: r.applied <= r.times}, nil
}

// What somebody removes while it is waited for is made once more, and not waited
// for until the time is up.
func TestRemovedWhileItIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		times, applied int
		undone         bool
	}{
		"once":  {1, 2, false},
		"twice": {2, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				part := &removed{times: test.times}
				e := &engine[anyModel, *anyModel]{part: part, provider: &Provider{}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				left, err := e.bringAbout(ctx, nil, ApplyRequest[anyModel]{Want: &anyModel{}})
				if undone := errors.As(err, new(*UndoneError)); left != something || undone != test.undone || undone != (err != nil) {
					t.Errorf("left %d, %v", left, err)
				}
				if part.applied != test.applied || time.Since(began) > 3*driftPatience {
					t.Errorf("applied %d times in %s", part.applied, time.Since(began))
				}
			})
		})
	}
}
