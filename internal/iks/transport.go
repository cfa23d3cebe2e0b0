package iks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport is Go's own with limits that suit one API host: an address that
// swallows packets is noticed within seconds, and as many connections are kept
// as requests may be under way.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * maxConcurrent,
		MaxIdleConnsPerHost:    maxConcurrent,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		// A connection whose peer has silently gone is found out in 15 s, not when the kernel gives up.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// proxyError says that a proxy did not let us through.
type proxyError struct {
	proxy  string // host and port
	status int
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers %d %s", e.proxy, e.status, http.StatusText(e.status))
}

// checkProxy gives a proxy's refusal a type; net/http has but a text for it.
func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy: proxy.Host, status: answer.StatusCode}
}

// isHopeless tells whether the network error is one that stays: a name that
// does not exist, a certificate that is not to be trusted, a proxy that says no.
func isHopeless(err error) bool {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var proxy *proxyError
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &proxy) && !isTransientStatus(proxy.status)
}

// isConnecting tells whether no connection came about, so that nothing was
// sent, and whether that was for lack of any answer.
func isConnecting(err error) (connecting, silent bool) {
	var proxy *proxyError
	if errors.As(err, &proxy) {
		return true, false
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" && op.Op != "proxyconnect" {
		return false, false
	}
	return true, op.Timeout()
}
