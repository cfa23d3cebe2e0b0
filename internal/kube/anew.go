package kube

import (
	"net/http"
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
