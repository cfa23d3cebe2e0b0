package fakeiks_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// get sends a GET and returns what came, errors included.
func get(t *testing.T, s *fakeiks.Server, token, path string) (*http.Response, []byte, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	raw, err := io.ReadAll(response.Body)
	return response, raw, errors.Join(err, response.Body.Close())
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	token := tokenFor(t, s, adminKey)
	path := "/v2/getCluster?cluster=" + cluster.ID

	t.Run("status, retry-after, times and body", func(t *testing.T) {
		remove := s.Fail(fakeiks.Fault{Method: "GET", Path: "/v2/getCluster", Skip: 1, Times: 2, Status: 429, RetryAfter: 1500 * time.Millisecond})
		defer remove()
		for i, want := range []int{200, 429, 429, 200} {
			response, raw, err := get(t, s, token, path)
			if err != nil || response.StatusCode != want {
				t.Fatalf("request %d: %v, %v", i, response, err)
			}
			if want == 429 && (response.Header.Get("Retry-After") != "2" || text(t, object(t, raw)["incidentID"]) == "") {
				t.Errorf("header %v, body %s", response.Header, raw)
			}
		}
	})
	t.Run("own body", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Path: "/v2/*", Status: 502, Body: "<html>Bad gateway</html>"})()
		response, raw, err := get(t, s, token, path)
		if err != nil || response.StatusCode != 502 || string(raw) != "<html>Bad gateway</html>" {
			t.Errorf("%v %s %v", response, raw, err)
		}
	})
	t.Run("backend error has IBM's body", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Status: 500})()
		_, raw, err := get(t, s, token, path)
		if err != nil || object(t, raw)["code"] != "A0002" {
			t.Errorf("%s %v", raw, err)
		}
	})
	t.Run("IAM has its own error body", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Path: "/identity/token", Status: 503})()
		body := postForm(t, s, "", nil, http.StatusServiceUnavailable)
		if text(t, body["errorCode"]) == "" {
			t.Errorf("%v", body)
		}
	})
	t.Run("reset", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Path: "/v2/getCluster", Times: 1, Reset: true})()
		s.ResetRequests()
		// net/http repeats a GET on a reused connection by itself, so use a fresh one.
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Do(request)
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, %v", response, err)
		}
		eventually(t, "the request is on record", func() bool { return len(s.Requests()) == 1 })
		if r := s.Requests()[0]; r.Status != 0 || !r.Faulty {
			t.Errorf("record %+v", r)
		}
	})
	t.Run("truncate", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Path: "/v2/getCluster", Truncate: true})()
		response, raw, err := get(t, s, token, path)
		if err == nil || response.StatusCode != 200 || len(raw) == 0 || int64(len(raw)) >= response.ContentLength {
			t.Errorf("%v, %d bytes, %v", response, len(raw), err)
		}
	})
	t.Run("delay only", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Path: path, Delay: 50 * time.Millisecond})()
		begin := time.Now()
		response, _, err := get(t, s, token, path)
		if err != nil || response.StatusCode != 200 || time.Since(begin) < 50*time.Millisecond {
			t.Errorf("%v, %v after %v", response, err, time.Since(begin))
		}
	})
	t.Run("served, answer lost", func(t *testing.T) {
		defer s.Fail(fakeiks.Fault{Method: "POST", Path: "/v2/setWorkerPoolLabels", Status: 504, Served: true})()
		body := `{"cluster":"` + cluster.ID + `","workerpool":"default","labels":{"reached":"yes"}}`
		do(t, s, token, http.MethodPost, "/v2/setWorkerPoolLabels", body, http.StatusGatewayTimeout)
		if s.Pools(cluster.ID)[0].Labels["reached"] != "yes" {
			t.Error("the request had no effect")
		}
	})
	t.Run("removed", func(t *testing.T) {
		s.Fail(fakeiks.Fault{Status: 500})()
		if response, _, err := get(t, s, token, path); err != nil || response.StatusCode != 200 {
			t.Errorf("%v, %v", response, err)
		}
	})
}

func TestRequestsAreOnRecordWithoutSecrets(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	s := start(t, fakeiks.Options{Log: &log})
	cluster := addVPC(t, s)
	token := tokenFor(t, s, adminKey)
	idToken, _ := kubeUser(t, s, cluster.ID, viewerKey)
	review(t, s, idToken)
	body := `{"cluster":"` + cluster.ID + `","workerpool":"default","labels":{}}`
	do(t, s, token, http.MethodPost, "/global/v2/setWorkerPoolLabels", body, http.StatusNoContent)
	do(t, s, token, http.MethodGet, "/v1/clusters/nosuch/workerpools/x", "", http.StatusNotFound)

	last := s.Requests()[len(s.Requests())-2]
	if last.Path != "/v2/setWorkerPoolLabels" || last.Body != body || last.Status != 204 || last.Header.Get("Authorization") != "Bearer REDACTED" {
		t.Errorf("record %+v", last)
	}
	counts := map[string]int{
		"/v1/clusters/{c}/workerpools/*": 1, "/v1/clusters/...": 1, "/v1/clusters/{c}": 0, "/v2/setWorkerPoolLabels": 1, "/identity/token": 2, "": 6,
	}
	for pattern, want := range counts {
		if got := s.Count("", pattern); got != want {
			t.Errorf("%q: %d requests, want %d", pattern, got, want)
		}
	}
	if s.Count("GET", "/identity/token") != 0 {
		t.Error("the method does not count")
	}
	all := log.String()
	for _, r := range s.Requests() {
		all += r.Body
		for _, values := range r.Header {
			all += strings.Join(values, " ")
		}
	}
	for name, secret := range map[string]string{"API key": adminKey, "access token": token, "id-token": idToken} {
		if strings.Contains(all, secret) {
			t.Errorf("the %s is on record", name)
		}
	}
	s.ResetRequests()
	if len(s.Requests()) != 0 {
		t.Error("not reset")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	token := tokenFor(t, s, adminKey)
	do(t, s, token, http.MethodPost, "/v2/setWorkerPoolLabels", strings.Repeat("x", 2<<20), http.StatusRequestEntityTooLarge)
	do(t, s, strings.Repeat("x", 1<<20), http.MethodGet, "/v1/clusters", "", http.StatusRequestHeaderFieldsTooLarge)
	body := object(t, do(t, s, token, http.MethodGet, "/v9/nothing", "", http.StatusNotFound))
	if text(t, body["code"]) == "" {
		t.Errorf("body %v", body)
	}
}
