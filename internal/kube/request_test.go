package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRequestCarriesWhatItShould(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, object("n1")) })
	access := Access{Host: s.URL + "/prefix", Token: func(context.Context, bool) (string, error) { return "abc", nil }}
	c := connect(t, access, Options{UserAgent: "me/1", CorrelationID: "run-1"})
	node, err := Get(t.Context(), c, Nodes, "ignored", "n1")
	if err != nil || node.Name != "n1" {
		t.Fatalf("got %q, %v", node.Name, err)
	}
	r := s.requests[0]
	if got := r.Method + " " + r.URL.Path; got != "GET /prefix/api/v1/nodes/n1" {
		t.Error(got)
	}
	for header, want := range map[string]string{
		"User-Agent": "me/1", "X-Correlation-Id": "run-1", "Authorization": "Bearer abc", "Accept-Encoding": "gzip",
		"Accept": "application/vnd.kubernetes.protobuf, application/json;q=0.9", "Audit-Id": r.Header.Get("X-Request-Id"),
	} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	if len(r.Header.Get("Audit-Id")) != 32 {
		t.Errorf("request ID %q", r.Header.Get("Audit-Id"))
	}
}

func TestUnauthorizedRefreshesTheTokenOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fresh    string
		requests int
		fails    bool
	}{
		"expired": {"good", 2, false},
		"revoked": {"bad", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer good" {
					answerStatus(w, 401, metav1.StatusReasonUnauthorized)
					return
				}
				answerJSON(w, 200, object("n1"))
			})
			token := func(_ context.Context, refresh bool) (string, error) {
				if refresh {
					return test.fresh, nil
				}
				return "old", nil
			}
			c := connect(t, Access{Host: s.URL, Token: token}, Options{})
			_, err := Get(t.Context(), c, Nodes, "", "n1")
			if (err != nil) != test.fails || err != nil && !apierrors.IsUnauthorized(err) {
				t.Errorf("got %v", err)
			}
			if s.count() != test.requests {
				t.Errorf("%d requests, want %d", s.count(), test.requests)
			}
		})
	}
}

// A token that was renewed after a refusal is not given up for what fails later.
func TestRenewedTokenIsKept(t *testing.T) {
	t.Parallel()
	var asked []bool
	token := func(_ context.Context, refresh bool) (string, error) {
		asked = append(asked, refresh)
		return "any", nil
	}
	answers := []int{401, 503, 503, 200}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		code := answers[0]
		answers = answers[1:]
		if code == 200 {
			answerJSON(w, 200, object("n1"))
			return
		}
		w.Header().Set("Retry-After", "0")
		answerStatus(w, code, metav1.StatusReasonUnknown)
	})
	c := connect(t, Access{Host: s.URL, Token: token}, Options{})
	if _, err := Get(t.Context(), c, Nodes, "", "n1"); err != nil {
		t.Fatal(err)
	}
	if want := []bool{false, true, false, false}; !slices.Equal(asked, want) {
		t.Errorf("a fresh token was asked for: %v, want %v", asked, want)
	}
}

// What was sent, and brought no word, may have been carried out, whatever a later
// attempt brings.
func TestUnsure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []int // 0 for a connection that breaks
		want    bool
	}{
		"refused":                       {[]int{403}, false},
		"throttled, refused":            {[]int{429, 403}, false},
		"overloaded, refused":           {[]int{503, 403}, false},
		"broken, refused":               {[]int{0, 403}, true},
		"no word from a proxy, refused": {[]int{504, 403}, true},
		"a fault of the server":         {[]int{500}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := test.answers
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				code := left[0]
				left = left[1:]
				if code == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Retry-After", "0")
				answerStatus(w, code, metav1.StatusReasonUnknown)
			})
			c := connect(t, Access{Host: s.URL}, Options{})
			_, err := Patch(t.Context(), c, Nodes, "", "n1", "application/merge-patch+json", []byte(`{"metadata":{"resourceVersion":"1"}}`), PatchOptions{})
			var failed *Error
			if !errors.As(err, &failed) || failed.Unsure != test.want || len(left) > 0 {
				t.Errorf("%v, unsure %t, %d answers left", err, failed.Unsure, len(left))
			}
		})
	}
}

func TestTokenFailureIsNotRetried(t *testing.T) {
	t.Parallel()
	wrong := errors.New("the API key is wrong")
	calls := 0
	c := connect(t, Access{Host: "https://127.0.0.1:1", Token: func(context.Context, bool) (string, error) { calls++; return "", wrong }}, Options{})
	_, err := Get(t.Context(), c, Nodes, "", "n1")
	if !errors.Is(err, wrong) || calls != 1 || Unreachable(err) {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

// TestRetries says for each verb and refusal how many requests are made until the third would succeed.
func TestRetries(t *testing.T) {
	t.Parallel()
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", ResourceVersion: "1"}}
	verbs := map[string]func(context.Context, *Client) error{
		"get":  func(ctx context.Context, c *Client) error { _, err := Get(ctx, c, Nodes, "", "n1"); return err },
		"list": func(ctx context.Context, c *Client) error { _, err := List(ctx, c, Nodes, ListOptions{}); return err },
		"create": func(ctx context.Context, c *Client) error {
			_, err := Create(ctx, c, Nodes, node, WriteOptions{})
			return err
		},
		"dry": func(ctx context.Context, c *Client) error {
			_, err := Create(ctx, c, Nodes, node, WriteOptions{DryRun: true})
			return err
		},
		"update": func(ctx context.Context, c *Client) error {
			_, err := Update(ctx, c, Nodes, node, WriteOptions{})
			return err
		},
		"delete": func(ctx context.Context, c *Client) error { return Delete(ctx, c, Nodes, "", "n1", DeleteOptions{}) },
		"json": func(ctx context.Context, c *Client) error {
			_, err := Patch(ctx, c, Nodes, "", "n1", "application/json-patch+json", []byte("[]"), PatchOptions{})
			return err
		},
	}
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			answerStatus(w, code, "")
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		panic(http.ErrAbortHandler)
	}
	truncate := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"metadata":`))
	}
	const again, once = 3, 1
	for _, test := range []struct {
		refusal string
		handler http.HandlerFunc
		want    map[string]int
	}{
		{"429", status(429), map[string]int{"get": again, "list": again, "create": again, "update": again, "delete": again, "json": again}},
		{"503", status(503), map[string]int{"get": again, "list": again, "create": once, "dry": again, "update": again, "delete": again, "json": once}},
		{"503 with Retry-After", status(503, "Retry-After", "0"), map[string]int{"get": again, "create": again, "json": again}},
		{"502", status(502), map[string]int{"get": again, "create": once, "update": again}},
		{"504", status(504), map[string]int{"get": again, "create": once, "delete": again}},
		{"500", status(500), map[string]int{"get": once, "create": once, "update": once}},
		{"400", status(400), map[string]int{"get": once, "create": once}},
		{"401", status(401), map[string]int{"get": once, "create": once}},
		{"403", status(403), map[string]int{"get": once, "list": once, "update": once}},
		{"404", status(404), map[string]int{"get": once, "delete": once}},
		{"409", status(409), map[string]int{"create": once, "update": once}},
		{"422", status(422), map[string]int{"create": once, "dry": once, "update": once}},
		{"connection cut", cut, map[string]int{"get": again, "list": again, "create": once, "dry": again, "update": again, "delete": again, "json": once}},
		{"body cut", truncate, map[string]int{"get": again, "list": again, "create": once, "update": again, "delete": again}},
	} {
		for verb, want := range test.want {
			t.Run(test.refusal+" "+verb, func(t *testing.T) {
				t.Parallel()
				var n atomic.Int32
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if n.Add(1) < 3 {
						test.handler(w, r)
						return
					}
					answerJSON(w, 200, object("n1"))
				})
				err := verbs[verb](t.Context(), s.client(t, Options{}))
				if got := int(n.Load()); got != want {
					t.Errorf("%d requests, want %d", got, want)
				}
				if (err == nil) != (want == again) {
					t.Errorf("got %v", err)
				}
				var wrapped *Error
				if err != nil && !errors.As(err, &wrapped) {
					t.Errorf("%T is not an *Error", err)
				}
			})
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	t.Run("after a while", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answerStatus(w, 503, metav1.StatusReasonServiceUnavailable)
		})
		_, err := Get(t.Context(), s.client(t, Options{RetryFor: time.Second}), Nodes, "", "n1")
		if !apierrors.IsServiceUnavailable(err) || s.count() < 3 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	})
	t.Run("at once if so told", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answerStatus(w, 503, metav1.StatusReasonServiceUnavailable)
		})
		_, err := Get(t.Context(), s.client(t, Options{RetryFor: -1}), Nodes, "", "n1")
		if !apierrors.IsServiceUnavailable(err) || s.count() != 1 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	})
	t.Run("when asked to wait too long", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "600")
			answerStatus(w, 429, metav1.StatusReasonTooManyRequests)
		})
		_, err := Get(t.Context(), s.client(t, Options{}), Nodes, "", "n1")
		if !apierrors.IsTooManyRequests(err) || s.count() != 1 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	})
	t.Run("with the context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.Header().Set("Retry-After", "5")
			answerStatus(w, 429, metav1.StatusReasonTooManyRequests)
		})
		_, err := Get(ctx, s.client(t, Options{}), Nodes, "", "n1")
		if !errors.Is(err, context.Canceled) || s.count() != 1 || Unreachable(err) {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	})
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("nothing listens", func(t *testing.T) {
		t.Parallel()
		c := connect(t, Access{Host: "https://" + closed}, Options{})
		_, err := Get(t.Context(), c, Nodes, "", "n1")
		if !Unreachable(err) || !strings.HasPrefix(err.Error(), "get Node n1 at "+closed+": dial tcp") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("black hole", func(t *testing.T) {
		t.Parallel()
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
		attempts := 0
		c := connect(t, Access{Host: "https://" + silent.Addr().String()}, Options{Observe: func(Exchange) { attempts++ }})
		transport, ok := c.http.Transport.(*http.Transport)
		if !ok {
			t.Fatal("another transport")
		}
		transport.TLSHandshakeTimeout = 50 * time.Millisecond
		if _, err := Get(t.Context(), c, Nodes, "", "n1"); !Unreachable(err) || attempts != 2 {
			t.Errorf("got %v after %d attempts", err, attempts)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := Get(ctx, s.client(t, Options{}), Nodes, "", "n1")
		if !Unreachable(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refusals are not", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerStatus(w, 403, metav1.StatusReasonForbidden) })
		_, err := Get(t.Context(), s.client(t, Options{}), Nodes, "", "n1")
		if Unreachable(err) || !apierrors.IsForbidden(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // long enough for others to arrive, were they let through
		now.Add(-1)
		answerJSON(w, 200, object("n1"))
	})
	c := s.client(t, Options{MaxInFlight: 3})
	errs := make(chan error)
	for range 20 {
		go func() {
			_, err := Get(t.Context(), c, Nodes, "", "n1")
			errs <- err
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d at once, want 3", most.Load())
	}
}

func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", 302) }, "not a Kubernetes API server"},
		"HTML":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) }, "cannot be read"},
		"error page": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			_, _ = fmt.Fprint(w, "<html>blocked  by\nthe firewall")
		}, "blocked by the firewall"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, objectLimit+1)) }, "more than 8 MiB"},
		"binary that was not asked for": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeProtobuf)
			_, _ = w.Write([]byte("k8s"))
		}, "not in the binary form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handler)
			_, err := Get(t.Context(), s.client(t, Options{}), Nodes, "", "n1")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if s.count() != 1 {
				t.Errorf("%d requests", s.count())
			}
		})
	}
}

func TestNamesCannotLeadElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, object("n1")) })
	c := s.client(t, Options{})
	for _, name := range []string{"..", ".", "a/b", "a%2fb", "a?b", "a#b", `a\b`, ""} {
		if _, err := Get(t.Context(), c, Nodes, "", name); err == nil {
			t.Errorf("%q was asked for", name)
		}
		if name == "" {
			continue
		}
		if _, err := List(t.Context(), c, Pods, ListOptions{Namespace: name}); err == nil {
			t.Errorf("namespace %q was asked for", name)
		}
	}
	if s.count() != 0 {
		t.Error(s.asked())
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	var seen []Exchange
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if len(seen) == 0 {
			answerStatus(w, 429, "")
			return
		}
		answerJSON(w, 200, object("n1"))
	})
	c := s.client(t, Options{Observe: func(e Exchange) { seen = append(seen, e) }})
	if _, err := List(t.Context(), c, Nodes, ListOptions{Labels: "a=b"}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || seen[0].Status != 429 || seen[1].Status != 200 || seen[1].Attempt != 2 || seen[0].RequestID != seen[1].RequestID {
		t.Errorf("%+v", seen)
	}
	if seen[0].Path != "/api/v1/nodes?labelSelector=a%3Db&limit=1000" {
		t.Error(seen[0].Path)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"3": 3 * time.Second, "0": 0, "99999999": time.Hour,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}, now); !ok || got != want {
			t.Errorf("%s: got %s, %v, want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "-1", "soon"} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}, now); ok {
			t.Errorf("%q: got %s", value, got)
		}
	}
}

// A token that cannot be had for the moment is waited for, as a server is.
func TestPassingTokenFailure(t *testing.T) {
	t.Parallel()
	for _, passes := range []bool{true, false} {
		c := connect(t, Access{Host: "https://127.0.0.1:1", Token: func(context.Context, bool) (string, error) { return "", outage(passes) }}, Options{})
		if _, err := Get(t.Context(), c, Nodes, "", "n1"); err == nil || Passing(err) != passes {
			t.Errorf("%v passes: %t, want %t", err, Passing(err), passes)
		}
	}
}

// outage is the failure of a token source.
type outage bool

func (outage) Error() string     { return "no token" }
func (o outage) Temporary() bool { return bool(o) }
