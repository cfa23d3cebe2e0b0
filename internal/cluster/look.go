package cluster

import (
	"context"
	"sync"
	"time"
)

// look is one answer that many callers share: whoever comes first asks, the
// others wait for the same answer, and it is kept until it is stale. A failure
// is shared by those who waited for it and never kept.
type look[T any] struct {
	// ask asks the server.
	ask func(context.Context) (T, error)
	// stale tells whether an answer of that age, counted from the question,
	// must be asked for anew.
	stale func(answer T, age time.Duration) bool
	now   func() time.Time

	mu   sync.Mutex
	off  bool
	last *glance[T]
}

// glance is one question, under way until done is closed.
type glance[T any] struct {
	done   chan struct{}
	at     time.Time
	answer T
	err    error
}

// lookupDeadline bounds one question, retries included.
const lookupDeadline = 90 * time.Second

func (l *look[T]) get(ctx context.Context) (T, error) {
	l.mu.Lock()
	if l.off {
		l.mu.Unlock()
		return l.ask(ctx)
	}
	g := l.last
	if g == nil || g.over() && (g.err != nil || l.stale(g.answer, l.now().Sub(g.at))) {
		// The age counts from the question: what happened since may be missing.
		g = &glance[T]{done: make(chan struct{}), at: l.now()}
		l.last = g
		// On a context of its own: whoever asked first may be cancelled, the
		// others still want the answer.
		go g.run(context.WithoutCancel(ctx), l.ask)
	}
	l.mu.Unlock()
	select {
	case <-g.done:
		return g.answer, g.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// stop makes every get ask the server, for good.
func (l *look[T]) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off, l.last = true, nil
}

// discard drops an answer that is older than that, because it has proved wrong.
func (l *look[T]) discard(older time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && l.last.over() && l.now().Sub(l.last.at) > older {
		l.last = nil
	}
}

func (g *glance[T]) run(ctx context.Context, ask func(context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(ctx, lookupDeadline)
	defer cancel()
	defer close(g.done)
	g.answer, g.err = ask(ctx)
}

// over tells whether the question is answered.
func (g *glance[T]) over() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}
