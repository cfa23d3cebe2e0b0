package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// reviewer answers TokenReviews for a control plane that outlives those who
// issue tokens: it asks the one whose turn it is, and knows no token between.
type reviewer struct {
	url    string
	asks   atomic.Pointer[url.URL] // nil for nobody
	server *http.Server
}

func newReviewer(ctx context.Context) (*reviewer, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("token reviews: %w", err)
	}
	r := &reviewer{url: "http://" + listener.Addr().String() + "/"}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(listener) }() // it ends with close
	return r, nil
}

func (r *reviewer) toNobody() { r.asks.Store(nil) }

// to changes whom it asks; an empty address for nobody.
func (r *reviewer) to(address string) error {
	if address == "" {
		r.toNobody()
		return nil
	}
	target, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("token reviews: %w", err)
	}
	r.asks.Store(target)
	return nil
}

// ServeHTTP implements http.Handler.
func (r *reviewer) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	target := r.asks.Load()
	if target == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":false}}`)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.Out.URL, p.Out.Host = target, target.Host }}
	proxy.ServeHTTP(w, request)
}

func (r *reviewer) close() error { return r.server.Close() }
