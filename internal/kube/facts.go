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
	known, err := c.fact("serves "+groupVersion, func() (string, error) {
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
	return c.fact("uid", func() (string, error) {
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

// fact gives what is known under a key, or finds it out. Errors are not remembered.
func (c *Client) fact(key string, find func() (string, error)) (string, error) {
	c.factsMu.Lock()
	known, ok := c.facts[key]
	c.factsMu.Unlock()
	if ok {
		return known, nil
	}
	found, err := find()
	if err != nil {
		return "", err
	}
	c.factsMu.Lock()
	defer c.factsMu.Unlock()
	c.facts[key] = found
	return found, nil
}
