package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestReadAudit(t *testing.T) {
	t.Parallel()
	const (
		list  = `{"auditID":"1","verb":"list","requestURI":"/api/v1/nodes","user":{"username":"u"},"userAgent":"a","responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z"}` + "\n"
		began = `{"auditID":"2","stage":"ResponseStarted","verb":"watch","requestURI":"/w","user":{"username":"u"},"userAgent":"a","responseStatus":{"code":200}}` + "\n"
		ended = `{"auditID":"2","stage":"ResponseComplete","verb":"watch","requestURI":"/w","user":{"username":"u"},"userAgent":"a","responseStatus":{"code":200}}` + "\n"
		mark  = `{"auditID":"3","verb":"get","requestURI":"/livez/ping","user":{"username":"u"},"userAgent":"localiks-audit","responseStatus":{"code":200}}` + "\n"
	)
	cases := map[string]struct {
		log    string
		since  int
		upTo   string
		events string
		end    int
		seen   bool
	}{
		"empty":                      {},
		"to the end":                 {log: list + began, events: "list watch", end: len(list + began)},
		"a watch counts once":        {log: began + list + ended, events: "watch list", end: len(began + list + ended)},
		"since a mark":               {log: list + began, since: len(list), events: "watch", end: len(list + began)},
		"up to a mark":               {log: list + mark + began, upTo: "3", events: "list", end: len(list + mark), seen: true},
		"mark not there yet":         {log: list, upTo: "3", events: "list", end: len(list)},
		"old marks are no events":    {log: mark + list, events: "list", end: len(mark + list)},
		"the last line is half done": {log: list + began[:20], events: "list", end: len(list)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "audit.log")
			if err := os.WriteFile(file, []byte(c.log), 0o600); err != nil {
				t.Fatal(err)
			}
			events, end, seen, err := readAudit(file, AuditMark{position: int64(c.since)}, c.upTo)
			if err != nil {
				t.Fatal(err)
			}
			var verbs []string
			for _, event := range events {
				verbs = append(verbs, event.Verb)
			}
			if got := strings.Join(verbs, " "); got != c.events || end.position != int64(c.end) || seen != c.seen {
				t.Errorf("events %q, end %d, seen %t; want %q, %d, %t", got, end.position, seen, c.events, c.end, c.seen)
			}
		})
	}
	if _, err := parseAudit([]byte("{")); err == nil {
		t.Error("a broken event is no error")
	}
}

func TestPortStaysReserved(t *testing.T) {
	t.Parallel()
	reserved, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer reserved.release()
	address := fmt.Sprintf("127.0.0.1:%d", reserved.number)
	refused := func(when string) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("before it is served")
	if stranger, err := net.Listen("tcp", address); err == nil {
		_ = stranger.Close()
		t.Error("a stranger could take the port")
	}

	shares := net.ListenConfig{Control: shareBound}
	server, err := shares.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("the program that shares the port: %v", err)
	}
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Errorf("while it is served: %v", err)
	} else {
		_ = connection.Close()
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	refused("after it was served")
}

func TestUntil(t *testing.T) {
	t.Parallel()
	missing := errors.New("one thing")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := until(ctx, func(context.Context) error { return missing })
	if !errors.Is(err, missing) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	calls := 0
	err = until(t.Context(), func(context.Context) error {
		if calls++; calls < 3 {
			return missing
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	}))
	t.Cleanup(target.Close)
	r, err := newRelay(t.Context(), "127.0.0.1", target.URL+"/review")
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(r.url, "application/json", strings.NewReader("token"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "POST /review token" {
		t.Errorf("answer is %q, %v", body, err)
	}
	if err := r.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// goingOn is a control plane in whose first rewind a namespace ends.
type goingOn struct {
	plane
	did func(string)
	n   int
}

func (g *goingOn) rewind(context.Context) ([]string, error) {
	g.did("rewind")
	if g.n++; g.n == 1 {
		return []string{"left"}, nil
	}
	return nil, nil
}

func (g *goingOn) check() error { return nil }

// What controllers put into a namespace before the API server refuses that is
// taken away as well.
func TestRewindWaitsForNamespaces(t *testing.T) {
	t.Parallel()
	var did []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost {
			return // it is ready
		}
		did = append(did, r.URL.RequestURI())
		if len(did) < 4 { // it takes two
			_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"ConfigMap"}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404}`)
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	c := &ControlPlane{client: client, plane: &goingOn{did: func(what string) { did = append(did, what) }}}
	if err := c.rewind(t.Context()); err != nil {
		t.Fatal(err)
	}
	const asked = "/api/v1/namespaces/left/configmaps?dryRun=All"
	if want := []string{"rewind", asked, asked, asked, "rewind"}; !slices.Equal(did, want) {
		t.Errorf("did %v, want %v", did, want)
	}
}
