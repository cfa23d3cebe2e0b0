package kube

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	objectLimit    = 8 << 20
	listLimit      = 256 << 20
	attemptTimeout = 60 * time.Second
)

// target names what a request is about, for paths and for messages.
type target struct {
	verb, kind, namespace, name string
}

// call describes one request of the API.
type call struct {
	target
	method      string
	path        string
	query       url.Values
	body        []byte
	contentType string
	accept      string
	limit       int64
	// mutates is true if the request may change something; it makes cached lists stale.
	mutates bool
	// repeatable is true if sending it twice has the effect of sending it once.
	repeatable bool
	// final, if set, says that a refusal is an answer, not a reason to try again.
	final func(*metav1.Status) bool
	// retryFor overrides the client's own limit if it is shorter.
	retryFor time.Duration
}

// answer is a response with its body read.
type answer struct {
	status      int
	header      http.Header
	contentType string
	body        []byte
}

// Exchange is what [Options].Observe is told about one attempt of a request. It holds no credential and no body.
type Exchange struct {
	Method string
	// Path is the URL's path and query.
	Path string
	// RequestID is sent as X-Request-ID and as Audit-ID, so that the attempt is found in the server's audit log.
	RequestID string
	// Attempt counts from 1.
	Attempt int
	// Status is 0 if no response arrived.
	Status   int
	Bytes    int
	Duration time.Duration
	Err      error
}

// do makes the request, with retries, and gives the response if its status says success. Every other outcome is an
// *Error.
func (c *Client) do(ctx context.Context, r call) (answer, error) {
	id := newID()
	unsure := false
	fail := func(err error) (answer, error) {
		return answer{}, &Error{Verb: r.verb, Kind: r.kind, Namespace: r.namespace, Name: r.name, Host: c.base.Host, RequestID: id, Unsure: unsure, Err: err}
	}
	if err := r.target.check(); err != nil {
		return fail(err)
	}
	if r.mutates {
		c.cache.bump()
		defer c.cache.bump()
	}

	retryFor := c.options.RetryFor
	if r.retryFor > 0 && r.retryFor < retryFor {
		retryFor = r.retryFor
	}
	started := time.Now()
	refresh, refreshed := false, false
	for attempt := 1; ; attempt++ {
		got, err := c.attempt(ctx, r, id, attempt, refresh)
		refresh = false
		if err == nil && got.status < http.StatusBadRequest {
			if got.status >= http.StatusMultipleChoices {
				return fail(unexpectedRedirect(got))
			}
			return got, nil
		}
		if err == nil {
			if got.status == http.StatusUnauthorized && c.token != nil && !refreshed {
				refresh, refreshed = true, true
				continue
			}
			err = statusError(r, got)
		}
		unsure = unsure || r.mutates && open(got, err)
		delay, again := c.backoff.next(r, got, err, attempt)
		if !again || time.Since(started)+delay > retryFor {
			return fail(err)
		}
		if stopped := sleep(ctx, delay); stopped != nil {
			return fail(fmt.Errorf("%w (%w)", err, stopped))
		}
	}
}

// attempt sends the request once. Its error is a failure to get a response.
func (c *Client) attempt(ctx context.Context, r call, id string, number int, refresh bool) (got answer, err error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	started := time.Now()
	if c.options.Observe != nil {
		defer func() {
			path := r.path
			if len(r.query) > 0 {
				path += "?" + r.query.Encode()
			}
			c.options.Observe(Exchange{
				Method: r.method, Path: path, RequestID: id, Attempt: number,
				Status: got.status, Bytes: len(got.body), Duration: time.Since(started), Err: err,
			})
		}()
	}

	once, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := c.request(once, r, id, refresh)
	if err != nil {
		return answer{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, transportError(ctx, once, err)
	}
	defer func() { _ = response.Body.Close() }()
	got = answer{status: response.StatusCode, header: response.Header, contentType: response.Header.Get("Content-Type")}
	got.body, err = readAll(response, r.limit)
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return answer{}, err
		}
		return answer{}, transportError(ctx, once, err)
	}
	return got, nil
}

func (c *Client) request(ctx context.Context, r call, id string, refresh bool) (*http.Request, error) {
	address := *c.base
	address.Path += r.path
	address.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.options.UserAgent)
	request.Header.Set("X-Correlation-ID", c.options.CorrelationID)
	request.Header.Set("X-Request-ID", id)
	request.Header.Set("Audit-ID", id)
	request.Header.Set("Accept", r.accept)
	if r.body != nil {
		request.Header.Set("Content-Type", r.contentType)
	}
	if c.token != nil {
		token, err := c.token(ctx, refresh)
		if err != nil {
			return nil, fmt.Errorf("getting a token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// check refuses names that would lead the path elsewhere. No name of the API has such characters.
func (t target) check() error {
	for _, part := range []string{t.namespace, t.name} {
		if part == "." || part == ".." || strings.ContainsAny(part, "/%?#\\") {
			return fmt.Errorf("%q is not a name of the Kubernetes API", part)
		}
	}
	return nil
}

var errTooLarge = errors.New("the response is too large")

// readAll reads a body of at most limit bytes.
func readAll(response *http.Response, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = objectLimit
	}
	var buffer bytes.Buffer
	if known := response.ContentLength; known > 0 && known <= limit {
		buffer.Grow(int(known) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(io.LimitReader(response.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(buffer.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d MiB", errTooLarge, limit>>20)
	}
	return buffer.Bytes(), nil
}

func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, by its documentation
	return hex.EncodeToString(id[:])
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
