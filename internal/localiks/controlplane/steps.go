package controlplane

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// steps tells somebody how long each step of a start took.
type steps struct {
	mu     sync.Mutex
	report func(step string, took time.Duration) // may be nil
}

// run does one step and reports it when it went well.
func (s *steps) run(name string, step func() error) error {
	began := time.Now()
	if err := step(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	took := time.Since(began)
	if s.report != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.report(name, took)
	}
	return nil
}

// startLimit bounds a start without the building of programs. It is far above
// what a start takes, also on a busy machine.
const startLimit = 3 * time.Minute

// pollInterval is how often a condition is looked at that nobody announces.
const pollInterval = 50 * time.Millisecond

// until repeats a check until it gives no error. When the context ends first,
// the error says why, and what was missing last.
func until(ctx context.Context, check func(ctx context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		missing := check(ctx)
		if missing == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(missing, cause) {
				return missing
			}
			return fmt.Errorf("%w; last: %w", cause, missing)
		}
	}
}
