package controlplane

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// relay passes requests that come in on one address of this machine to a
// server on another one.
type relay struct {
	url    string // the target's, at this address
	server *http.Server
}

// newRelay listens on any free port of an address and passes everything on.
func newRelay(ctx context.Context, address, target string) (*relay, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(&url.URL{Scheme: to.Scheme, Host: to.Host}) // the path is the caller's
	}}
	reached := *to
	reached.Host = listener.Addr().String()
	r := &relay{
		url:    reached.String(),
		server: &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second},
	}
	go func() { _ = r.server.Serve(listener) }() // it ends with close
	return r, nil
}

func (r *relay) close(ctx context.Context) error { return r.server.Shutdown(ctx) }
