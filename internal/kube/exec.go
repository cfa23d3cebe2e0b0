package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExecOptions say what is run.
type ExecOptions struct {
	// Container may be empty for a pod that has one.
	Container string
	Command   []string
	// Bytes is how much the command may print. More is an error.
	Bytes int
}

// ExitError is a command that ended with another code than 0.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("the command ended with exit code %d", e.Code) }

// The subprotocols of the API server: every message begins with a byte that says which stream it is of. The later one can
// also close a stream, which nobody here does.
const (
	channelProtocol      = "v5.channel.k8s.io"
	olderChannelProtocol = "v4.channel.k8s.io"

	channelOutput = 1
	channelStatus = 3
)

// What the API server says of a command that has failed (k8s.io/apimachinery has them in a package of its own).
const (
	reasonExitCode = "NonZeroExitCode"
	causeExitCode  = "ExitCode"
)

// Exec runs a command in a container and gives what it prints to its standard output. It is for commands that change
// nothing: a connection that breaks leaves open whether the command was run. One that fails is an *ExitError.
func Exec(ctx context.Context, c *Client, namespace, pod string, o ExecOptions) (string, error) {
	r := Pods.call("exec in", namespace, pod)
	r.method, r.path, r.accept = http.MethodGet, Pods.path(namespace, pod, "exec"), "*/*"
	r.query = url.Values{"stdout": {"true"}, "command": o.Command}
	set(r.query, "container", o.Container)
	if err := r.target.check(); err != nil {
		return "", c.invalid(r, err)
	}
	if namespace == "" || pod == "" || len(o.Command) == 0 {
		return "", c.invalid(r, errors.New("it needs a namespace, a pod and a command"))
	}
	id := newID()
	printed, err := c.exec(ctx, r, id, o.Bytes)
	if err != nil {
		return "", &Error{Verb: r.verb, Kind: r.kind, Namespace: namespace, Name: pod, Host: c.base.Host, RequestID: id, Err: err}
	}
	return printed, nil
}

func (c *Client) exec(ctx context.Context, r call, id string, limit int) (printed string, err error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	once, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, err := c.upgrade(ctx, once, r, id)
	if err != nil {
		return "", err
	}
	// Closing is what ends a read.
	stop := context.AfterFunc(once, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	printed, err = readStreams(conn, limit)
	if err != nil && once.Err() != nil {
		return "", transportError(ctx, once, err)
	}
	return printed, err
}

// upgrade makes the connection, with a new token if the server does not take the first.
func (c *Client) upgrade(ctx, once context.Context, r call, id string) (*websocket.Conn, error) {
	for attempt := 1; ; attempt++ {
		request, err := c.request(once, r, id, attempt > 1)
		if err != nil {
			return nil, err
		}
		started := time.Now()
		conn, got, err := c.dial(once, request)
		if c.options.Observe != nil {
			c.options.Observe(Exchange{Method: r.method, Path: r.path, RequestID: id, Attempt: attempt, Status: got.status, Duration: time.Since(started), Err: err})
		}
		switch {
		case err == nil:
			return conn, nil
		case got.status < http.StatusMultipleChoices: // none, or no WebSocket as it should be
			return nil, transportError(ctx, once, err)
		case got.status < http.StatusBadRequest:
			return nil, unexpectedRedirect(got)
		case got.status == http.StatusUnauthorized && c.token != nil && attempt == 1:
			continue
		}
		return nil, statusError(r, got)
	}
}

// dial opens a WebSocket in the place of a request, over the way that requests take: the same proxy, trust and credentials.
func (c *Client) dial(ctx context.Context, request *http.Request) (*websocket.Conn, answer, error) {
	dialer := websocket.Dialer{Subprotocols: []string{channelProtocol, olderChannelProtocol}, HandshakeTimeout: 15 * time.Second}
	if transport, ok := c.http.Transport.(*http.Transport); ok {
		transport = transport.Clone()
		dialer.Proxy, dialer.NetDialContext, dialer.TLSClientConfig = transport.Proxy, transport.DialContext, transport.TLSClientConfig
		dialer.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	address := *request.URL
	address.Scheme = map[string]string{"http": "ws", "https": "wss"}[address.Scheme]
	conn, response, err := dialer.DialContext(ctx, address.String(), request.Header)
	if response == nil {
		return conn, answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, header: response.Header, contentType: response.Header.Get("Content-Type")}
	if err != nil {
		got.body, _ = io.ReadAll(response.Body) // the beginning of it, which has been read already
	}
	return conn, got, err
}

// statusLimit bounds what the server says of a command, in bytes.
const statusLimit = 64 << 10

// readStreams reads what a command prints, until the server says how it ended.
func readStreams(conn *websocket.Conn, limit int) (string, error) {
	conn.SetReadLimit(int64(max(limit, statusLimit)) + 1)
	var printed bytes.Buffer
	for {
		kind, message, err := conn.ReadMessage()
		switch {
		case errors.Is(err, websocket.ErrReadLimit):
			return "", fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
		case err != nil:
			return "", &transportFailure{err: fmt.Errorf("the connection broke before the command ended: %w", err)}
		case kind != websocket.BinaryMessage || len(message) == 0:
			continue
		}
		switch message[0] {
		case channelOutput:
			if printed.Len()+len(message)-1 > limit {
				return "", fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
			}
			printed.Write(message[1:])
		case channelStatus:
			if len(message) == 1 {
				continue // the stream is opened
			}
			return printed.String(), endOf(message[1:])
		}
	}
}

// endOf is the error of a command, nil if it has ended well.
func endOf(raw []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(raw, &status); err != nil {
		return &decodeError{err: err}
	}
	switch {
	case status.Status == metav1.StatusSuccess:
		return nil
	case status.Reason == reasonExitCode && status.Details != nil:
		for _, cause := range status.Details.Causes {
			if code, err := strconv.Atoi(cause.Message); err == nil && cause.Type == causeExitCode {
				return &ExitError{Code: code}
			}
		}
	}
	return &refusal{status: &apierrors.StatusError{ErrStatus: status}, code: int(status.Code)}
}
