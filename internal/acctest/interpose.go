package acctest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// Interpose puts a proxy in front of a cluster's API server and gives its URL,
// for the `host` of an entry of `cluster_access`. Requests pass as the
// administrator's, unless answer answers them, which it tells.
func Interpose(t testing.TB, c *localiks.Cluster, answer func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	config := c.RESTConfig()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(server) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}
