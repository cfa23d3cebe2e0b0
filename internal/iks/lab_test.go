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
	"sync"
	"testing"
	"time"
)

const (
	labKey     = "a-very-secret-api-key-0123456789"
	labCluster = "bm64u3ed02o93vv36hb0"
)

// sent is a request as it arrived.
type sent struct {
	method, path string
	query        string
	header       http.Header
	body         string
	at           time.Time
}

// lab is a transport in memory, so that tests can run on the virtual clock of
// testing/synctest. It plays IAM by itself and hands the rest to answer.
type lab struct {
	t      *testing.T
	answer func(ctx context.Context, n int, r sent) (*http.Response, error)
	// iam answers token requests; nil gives one token after the other, each
	// good for lifetime.
	iam      func(ctx context.Context, n int) (*http.Response, error)
	lifetime time.Duration

	mu     sync.Mutex
	iks    []sent
	tokens []sent
}

func newLab(t *testing.T, answer func(ctx context.Context, n int, r sent) (*http.Response, error)) (*lab, *Client) {
	t.Helper()
	l := &lab{t: t, answer: answer, lifetime: time.Hour}
	return l, l.client(Config{APIKey: labKey})
}

func (l *lab) client(c Config) *Client {
	l.t.Helper()
	c.Endpoint, c.IAMEndpoint, c.Transport = "https://iks.example.test/global", "https://iam.example.test", l
	client, err := New(c)
	if err != nil {
		l.t.Fatal(err)
	}
	return client
}

func (l *lab) RoundTrip(req *http.Request) (*http.Response, error) {
	r := sent{method: req.Method, path: req.URL.Path, query: req.URL.RawQuery, header: req.Header.Clone(), at: time.Now()}
	if req.Body != nil {
		content, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.body = string(content)
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	isIAM := req.URL.Host == "iam.example.test"
	into := &l.iks
	if isIAM {
		into = &l.tokens
	}
	*into = append(*into, r)
	n := len(*into)
	l.mu.Unlock()
	switch {
	case !isIAM:
		return l.answer(req.Context(), n, r)
	case l.iam != nil:
		return l.iam(req.Context(), n)
	default:
		return jsonAnswer(200, map[string]any{
			"access_token": fmt.Sprintf("token-%d", n), "refresh_token": "not_supported", "token_type": "Bearer",
			"expires_in": int(l.lifetime.Seconds()), "expiration": time.Now().Add(l.lifetime).Unix(),
		})
	}
}

func (l *lab) requests() []sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]sent(nil), l.iks...)
}

func (l *lab) tokenRequests() []sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]sent(nil), l.tokens...)
}

// waits are the times between the requests.
func (l *lab) waits() []time.Duration {
	var out []time.Duration
	requests := l.requests()
	for i := 1; i < len(requests); i++ {
		out = append(out, requests[i].at.Sub(requests[i-1].at))
	}
	return out
}

func plainAnswer(status int, body string, header ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func jsonAnswer(status int, v any, header ...string) (*http.Response, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return plainAnswer(status, string(content), append([]string{"Content-Type", "application/json"}, header...)...)
}

func iksError(status int, code, description string, header ...string) (*http.Response, error) {
	return jsonAnswer(status, map[string]any{
		"incidentID": "4b9e2a9c-incident", "code": code, "description": description,
		"recoveryCLI": "Run 'ibmcloud ks clusters'.", "type": "Provisioning",
	}, header...)
}

// cutBody gives some bytes and then the error of a connection that went away.
type cutBody struct{ io.Reader }

func (c *cutBody) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *cutBody) Close() error { return nil }

func truncated(body string) (*http.Response, error) {
	resp, err := plainAnswer(200, "")
	resp.Body = &cutBody{bytes.NewReader([]byte(body))}
	return resp, err
}

// hang answers never: it returns when the request is given up.
func hang(ctx context.Context) (*http.Response, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func clusterAnswer() (*http.Response, error) {
	return jsonAnswer(200, map[string]any{"id": labCluster, "name": "prod", "provider": "classic", "type": "kubernetes"})
}

func mustNot(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func count(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}
