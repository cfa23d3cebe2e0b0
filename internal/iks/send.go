package iks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// attemptTimeout bounds one request, so that a connection that hangs leaves
	// time for another.
	attemptTimeout = 30 * time.Second
	// connectAttempts bounds the attempts when no connection comes about, and
	// when the answer is no JSON: those seldom heal, and somebody waits.
	connectAttempts = 3
	// silentAttempts is the same for an address that does not even refuse.
	silentAttempts = 2
)

// reply is a successful answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request of cl, as often as cl allows, until it succeeds. The
// error is an *Error, and also kept as cl.failure.
func (c *Client) send(cl *call, req *http.Request) (*reply, error) {
	cl.attempts, cl.failure, cl.unsure = 0, nil, false
	answer, err := c.try(cl, req)
	if err != nil {
		cl.failure = err
	}
	return answer, err
}

func (c *Client) try(cl *call, req *http.Request) (*reply, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		if err = errors.Join(err, req.Body.Close()); err != nil {
			return nil, cl.explain(err)
		}
	}
	var last error
	answer, err := backoff.Retry(cl.ctx, func() (*reply, error) {
		if cl.ctx.Err() != nil {
			return nil, backoff.Permanent(context.Cause(cl.ctx))
		}
		answer, err := c.attempt(cl, req, body)
		if err == nil {
			return answer, nil
		}
		if cl.ctx.Err() != nil && last != nil {
			// The answer before it tells more, but this one may have arrived.
			cl.unsure = cl.unsure || isOpen(err)
		} else {
			cl.unsure = cl.unsure || last != nil && isOpen(last)
			last = err
		}
		again, after := cl.again(err)
		switch {
		case !again:
			return nil, backoff.Permanent(err)
		case after > 0:
			return nil, &backoff.RetryAfterError{Duration: after}
		default:
			return nil, err
		}
	}, backoff.WithBackOff(fullJitter()), backoff.WithMaxElapsedTime(remaining(cl.ctx)))
	switch {
	case err == nil:
		return answer, nil
	case cl.ctx.Err() != nil:
		return nil, cl.ended(last)
	default:
		return nil, cl.explain(last)
	}
}

// fullJitter waits between nothing and twice an interval that doubles from a
// quarter of a second to five seconds.
func fullJitter() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: 250 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second,
		RandomizationFactor: 1,
	}
}

// remaining is how long ctx lasts; a wait that would take longer is not begun.
func remaining(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(deadline), time.Nanosecond)
}

// again decides whether a request is sent once more after err, and how long the
// server wants us to wait.
func (cl *call) again(err error) (again bool, after time.Duration) {
	var within *finalError
	if cl.repeat == never || cl.ctx.Err() != nil || errors.As(err, &within) {
		return false, 0
	}
	if e, ok := asError(err); ok {
		refused := e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable
		return isTransientStatus(e.Status) && (cl.repeat == always || refused), e.retryAfter
	}
	var garbled *garbledError
	if errors.As(err, &garbled) {
		return cl.repeat == always && cl.attempts < connectAttempts, 0
	}
	var network *networkError
	if !errors.As(err, &network) || isHopeless(err) {
		return false, 0
	}
	if connecting, silent := isConnecting(err); connecting {
		return cl.attempts < connectAttempts && (!silent || cl.attempts < silentAttempts), 0
	}
	return cl.repeat == always, 0
}

// isOpen tells whether a request that failed may have been carried out.
func isOpen(err error) bool {
	var within *finalError
	if errors.As(err, &within) {
		return false // it was not sent, for lack of a token
	}
	if e, ok := asError(err); ok {
		return isOpenStatus(e.Status)
	}
	var garbled *garbledError
	var network *networkError
	connecting, _ := isConnecting(err)
	return errors.As(err, &garbled) || errors.As(err, &network) && !connecting && !isHopeless(err)
}

// isOpenStatus tells the statuses after which nobody knows: also a gateway's 503
// may be about a connection that broke when the request was through.
func isOpenStatus(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusRequestTimeout
}

// finalError wraps an error within a call that was retried in its own right.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// attempt sends one request, and a second one when the token is refused that
// we can renew.
func (c *Client) attempt(cl *call, req *http.Request, body []byte) (*reply, error) {
	if cl.anonymous {
		return c.exchange(cl, req, body, req.Header.Get("Authorization"))
	}
	token, err := c.tokens.get(cl.ctx)
	if err != nil {
		return nil, &finalError{err}
	}
	answer, err := c.inSlot(cl, req, body, "Bearer "+token)
	if e, ok := asError(err); !ok || e.Status != http.StatusUnauthorized || cl.renewed {
		return answer, err
	}
	cl.renewed = true
	fresh, renewal := c.tokens.renew(cl.ctx, token)
	if errors.Is(renewal, errGivenToken) {
		refused, _ := asError(err)
		refused.Err = renewal
		return nil, refused
	}
	if renewal != nil {
		return nil, &finalError{renewal}
	}
	return c.inSlot(cl, req, body, "Bearer "+fresh)
}

// inSlot is exchange within the bound on concurrent requests.
func (c *Client) inSlot(cl *call, req *http.Request, body []byte, authorization string) (*reply, error) {
	select {
	case c.slots <- struct{}{}:
	case <-cl.ctx.Done():
		return nil, &networkError{
			host: req.URL.Host, err: context.Cause(cl.ctx),
			text: fmt.Sprintf("%d requests are under way already and none of them was answered", maxConcurrent),
		}
	}
	defer func() { <-c.slots }()
	return c.exchange(cl, req, body, authorization)
}

// exchange sends one request and reads its answer whole, so that one cut short
// counts as a failure like any other.
func (c *Client) exchange(cl *call, req *http.Request, body []byte, authorization string) (*reply, error) {
	cl.attempts++
	ctx, cancel := context.WithTimeout(cl.ctx, cl.patience)
	defer cancel()
	out := req.Clone(ctx)
	if req.Body != nil {
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.ContentLength = int64(len(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	out.Header.Del("X-Auth-Uaa-Token") // bluemix-go sends it, empty
	for name, value := range map[string]string{
		"Authorization": authorization,
		"User-Agent":    c.userAgent, "X-Original-User-Agent": c.userAgent,
		"X-Correlation-ID": cl.correlationID, "Transaction-Id": cl.correlationID,
	} {
		out.Header.Set(name, value)
	}
	// The transport is used without an http.Client: a redirect is an error
	// here, and must not take the token along to another host.
	resp, err := c.transport.RoundTrip(out)
	if err != nil {
		return nil, c.unanswered(cl, out, err)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, cl.limit+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, c.unanswered(cl, out, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, newStatusError(resp.StatusCode, resp.Header, content, time.Now(), c.tokens.secrets(authorization)...)
	}
	if int64(len(content)) > cl.limit {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes", out.URL.Host, cl.limit)
	}
	if cl.wantJSON && !json.Valid(content) {
		return nil, &garbledError{why: "the answer of " + out.URL.Host + " is no JSON, or only part of it; is it the endpoint of the API?"}
	}
	return &reply{status: resp.StatusCode, header: resp.Header, body: content}, nil
}

// unanswered words a request without a whole answer.
func (c *Client) unanswered(cl *call, req *http.Request, err error) error {
	text := tidy(err.Error(), c.tokens.secrets(req.Header.Get("Authorization"))...)
	if cl.ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Sprintf("nothing within %s", cl.patience)
	}
	if strings.Contains(text, hidden) {
		err = errors.New(text) // its own words must not be reached through Unwrap either
	}
	return &networkError{host: req.URL.Host, text: text, err: err}
}
