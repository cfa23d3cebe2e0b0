package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// WaitOptions tune [Wait]. The zero value is good.
type WaitOptions struct {
	// First is the pause after the first look. It grows to Max. Defaults: 200 ms and 5 s.
	First, Max time.Duration
	// Progress, if set, is told the state after each look at which it changed.
	Progress func(state string)
}

// WaitError says that a wait ended, because of its context, before the condition held.
type WaitError struct {
	// State is what the last look found, for example "2 of 3 nodes have the taint". Empty if no look succeeded.
	State string
	// Err is the context's error, and with it that of the last look if it failed.
	Err error
}

func (e *WaitError) Error() string {
	if e.State == "" {
		return fmt.Sprintf("stopped waiting: %v", e.Err)
	}
	return fmt.Sprintf("stopped waiting: %s (%v)", e.State, e.Err)
}

// Unwrap gives the cause, so that errors.Is finds context.DeadlineExceeded.
func (e *WaitError) Unwrap() error { return e.Err }

// Wait looks again and again, with growing pauses and jitter, until the condition holds or ctx ends. Look says whether
// it holds and describes the state in a few words. An error of look that may pass by itself (server unreachable,
// overloaded or restarting) is waited through, every other one ends the wait and is returned as it is. When ctx ends,
// the error is a *WaitError.
func Wait(ctx context.Context, o WaitOptions, look func(context.Context) (done bool, state string, err error)) error {
	pause := backoff{first: o.First, limit: o.Max}
	if pause.first <= 0 {
		pause.first = 200 * time.Millisecond
	}
	if pause.limit <= 0 {
		pause.limit = 5 * time.Second
	}
	last := ""
	for attempt := 1; ; attempt++ {
		done, state, err := look(ctx)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			if state != last && o.Progress != nil {
				o.Progress(state)
			}
			last = state
		case ctx.Err() == nil && !Passing(err):
			return err
		}
		if stopped := sleep(ctx, pause.delay(attempt)); stopped != nil {
			if err != nil && !errors.Is(err, stopped) {
				stopped = fmt.Errorf("%w; the last look failed: %w", stopped, err)
			}
			return &WaitError{State: last, Err: stopped}
		}
	}
}

// Passing says whether an error can go away without anybody doing something: the server is unreachable, overloaded or
// restarting, or somebody else wrote at the same time.
func Passing(err error) bool {
	return Unreachable(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err) ||
		apierrors.IsConflict(err) || temporary(err)
}

// temporary is what a [TokenSource] says of its own failure, if it says anything.
func temporary(err error) bool {
	var failure interface{ Temporary() bool }
	return errors.As(err, &failure) && failure.Temporary()
}
