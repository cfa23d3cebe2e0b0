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

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
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

// What is asked ahead keeps nobody waiting, and fails for nobody while the
// answer that is there still serves.
func TestLookAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		l.ahead = func(_ int, age time.Duration) bool { return age > 20*time.Second }
		no := errors.New("no")
		for i, step := range []struct {
			after time.Duration
			err   error // of the server
			want  int
			asked int32 // questions so far, when all are answered
		}{
			{after: 0, want: 1, asked: 1},
			{after: 10 * time.Second, want: 1, asked: 1},
			{after: 12 * time.Second, want: 1, asked: 2},
			{after: time.Second, want: 2, asked: 2},
			{after: 25 * time.Second, err: no, want: 2, asked: 3},
			{after: time.Second, err: no, want: 2, asked: 3}, // not again at once
			{after: 10 * time.Second, want: 4, asked: 4},     // the old one is over
		} {
			time.Sleep(step.after)
			server.err = step.err
			began := time.Now()
			n, err := l.get(t.Context())
			if n != step.want || err != nil {
				t.Errorf("step %d: %d, %v; want %d", i, n, err, step.want)
			}
			if waited := time.Since(began); waited > 0 && n != int(step.asked) {
				t.Errorf("step %d: waited %s for an old answer", i, waited)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if asked := server.asked.Load(); asked != step.asked {
				t.Errorf("step %d: asked %d times, want %d", i, asked, step.asked)
			}
		}
	})
}

// Who comes when the old answer is over waits for the one that is under way.
func TestLookAheadIsJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &counter{}
		l := newLook(server)
		l.ahead = func(_ int, age time.Duration) bool { return age > 20*time.Second }
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {29 * time.Second, 1}, {500 * time.Millisecond, 2}} {
			time.Sleep(step.after)
			if n, err := l.get(t.Context()); n != step.want || err != nil {
				t.Errorf("%d, %v; want %d", n, err, step.want)
			}
		}
		if asked := server.asked.Load(); asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
	})
}

func TestEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		left, age time.Duration
		want      bool
	}{
		"fresh":                            {time.Hour, 0, false},
		"five minutes and a second":        {5*time.Minute + time.Second, 55 * time.Minute, false},
		"five minutes":                     {5 * time.Minute, 55 * time.Minute, true},
		"over":                             {-time.Second, time.Hour, true},
		"a short life, fresh":              {4 * time.Minute, 0, false},
		"a short life, its last quarter":   {time.Minute, 3 * time.Minute, true},
		"over as it came: the clock is it": {-time.Hour, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ends(iks.Access{TokenExpiry: now.Add(test.left)}, now, test.age, 5*time.Minute); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
	if ends(iks.Access{}, now, time.Hour, time.Minute) {
		t.Error("a token whose end is not known ends")
	}
}

// An answer that was long in coming is not old when it is there.
func TestLookKeepsWhatCameJustNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		l := &look[int]{now: time.Now, stale: func(int, time.Duration) bool { return false }, ask: func(context.Context) (int, error) {
			time.Sleep(6 * time.Second)
			asked++
			return asked, nil
		}}
		for range 2 {
			if n, err := l.get(t.Context()); n != 1 || err != nil {
				t.Errorf("%d, %v; want the first answer", n, err)
			}
			l.discard(5 * time.Second)
		}
	})
}
