package kube

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Serves reports whether the server serves a group and version, for example "projectcalico.org/v3" or "v1". A yes and
// a no are remembered for the client's life. An aggregated API whose server does not answer is an error, not a no.
func (c *Client) Serves(ctx context.Context, groupVersion string) (bool, error) {
	known, err := c.fact(ctx, "serves "+groupVersion, func(ctx context.Context) (string, error) {
		r := call{
			target: target{verb: "discover", kind: "API " + groupVersion},
			method: http.MethodGet, path: "/apis/" + groupVersion,
			accept: typeJSON, repeatable: true, retryFor: 10 * time.Second,
		}
		if !strings.Contains(groupVersion, "/") {
			r.path = "/api/" + groupVersion
		}
		if strings.Trim(groupVersion, "abcdefghijklmnopqrstuvwxyz0123456789.-/") != "" || strings.Count(groupVersion, "/") > 1 {
			return "", c.invalid(r, errors.New("this is not a group and version"))
		}
		_, err := c.do(ctx, r)
		// A group that nobody serves is answered by a page, not by a Status.
		var refused *refusal
		switch {
		case errors.As(err, &refused) && refused.code == http.StatusNotFound:
			return "no", nil
		case err != nil:
			return "", err
		default:
			return "yes", nil
		}
	})
	return known == "yes", err
}

// ClusterUID identifies the cluster itself, whatever it is called and however it is reached: it is the UID of the
// namespace kube-system, which lives as long as the cluster. It is remembered for the client's life.
func (c *Client) ClusterUID(ctx context.Context) (string, error) {
	return c.fact(ctx, "uid", func(ctx context.Context) (string, error) {
		system, err := Get(ctx, c, Namespaces, "", "kube-system")
		if err != nil {
			return "", err
		}
		if system.UID == "" {
			return "", errors.New("namespace kube-system at " + c.base.Host + " has no UID")
		}
		return string(system.UID), nil
	})
}

// fact is something about a cluster that does not change, or a search for it that is under way.
type fact struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	value   string
	err     error
}

// fact gives what is known under a key, or finds it out. Callers at the same time share one search. It has its own
// context, so that a caller who gives up does not fail the others, and ends when nobody waits any more. Errors are
// not remembered.
func (c *Client) fact(ctx context.Context, key string, find func(context.Context) (string, error)) (string, error) {
	c.factsMu.Lock()
	f := c.facts[key]
	if f == nil {
		f = c.search(ctx, key, find)
	}
	f.waiting++
	c.factsMu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		c.factsMu.Lock()
		defer c.factsMu.Unlock()
		if f.waiting--; f.waiting == 0 {
			f.cancel()
			if c.facts[key] == f && f.unfinished() {
				delete(c.facts, key) // nobody may join what is being cancelled
			}
		}
		return "", context.Cause(ctx)
	}
}

// search starts to find a fact out. The caller holds the lock.
func (c *Client) search(ctx context.Context, key string, find func(context.Context) (string, error)) *fact {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &fact{cancel: cancel, done: make(chan struct{})}
	c.facts[key] = f
	go func() {
		defer cancel()
		value, err := find(own)
		c.factsMu.Lock()
		defer c.factsMu.Unlock()
		f.value, f.err = value, err
		if err != nil && c.facts[key] == f {
			delete(c.facts, key)
		}
		close(f.done)
	}()
	return f
}

func (f *fact) unfinished() bool {
	select {
	case <-f.done:
		return false
	default:
		return true
	}
}
