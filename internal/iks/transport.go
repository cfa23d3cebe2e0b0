package iks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/proxy"
)

// newTransport is Go's own with limits that suit one API host: an address that
// swallows packets is noticed within seconds, and as many connections are kept
// as requests may be under way.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxy.Check,
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

// isHopeless tells whether the network error is one that stays: a name that
// does not exist, a certificate that is not to be trusted, a proxy that says no.
func isHopeless(err error) bool {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var refused *proxy.Error
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &refused) && !isTransientStatus(refused.Status)
}

// isConnecting tells whether no connection came about, so that nothing was
// sent, and whether that was for lack of any answer.
func isConnecting(err error) (connecting, silent bool) {
	var refused *proxy.Error
	if errors.As(err, &refused) {
		return true, false
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" && op.Op != "proxyconnect" {
		return false, false
	}
	return true, op.Timeout()
}
