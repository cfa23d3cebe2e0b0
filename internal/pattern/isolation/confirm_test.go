package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func client(t *testing.T, host string) *kube.Client {
	t.Helper()
	c, err := kube.New(kube.Access{Host: host}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestPersist(t *testing.T) {
	t.Parallel()
	// Each letter is one round of a probe: f fails, any other works; the last one stays.
	for name, c := range map[string]struct {
		rounds []string
		fails  string
	}{
		"all work":                   {[]string{"w", "w"}, ""},
		"one loses a packet":         {[]string{"w", "fw"}, ""},
		"one loses two":              {[]string{"ffw", "w"}, ""},
		"one does not work any more": {[]string{"w", "f"}, "second"},
		"one stops working":          {[]string{"fwfff", "wfw"}, "first"},
		"nothing to try":             {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var probes []probe
			for n, rounds := range c.rounds {
				probes = append(probes, probe{[]string{"the first", "the second"}[n], func(context.Context, *kube.Client) error {
					now := rounds[0]
					if len(rounds) > 1 {
						rounds = rounds[1:]
					}
					if now == 'f' {
						return errors.New("no route")
					}
					return nil
				}})
			}
			err := persist(t.Context(), client(t, "http://127.0.0.1:9"), probes, 0, time.Microsecond)
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error is %v, want one about %q", err, c.fails)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	working := []probe{{"it", func(context.Context, *kube.Client) error { return nil }}}
	if err := persist(ended, client(t, "http://127.0.0.1:9"), working, time.Hour, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("an apply that is stopped: %v", err)
	}
}

// a cluster of two zones, with one aggregated API, in which paths can be cut.
type fakeCluster struct {
	mu    sync.Mutex
	cut   []string
	asked []string
}

func (f *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path)
	if slices.ContainsFunc(f.cut, func(part string) bool { return strings.Contains(r.URL.Path, part) }) {
		http.Error(w, "no route", http.StatusServiceUnavailable)
		return
	}
	list := func(items ...any) any { return map[string]any{"metadata": map[string]any{}, "items": items} }
	named := func(name string) map[string]any { return map[string]any{"name": name, "uid": "u-" + name} }
	node := func(name, zone string) any {
		meta := named(name)
		meta["labels"] = map[string]any{"topology.kubernetes.io/zone": zone}
		return map[string]any{"metadata": meta}
	}
	pod := func(name, node string) any {
		return map[string]any{"metadata": named(name), "spec": map[string]any{"nodeName": node, "containers": []any{map[string]any{"name": "c"}}}}
	}
	var answer any
	switch r.URL.Path {
	case "/api/v1/namespaces/kube-system":
		answer = map[string]any{"metadata": named("kube-system")}
	case "/apis/apiregistration.k8s.io/v1/apiservices":
		own := map[string]any{"metadata": named("v1."), "spec": map[string]any{"version": "v1"}}
		theirs := map[string]any{"metadata": named("v3.x"), "spec": map[string]any{"group": "x", "version": "v3", "service": map[string]any{"namespace": "x", "name": "x"}}}
		answer = list(own, theirs)
	case "/apis/x/v3":
		answer = map[string]any{}
	case "/api/v1/nodes":
		answer = list(node("n1", "z1"), node("n2", "z2"))
	case "/api/v1/namespaces/kube-system/pods":
		answer = list(pod("p1", "n1"), pod("p2", "n2"))
	case "/api/v1/namespaces/kube-system/pods/p1/log", "/api/v1/namespaces/kube-system/pods/p2/log":
		_, _ = w.Write([]byte("line\n"))
		return
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after []string
		earlier       string // part of what worked in an apply that was cut off
		unproven      string // part of the only entry
		fails         string
	}{
		"all works":                       {},
		"the API server is cut off":       {after: []string{"/namespaces/kube-system"}, fails: "the API server"},
		"the aggregated API is cut off":   {after: []string{"/apis/x/v3"}, fails: "aggregated API x/v3"},
		"a zone's kubelets are":           {after: []string{"/pods/p2/log"}, fails: "zone z2"},
		"a zone's kubelets were before":   {before: []string{"/pods/p2/log"}, after: []string{"/pods/p2/log"}, unproven: "zone z2"},
		"APIServices may not be listed":   {before: []string{"/apiservices"}, unproven: "aggregated APIs"},
		"nodes may not be listed":         {before: []string{"/nodes"}, unproven: "kubelets"},
		"an earlier apply cut a zone off": {before: []string{"/pods/p2/log"}, after: []string{"/pods/p2/log"}, earlier: "zone z2", fails: "zone z2"},
		"and it works again":              {before: []string{"/pods/p2/log"}, earlier: "zone z2"},
		"what did not work works then":    {before: []string{"/apis/x/v3"}, unproven: "x/v3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeCluster{cut: c.before}
			server := httptest.NewServer(f)
			t.Cleanup(server.Close)
			k := client(t, server.URL).Anew() // tries once
			after, unproven := connections(t.Context(), k, time.Nanosecond, func(what string) bool { return c.earlier != "" && strings.Contains(what, c.earlier) })
			if c.unproven == "" && len(unproven) > 0 || c.unproven != "" && (len(unproven) != 1 || !strings.Contains(unproven[0].String(), c.unproven)) {
				t.Errorf("unproven is %q, want %q", unproven, c.unproven)
			}
			f.mu.Lock()
			f.cut, f.asked = c.after, nil
			f.mu.Unlock()
			err := after(t.Context())
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error is %v, want one about %q", err, c.fails)
			}
			if len(f.asked) == 0 {
				t.Error("nothing was tried")
			}
		})
	}
}
