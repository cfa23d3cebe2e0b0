package kube

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/proxy"
)

const (
	defaultMaxInFlight   = 16
	defaultCacheLifetime = 30 * time.Second
	defaultRetryFor      = 30 * time.Second
	defaultPageSize      = 1000
)

// Options tune a [Client]. The zero value is good.
type Options struct {
	// UserAgent is sent with every request, for example "terraform-provider-iks/1.2.0".
	UserAgent string
	// MaxInFlight bounds the requests that are under way at once. Default 16.
	MaxInFlight int
	// CacheLifetime is how long a LIST serves [CachedList]. Default 30 s.
	CacheLifetime time.Duration
	// RetryFor is how long a request that may be repeated is tried again after its first attempt. Default 30 s,
	// negative means one attempt only.
	RetryFor time.Duration
	// PageSize is how many objects one LIST request asks for. Default 1000.
	PageSize int
	// CorrelationID is sent as X-Correlation-ID with every request, so that the requests of one run can be found
	// together. Empty means a random one for each client.
	CorrelationID string
	// Observe, if set, is called after each attempt of each request, from the goroutine that made it.
	Observe func(Exchange)
}

// Client talks to one API server. It is safe for concurrent use, and copies of it must not be made.
type Client struct {
	base    *url.URL
	http    *http.Client
	token   TokenSource
	options Options
	slots   chan struct{}
	cache   *cache
	backoff backoff

	factsMu sync.Mutex
	facts   map[string]*fact
}

// New makes a client. It makes no request. An empty host is [ErrNoHost].
func New(access Access, options Options) (*Client, error) {
	base, err := access.baseURL()
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(access)
	if err != nil {
		return nil, fmt.Errorf("connection to %s: %w", base.Host, err)
	}
	options = options.withDefaults()
	return &Client{
		base: base,
		http: &http.Client{
			Transport: transport,
			// An API server does not redirect; a captive portal or a proxy does, and must not be shown a token.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		token:   access.Token,
		options: options,
		slots:   make(chan struct{}, options.MaxInFlight),
		cache:   newCache(options.CacheLifetime),
		backoff: backoff{first: 200 * time.Millisecond, limit: 5 * time.Second},
		facts:   map[string]*fact{},
	}, nil
}

// Host is the server's address without its path, for messages.
func (c *Client) Host() string { return c.base.Host }

// Format keeps every verb of package fmt from walking into the connection.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("Client(" + c.base.Host + ")"))
}

// CloseIdleConnections closes the connections that no request is using.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = "terraform-provider-iks"
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = defaultMaxInFlight
	}
	if o.CacheLifetime <= 0 {
		o.CacheLifetime = defaultCacheLifetime
	}
	if o.RetryFor == 0 {
		o.RetryFor = defaultRetryFor
	}
	if o.PageSize <= 0 {
		o.PageSize = defaultPageSize
	}
	if o.CorrelationID == "" {
		o.CorrelationID = newID()
	}
	return o
}

func newTransport(access Access) (*http.Transport, error) {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: access.TLSServerName}
	if len(access.CACertificate) > 0 {
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(access.CACertificate) {
			return nil, errors.New("the CA certificate holds no PEM certificate")
		}
	}
	if len(access.ClientCertificate) > 0 || len(access.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(access.ClientCertificate, access.ClientKey)
		if err != nil {
			// The cause may quote the input, so it is not passed on.
			return nil, errors.New("the client certificate and its key are not a pair of PEM blocks that belong together")
		}
		tlsConfig.Certificates = []tls.Certificate{pair}
	}
	way := http.ProxyFromEnvironment
	if access.ProxyURL != "" {
		address, err := url.Parse(access.ProxyURL)
		if err != nil || address.Host == "" {
			return nil, errors.New("the proxy's address is not a URL such as http://proxy.example:3128")
		}
		way = http.ProxyURL(address)
	}
	return &http.Transport{
		Proxy:                  way,
		OnProxyConnectResponse: proxy.Check,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    defaultMaxInFlight,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		// A connection whose peer has silently gone is found out in 15 s, not when the kernel gives up.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}, nil
}
