package framework

import (
	"context"
	"fmt"
	"time"
)

// timeoutsError is why an operation ended that took longer than its value in
// `timeouts`. By it that end is told from a single request that took too long.
type timeoutsError struct{}

func (timeoutsError) Error() string        { return context.DeadlineExceeded.Error() }
func (timeoutsError) Timeout() bool        { return true }
func (timeoutsError) Is(target error) bool { return target == context.DeadlineExceeded }

// WithinPlan bounds something that a plan waits for. What it ends fails with an
// error for which Diagnose does not blame `timeouts`.
func WithinPlan(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, planLimitError{limit})
}

// planLimitError is why a plan gave something up that the apply does again.
type planLimitError struct{ after time.Duration }

func (e planLimitError) Error() string {
	return fmt.Sprintf("no answer within %s, and a plan does not wait longer for it", e.after)
}
func (planLimitError) Timeout() bool        { return true }
func (planLimitError) Is(target error) bool { return target == context.DeadlineExceeded }
