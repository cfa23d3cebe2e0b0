package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ListOptions narrow a list. The zero value lists everything.
type ListOptions struct {
	// Namespace is empty for all namespaces, and for kinds that have none.
	Namespace string
	// Labels and Fields are selectors in the API's own syntax, for example "ibm-cloud.kubernetes.io/worker-pool-name=edge".
	Labels, Fields string
}

// listRestarts is how often a list is begun anew because it took longer than the server remembers.
const listRestarts = 3

// List asks the server for all objects, in pages, and always gets the present state. A list that changed under way
// for longer than the server remembers (410) is begun anew.
func List[T any](ctx context.Context, c *Client, k Kind[T], o ListOptions) ([]T, error) {
	for restart := 0; ; restart++ {
		size := c.options.PageSize
		if restart == listRestarts {
			size = 0 // all at once: it cannot expire
		}
		items, err := listPages(ctx, c, k, o, size)
		var expired *expiredError
		if !errors.As(err, &expired) || size == 0 {
			return items, err
		}
	}
}

// expiredError marks a 410 for a later page, which means begin again.
type expiredError struct{ err error }

func (e *expiredError) Error() string { return e.err.Error() }
func (e *expiredError) Unwrap() error { return e.err }

func listPages[T any](ctx context.Context, c *Client, k Kind[T], o ListOptions, size int) ([]T, error) {
	r := k.call("list", o.Namespace, "")
	r.method = http.MethodGet
	r.limit = listLimit
	r.repeatable = true
	var items []T
	next := ""
	for {
		r.query = url.Values{}
		set(r.query, "labelSelector", o.Labels)
		set(r.query, "fieldSelector", o.Fields)
		set(r.query, "continue", next)
		if size > 0 {
			r.query.Set("limit", strconv.Itoa(size))
		}
		got, err := c.do(ctx, r)
		if err != nil {
			if next != "" && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)) {
				return nil, &expiredError{err: err}
			}
			return nil, err
		}
		page, meta, err := decodeList(got, items)
		if err != nil {
			return nil, c.unreadable(r, err)
		}
		items, next = page, meta.Continue
		if next == "" {
			return items, nil
		}
	}
}

func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

// unreadable is the error of a response that could not be decoded.
func (c *Client) unreadable(r call, err error) error {
	return &Error{Verb: r.verb, Kind: r.kind, Namespace: r.namespace, Name: r.name, Host: c.base.Host, Err: &decodeError{err: err}}
}

type decodeError struct{ err error }

func (e *decodeError) Error() string { return "the server's answer cannot be read: " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }
