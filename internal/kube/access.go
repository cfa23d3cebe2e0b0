package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
)

// ErrNoHost is the error of [New] when the address of the API server is empty. There is no default: falling back to
// localhost, as client-go does, would talk to whatever answers there.
var ErrNoHost = errors.New("the address of the Kubernetes API server is empty")

// TokenSource gives a bearer token. It is called before every request and is expected to cache; refresh is true once
// after the API server answered 401, and then a new token must be fetched.
type TokenSource func(ctx context.Context, refresh bool) (string, error)

// Access is how to reach one API server. Printed, logged or marshalled, it shows the host and nothing else.
type Access struct {
	// Host is the server's URL, for example https://c1.us-south.containers.cloud.ibm.com:30123. Without a scheme,
	// https is meant. Plain http is for loopback addresses only.
	Host string
	// CACertificate is a PEM bundle. Empty means the certificates that the system trusts.
	CACertificate []byte
	// ClientCertificate and ClientKey are PEM blocks, both or neither.
	ClientCertificate, ClientKey []byte
	// Token gives the bearer token. Nil if the client certificate is the credential.
	Token TokenSource
	// TLSServerName overrides the name that the server's certificate is checked against. Empty means Host's name.
	TLSServerName string
	// ProxyURL is an http, https or socks5 proxy. Empty means the proxy variables of the environment.
	ProxyURL string
}

// String gives the host. It never shows a credential.
func (a Access) String() string {
	return "Access(" + a.Host + ", credentials redacted)"
}

// GoString keeps %#v from showing credentials.
func (a Access) GoString() string { return a.String() }

// Format keeps every verb of package fmt from showing credentials.
func (a Access) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(a.String()))
}

// MarshalJSON keeps credentials out of every document that an Access ends up in.
func (a Access) MarshalJSON() ([]byte, error) {
	return []byte(fmt.Sprintf("%q", a.String())), nil
}

// LogValue keeps credentials out of structured logs.
func (a Access) LogValue() slog.Value {
	return slog.StringValue(a.String())
}

// baseURL checks Host and gives it as a URL without a trailing slash.
func (a Access) baseURL() (*url.URL, error) {
	host := strings.TrimSpace(a.Host)
	if host == "" {
		return nil, ErrNoHost
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	base, err := url.Parse(host)
	if err != nil {
		return nil, errors.New("the address of the Kubernetes API server is not a URL")
	}
	switch {
	case base.User != nil:
		return nil, errors.New("the address of the Kubernetes API server carries a user name or password")
	case base.Hostname() == "":
		return nil, fmt.Errorf("the address of the Kubernetes API server, %q, names no host", a.Host)
	case base.Scheme == "http" && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("refusing plain http for the Kubernetes API server %s: credentials would be readable on the way", base.Host)
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("the address of the Kubernetes API server, %q, is neither https nor http", a.Host)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawQuery, base.Fragment = "", ""
	return base, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
