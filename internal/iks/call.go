package iks

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// repeat says after which failures a request may be sent again.
type repeat int

const (
	// always: sending it twice has the effect of sending it once.
	always repeat = iota
	// unsent: only when it surely was not carried out.
	unsent
	// never: the caller has to look first what became of it.
	never
)

// call is one operation. It belongs to one goroutine.
type call struct {
	// ctx is kept here because it has to go through bluemix-go, whose methods
	// take none.
	ctx                 context.Context
	operation, resource string
	correlationID       string

	repeat repeat
	// anonymous calls carry no token and need no slot: those that fetch one.
	anonymous bool
	// wantJSON calls are not content with an answer that is empty or cut off.
	wantJSON bool
	// limit of the answer's body in bytes, and patience with one request.
	limit    int64
	patience time.Duration

	attempts int   // requests of the current send
	unsure   bool  // one of them before the last may have been carried out
	renewed  bool  // the token was refused once and replaced
	failure  error // what the last send ended with, for the way through bluemix-go
}

// maxAnswer bounds an answer. A thousand workers are about 2 MB.
const maxAnswer = 16 << 20

// begin starts an operation with the client's deadline.
func (c *Client) begin(ctx context.Context, operation, resource string) (*call, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.deadline, &deadlineError{after: c.deadline})
	return &call{
		ctx: ctx, operation: operation, resource: resource,
		correlationID: rand.Text(), limit: maxAnswer, patience: attemptTimeout,
	}, cancel
}

// reading prepares cl for a request that only reads.
func (cl *call) reading() *call {
	cl.repeat, cl.wantJSON = always, true
	return cl
}

// writing prepares cl for a request that changes something.
func (cl *call) writing(r repeat) *call {
	cl.repeat, cl.wantJSON = r, false
	return cl
}

// explain makes an *Error of whatever ended cl.
func (cl *call) explain(err error) error {
	if err == nil {
		return nil
	}
	failed := Error{Err: err}
	if e, ok := asError(err); ok {
		failed = *e
		if e.Operation != "" { // of an operation within, such as getting a token
			failed.Unsure = cl.unsure
			return &failed
		}
	}
	failed.Operation, failed.Resource = cl.operation, cl.resource
	failed.CorrelationID, failed.Attempts, failed.Unsure = cl.correlationID, cl.attempts, cl.unsure
	return &failed
}

// ended makes an error of a call whose context is over; last is what the last
// request failed with. A caller who cancelled wants to hear just that.
func (cl *call) ended(last error) error {
	cause := context.Cause(cl.ctx)
	if last == nil || errors.Is(cause, context.Canceled) {
		return cl.explain(cause)
	}
	if e, ok := asError(last); ok {
		failed := *e
		failed.Err = cause
		return cl.explain(&failed)
	}
	return cl.explain(&causedError{cause: cause, by: last})
}

// causedError is an end with the failure that led to it.
type causedError struct{ cause, by error }

func (e *causedError) Error() string   { return e.cause.Error() + ": " + e.by.Error() }
func (e *causedError) Unwrap() []error { return []error{e.cause, e.by} }

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
