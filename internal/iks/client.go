package iks

import (
	"fmt"
	"net/http"
	"time"
)

// maxConcurrent bounds the requests under way at once per client.
const maxConcurrent = 16

// Client speaks to IKS with one set of credentials. It is safe for concurrent
// use; all calls share one token and one bound on concurrent requests.
type Client struct {
	endpoints     endpoints
	vpc           vpcEndpoints
	resourceGroup string
	visibility    string
	userAgent     string
	deadline      time.Duration
	transport     http.RoundTripper
	tokens        *tokenSource
	slots         chan struct{}
	pools         *KeyedLocks
}

func newClient(config Config, at endpoints, vpc vpcEndpoints) *Client {
	c := &Client{
		endpoints:     at,
		vpc:           vpc,
		resourceGroup: config.ResourceGroupID,
		visibility:    config.Visibility,
		userAgent:     config.UserAgent,
		deadline:      config.Deadline,
		transport:     config.Transport,
		slots:         make(chan struct{}, maxConcurrent),
		pools:         NewKeyedLocks(),
	}
	if config.APIKey == "" {
		c.tokens = givenToken(config.Token)
		return c
	}
	// Half of a caller's deadline, so that IAM's own error is still heard.
	c.tokens = fetchedToken(config.APIKey, c.identity(config.APIKey, config.TrustedProfileID), c.deadline/2)
	return c
}

// Endpoint is where the IKS API is, for messages.
func (c *Client) Endpoint() string { return c.endpoints.iks }

// Format shows where the client leads and none of its secrets, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { writeTo(f, "iks.Client{"+c.endpoints.iks+"}") }
