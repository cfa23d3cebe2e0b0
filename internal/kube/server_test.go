package kube

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// server is an API server of a test's making. It records what it was asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func serve(t *testing.T, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// connections counts those over which requests came.
func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := map[string]bool{}
	for _, r := range s.requests {
		peers[r.RemoteAddr] = true
	}
	return len(peers)
}

// asked gives the method and path of each request.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.requests {
		lines = append(lines, r.Method+" "+r.URL.RequestURI())
	}
	return lines
}

// client talks to the server, with pauses short enough for tests.
func (s *server) client(t *testing.T, options Options) *Client {
	t.Helper()
	return connect(t, Access{Host: s.URL}, options)
}

func connect(t *testing.T, access Access, options Options) *Client {
	t.Helper()
	c, err := New(access, options)
	if err != nil {
		t.Fatal(err)
	}
	c.backoff = backoff{first: time.Millisecond, limit: 5 * time.Millisecond}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func answerStatus(w http.ResponseWriter, code int, reason metav1.StatusReason, causes ...metav1.StatusCause) {
	answerJSON(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure,
		Code:     int32(code),
		Reason:   reason,
		Message:  "refused: " + strings.ToLower(string(reason)),
		Details:  &metav1.StatusDetails{Causes: causes},
	})
}

func object(name string) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": name, "resourceVersion": "7"}}
}
