package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counter answers with how often it was asked.
type counter struct {
	asked atomic.Int32
	err   error
}

func (c *counter) ask(ctx context.Context) (int, error) {
	n := int(c.asked.Add(1))
	if c.err != nil {
		return 0, c.err
	}
	select {
	case <-time.After(time.Second):
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// newLook keeps answers for half a minute.
func newLook(c *counter) *look[int] {
	return &look[int]{now: time.Now, ask: c.ask, stale: func(_ int, age time.Duration) bool { return age > 30*time.Second }}
}

func TestLookIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		answers := make([]int, 10)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				n, err := l.get(t.Context())
				if err != nil {
					t.Error(err)
				}
				answers[i] = n
			})
		}
		all.Wait()
		if slices.Min(answers) != 1 || slices.Max(answers) != 1 || server.asked.Load() != 1 {
			t.Errorf("asked %d times, answers %v; want one question", server.asked.Load(), answers)
		}
	})
}

func TestLookGrowsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {20 * time.Second, 1}, {20 * time.Second, 2}} {
			time.Sleep(step.after)
			if n, err := l.get(t.Context()); err != nil || n != step.want {
				t.Errorf("after %s more: %d, %v; want %d", step.after, n, err, step.want)
			}
		}
	})
}

func TestLookForgetsFailures(t *testing.T) {
	t.Parallel()
	server := &counter{err: errors.New("no")}
	l := newLook(server)
	for range 2 {
		if _, err := l.get(t.Context()); err == nil {
			t.Error("want the failure")
		}
	}
	if n := server.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestLookOutlivesWhoAskedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		first, leave := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := l.get(first); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left: %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		both.Go(func() {
			if n, err := l.get(t.Context()); n != 1 || err != nil {
				t.Errorf("the other: %d, %v; want the first answer", n, err)
			}
		})
		synctest.Wait()
		leave()
		both.Wait()
	})
}

func TestLookStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		for i, want := range []int{1, 1, 2, 3} {
			if i == 2 {
				l.stop()
			}
			if n, err := l.get(t.Context()); n != want || err != nil {
				t.Errorf("look %d: %d, %v; want %d", i, n, err, want)
			}
		}
	})
}

// Of many whose token was refused, one has it renewed.
func TestLookDiscardsWhatIsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		for i, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {10 * time.Second, 2}, {0, 2}, {0, 2}} {
			time.Sleep(step.after)
			l.discard(5 * time.Second)
			if n, err := l.get(t.Context()); n != step.want || err != nil {
				t.Errorf("look %d: %d, %v; want %d", i, n, err, step.want)
			}
		}
	})
}
