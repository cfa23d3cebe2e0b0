package iks

import (
	"bytes"
	"io"
	"net/http"

	bluemix "github.com/IBM-Cloud/bluemix-go"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	"github.com/IBM-Cloud/bluemix-go/session"
)

// bound is a transport for one call's requests, for libraries that take an HTTP
// client but no context. What is not a success it answers with an error, so
// that their own retrying, re-authenticating and logging never starts.
type bound struct {
	client *Client
	call   *call
}

// RoundTrip sends the request in the manner of send.
func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := b.client.send(b.call, req)
	if err != nil {
		return nil, err
	}
	body := answer.body
	if !b.call.wantJSON {
		// What IKS says to a write is not used, but bluemix-go takes anything
		// that is no JSON, and even nothing, for a failure of the write.
		body = []byte("null")
	}
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Uncompressed: true, Request: req,
	}, nil
}

func (c *Client) bind(cl *call) *http.Client {
	return &http.Client{Transport: &bound{client: c, call: cl}}
}

// session is bluemix-go's, for one call. It is built by hand, because
// session.New reads credentials from the environment; the placeholder keeps
// bluemix-go from fetching a token of its own.
func (c *Client) session(cl *call) *session.Session {
	noRetries := 0
	return &session.Session{Config: &bluemix.Config{
		IAMAccessToken:        "set by the transport",
		Endpoint:              &c.endpoints.iks,
		TokenProviderEndpoint: &c.endpoints.iam,
		MaxRetries:            &noRetries,
		HTTPClient:            c.bind(cl),
		UserAgent:             c.userAgent,
	}}
}

// v1 gives bluemix-go's first API for one call: classic infrastructure.
func (c *Client) v1(cl *call) (containerv1.ContainerServiceAPI, error) {
	return containerv1.New(c.session(cl))
}

// v2 gives bluemix-go's second API for one call: VPC, and what is common.
func (c *Client) v2(cl *call) (containerv2.ContainerServiceAPI, error) {
	return containerv2.New(c.session(cl))
}

// outcome explains the end of a call that went through a library.
func (cl *call) outcome(err error) error {
	if err != nil && cl.failure != nil {
		return cl.failure // as it was, not as the library wrapped it
	}
	return cl.explain(err)
}
