package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Anew gives a client of the same server and identity that has connections of its own, remembers nothing and tries
// everything once: what it is answered proves that new connections work now. Close its idle connections after use.
func (c *Client) Anew() *Client {
	options := c.options
	options.RetryFor = -1
	client := *c.http
	if transport, ok := c.http.Transport.(*http.Transport); ok {
		client.Transport = transport.Clone()
	}
	return &Client{
		base: c.base, http: &client, token: c.token, options: options,
		slots: make(chan struct{}, options.MaxInFlight), cache: newCache(options.CacheLifetime),
		backoff: c.backoff, facts: map[string]*fact{},
	}
}

// logLimit bounds the bytes of a log that [LastLogLine] asks for.
const logLimit = "4096"

// LastLogLine reads the last line that a pod has logged, empty if it has logged none. The API server has it from the
// kubelet of the pod's node, so that an answer proves the way there, too. container may be empty for a pod that has one.
func LastLogLine(ctx context.Context, c *Client, namespace, pod, container string) (string, error) {
	r := Pods.call("read log of", namespace, pod)
	r.method, r.path, r.accept = http.MethodGet, Pods.path(namespace, pod, "log"), "*/*"
	r.query = url.Values{"tailLines": {"1"}, "limitBytes": {logLimit}}
	set(r.query, "container", container)
	r.repeatable, r.retryFor = true, 10*time.Second
	if namespace == "" || pod == "" {
		return "", c.invalid(r, errors.New("a log needs a namespace and a pod"))
	}
	got, err := c.do(ctx, r)
	return string(got.body), err
}
