package iks

import (
	"context"
	"sync"
)

// KeyedLocks are locks by name that a cancelled caller can leave. They are few
// (one per worker pool, one per cluster) and stay for the life of the process.
type KeyedLocks struct {
	mu    sync.Mutex
	locks map[string]chan struct{}
}

// NewKeyedLocks makes locks that are all open.
func NewKeyedLocks() *KeyedLocks { return &KeyedLocks{locks: map[string]chan struct{}{}} }

// Lock waits for the lock of key and gives the function that opens it.
func (k *KeyedLocks) Lock(ctx context.Context, key string) (unlock func(), err error) {
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
