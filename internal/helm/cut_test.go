package helm_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// cutOff is a client whose connection is gone for good after a number of requests, as if its process had been killed.
// The last request that gets through takes effect, and its answer does not arrive.
func (r *rig) cutOff(t *testing.T, after int) (client *helm.Client, cut func() bool) {
	t.Helper()
	config := r.plane.RESTConfig()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }}
	proxy.ErrorLog = log.New(t.Output(), "", 0) // what it says is not said by the client
	var made atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := int(made.Add(1)); {
		case n < after:
			proxy.ServeHTTP(w, r)
		case n == after:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(front.Close)
	c, err := kube.New(kube.Access{Host: front.URL}, kube.Options{RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return helm.New(c), func() bool { return int(made.Load()) >= after }
}

// cut breaks an operation off at each of its requests, and sees that the next apply comes to what is declared, with
// nothing lost and nothing twice.
func (r *rig) cut(t *testing.T) {
	operations := map[string]func(*helm.Client, helm.ApplyOptions) error{
		"install": func(c *helm.Client, o helm.ApplyOptions) error {
			_, err := c.Install(t.Context(), o)
			return err
		},
		"upgrade": func(c *helm.Client, o helm.ApplyOptions) error {
			_, err := c.Upgrade(t.Context(), o)
			return err
		},
		"uninstall": func(c *helm.Client, o helm.ApplyOptions) error {
			_, err := c.Uninstall(t.Context(), helm.UninstallOptions{Namespace: o.Namespace, Name: o.Name, Labels: o.Labels, Timeout: o.Timeout})
			return err
		},
	}
	for name, operation := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := time.Second
			for n := 1; ; n++ {
				ns := r.namespace(t, fmt.Sprintf("cut-%s-%d-within-%d", name, n, patience/time.Second))
				if name != "install" {
					r.install(t, ns, map[string]any{"greeting": "before", "extra": true})
				}
				client, reached := r.cutOff(t, n)
				wanted := r.options(ns, map[string]any{"greeting": "after", "keep": false})
				wanted.Timeout = patience
				err := operation(client, wanted)
				if !reached() && err != nil && patience == time.Second {
					// A slow machine ended it and not the cut: once more.
					n, patience = n-1, time.Minute
					continue
				}
				patience = time.Second
				if !reached() {
					if err != nil {
						t.Fatalf("whole: %v", err)
					}
					t.Logf("%s: %d requests", name, n-1)
					return
				}
				if err == nil && !r.deployed(t, ns, "after") {
					t.Fatalf("request %d was cut off, and nothing was said", n)
				}
				if notBegun(err) {
					r.asBefore(t, name, ns)
				}
				wanted.Timeout = time.Minute
				r.converge(t, name, ns, wanted)
			}
		})
	}
}

// deployed says that the release is done, so that only the tidying up of its history can have been cut off.
func (r *rig) deployed(t *testing.T, ns, greeting string) bool {
	t.Helper()
	now, err := r.Release(t.Context(), ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	return now != nil && now.Status == helm.StatusDeployed && r.data(t, ns, "app-config")["greeting"] == greeting
}

// asBefore holds an operation that was not begun to have left what was there.
func (r *rig) asBefore(t *testing.T, name, ns string) {
	t.Helper()
	if name == "install" {
		same(t, ns, r.left(t, ns), nil)
		return
	}
	same(t, ns, r.statuses(t, ns), []string{"1 deployed"})
	if got := r.data(t, ns, "app-config"); got["greeting"] != "before" {
		t.Errorf("%s: got %v", ns, got)
	}
}

// converge does what a next apply does.
func (r *rig) converge(t *testing.T, name, ns string, wanted helm.ApplyOptions) {
	t.Helper()
	if name == "uninstall" {
		if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app", Labels: ours}); err != nil {
			t.Fatalf("%s: %v", ns, err)
		}
		same(t, ns, r.left(t, ns), nil)
		return
	}
	release, err := r.Install(t.Context(), wanted)
	if errors.Is(err, helm.ErrReleaseExists) {
		release, err = r.Upgrade(t.Context(), wanted)
	}
	if err != nil {
		t.Fatalf("%s: %v", ns, err)
	}
	if got := r.data(t, ns, "app-config"); got["greeting"] != "after" || r.data(t, ns, "app-extra") != nil {
		t.Errorf("%s: got %v", ns, got)
	}
	if drift, err := r.Drift(t.Context(), release); err != nil || len(drift) > 0 {
		t.Errorf("%s: drift %q, %v", ns, drift, err)
	}
	statuses := r.statuses(t, ns)
	deployed := slices.DeleteFunc(slices.Clone(statuses), func(s string) bool { return !strings.HasSuffix(s, " deployed") })
	if len(deployed) != 1 || deployed[0] != statuses[len(statuses)-1] || strings.Contains(strings.Join(statuses, " "), "pending") {
		t.Errorf("%s: history %q", ns, statuses)
	}
}
