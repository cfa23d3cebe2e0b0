package iks

import (
	"context"
	"sync"
)

// keyedLocks are locks by name that a cancelled caller can leave. They are few
// (one per worker pool) and stay for the life of the client.
type keyedLocks struct {
	mu    sync.Mutex
	locks map[string]chan struct{}
}

func newKeyedLocks() *keyedLocks { return &keyedLocks{locks: map[string]chan struct{}{}} }

// lock waits for the lock of key and gives the function that opens it.
func (k *keyedLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	held, known := k.locks[key]
	if !known {
		held = make(chan struct{}, 1)
		k.locks[key] = held
	}
	k.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
