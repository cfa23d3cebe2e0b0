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
	// ahead tells whether it should be asked for anew while it still serves, so
	// that nobody waits for it and a failure is nobody's. Nil means never.
	ahead func(answer T, age time.Duration) bool
	now   func() time.Time

	mu   sync.Mutex
	off  bool
	last *glance[T]
	next *glance[T] // asked ahead, the last one at least
}

// glance is one question, under way until done is closed.
type glance[T any] struct {
	done   chan struct{}
	at     time.Time // when it was put
	got    time.Time // when it was answered
	answer T
	err    error
}

const (
	// lookupDeadline bounds one question, retries included.
	lookupDeadline = 90 * time.Second
	// aheadPause is how long after a question ahead the next one may follow.
	aheadPause = 30 * time.Second
)

func (l *look[T]) get(ctx context.Context) (T, error) {
	l.mu.Lock()
	if l.off {
		l.mu.Unlock()
		return l.ask(ctx)
	}
	if l.next != nil && l.next.over() && l.next.err == nil {
		l.last, l.next = l.next, nil
	}
	g := l.last
	switch {
	case g != nil && !g.over():
	case g != nil && l.serves(g):
		if l.ahead != nil && l.ahead(g.answer, l.age(g)) && (l.next == nil || l.next.over() && l.age(l.next) > aheadPause) {
			l.next = l.begin(ctx)
		}
	case l.next != nil && !l.next.over():
		g, l.last, l.next = l.next, l.next, nil
	default:
		g = l.begin(ctx)
		l.last = g
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

// begin asks on a context of its own: whoever asked first may be cancelled, the
// others still want the answer.
func (l *look[T]) begin(ctx context.Context) *glance[T] {
	g := &glance[T]{done: make(chan struct{}), at: l.now()}
	go l.run(context.WithoutCancel(ctx), g)
	return g
}

// serves tells whether an answer that is there can still be given.
func (l *look[T]) serves(g *glance[T]) bool { return g.err == nil && !l.stale(g.answer, l.age(g)) }

// age counts from the question: what happened since may be missing.
func (l *look[T]) age(g *glance[T]) time.Duration { return l.now().Sub(g.at) }

// stop makes every get ask the server, for good.
func (l *look[T]) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off, l.last, l.next = true, nil, nil
}

// discard drops an answer that came longer ago than that, because it has proved wrong.
func (l *look[T]) discard(older time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && l.last.over() && l.now().Sub(l.last.got) > older {
		l.last = nil
	}
}

func (l *look[T]) run(ctx context.Context, g *glance[T]) {
	ctx, cancel := context.WithTimeout(ctx, lookupDeadline)
	defer cancel()
	defer close(g.done)
	g.answer, g.err = l.ask(ctx)
	g.got = l.now()
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
