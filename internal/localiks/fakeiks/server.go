package fakeiks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 1 << 20
	defaultDelay   = 50 * time.Millisecond
)

// Options tune a [Server]. The zero value is good.
type Options struct {
	// Address to listen on; default 127.0.0.1 and a free port.
	Address string
	// Delay is how long asynchronous changes take; default 50 ms, negative for none.
	Delay time.Duration
	// TokenLifetime is the life of IAM access tokens; default 1 hour.
	TokenLifetime time.Duration
	// KubeTokenLifetime is the life of the id-tokens in kubeconfigs; default 1 hour.
	KubeTokenLifetime time.Duration
	// Account is the account ID (32 hexadecimal digits) that everything belongs to.
	Account string
	// Access gives the Kubernetes API server to a cluster that is created
	// through the API. Without it such a cluster stays without one, and its
	// kubeconfig is refused.
	Access func(Cluster) (Access, error)
	// Log receives one line for each request, without secrets.
	Log io.Writer
}

// Server is a running fake of IKS and IAM. All methods are safe for concurrent use.
type Server struct {
	options  Options
	log      *slog.Logger
	base     string
	http     *http.Server
	served   chan struct{}
	iam      *iam
	faults   faultList
	requests requestLog

	mu          sync.Mutex // guards all below
	closed      bool
	pending     sync.WaitGroup
	timers      map[*time.Timer]struct{}
	clusters    map[string]*cluster
	subscribers map[*subscriber]struct{}
	zonesGiven  int
	balancers   []*LoadBalancer
}

// Start listens and serves until [Server.Close].
func Start(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Delay == 0 {
		o.Delay = defaultDelay
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.KubeTokenLifetime == 0 {
		o.KubeTokenLifetime = time.Hour
	}
	if o.Account == "" {
		o.Account = "a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5"
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("fake IKS: listen: %w", err)
	}
	base := "http://" + listener.Addr().String()
	idp, err := newIAM(o, base)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fake IAM: %w", err), listener.Close())
	}
	s := &Server{
		options:     o,
		log:         slog.New(slog.NewTextHandler(o.Log, nil)),
		base:        base,
		served:      make(chan struct{}),
		iam:         idp,
		timers:      map[*time.Timer]struct{}{},
		clusters:    map[string]*cluster{},
		subscribers: map[*subscriber]struct{}{},
	}
	s.http = &http.Server{
		Handler:           s.record(s.injectFaults(s.routes())),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(o.Log, nil), slog.LevelWarn),
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("serving ended", "error", err)
		}
	}()
	return s, nil
}

// Close stops the server, drops open connections and ends all subscriptions.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for timer := range s.timers {
		if timer.Stop() {
			s.pending.Done()
		}
	}
	clear(s.timers)
	for sub := range s.subscribers {
		sub.close()
	}
	clear(s.subscribers)
	s.mu.Unlock()
	s.faults.clear()

	err := s.http.Close()
	<-s.served
	s.pending.Wait()
	if err != nil {
		return fmt.Errorf("fake IKS: close: %w", err)
	}
	return nil
}

// URL is the value for IBMCLOUD_CS_API_ENDPOINT. The path prefix /global of
// the real endpoint is understood as well.
func (s *Server) URL() string { return s.base }

// IAMURL is the value for IBMCLOUD_IAM_API_ENDPOINT.
func (s *Server) IAMURL() string { return s.base }

// TokenReviewURL is where a Kubernetes API server's webhook token
// authenticator (authentication.k8s.io/v1) finds out who a kubeconfig's
// id-token belongs to.
func (s *Server) TokenReviewURL() string { return s.base + "/tokenreview" }

// after runs change under the lock when the delay has passed, unless the
// server is closed by then. Call it with the lock held.
func (s *Server) after(change func()) {
	if s.options.Delay < 0 {
		change()
		return
	}
	if s.closed {
		return
	}
	s.pending.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(s.options.Delay, func() {
		defer s.pending.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.timers, timer)
		if !s.closed {
			change()
		}
	})
	s.timers[timer] = struct{}{}
}

// sleep waits, or returns early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
