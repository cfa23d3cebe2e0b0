package cluster

import (
	"context"
	"sync"
	"time"
)

// look is one answer of the server that the reads of a refresh share: whoever
// comes first asks, the others wait for the same answer, and it is kept for
// factsLifetime. stop ends that for good.
type look[T any] struct {
	now func() time.Time

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

func (l *look[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	if l.off {
		l.mu.Unlock()
		return ask(ctx)
	}
	g := l.last
	if g == nil || g.stale(l.now()) {
		g = &glance[T]{done: make(chan struct{})}
		l.last = g
		// On a context of its own: whoever asked first may be cancelled, the
		// others still want the answer.
		go g.run(context.WithoutCancel(ctx), ask, l.now)
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

func (l *look[T]) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off, l.last = true, nil
}

func (g *glance[T]) run(ctx context.Context, ask func(context.Context) (T, error), now func() time.Time) {
	ctx, cancel := context.WithTimeout(ctx, lookupDeadline)
	defer cancel()
	defer close(g.done)
	// The age counts from the question: what happened since may be missing.
	g.at = now()
	g.answer, g.err = ask(ctx)
}

// stale tells whether to ask anew; a failure is never kept.
func (g *glance[T]) stale(now time.Time) bool {
	select {
	case <-g.done:
		return g.err != nil || now.Sub(g.at) > factsLifetime
	default:
		return false
	}
}
