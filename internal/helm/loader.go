package helm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Login is what a chart repository or a registry wants to see of whoever reads.
type Login struct {
	// Prefix of the addresses that it is for: "https://charts.example.com/private", "oci://us.icr.io/team". It ends where a
	// part of a path does. Empty is every address.
	Prefix string
	// Credentials gives them when they are needed, or says why it cannot.
	Credentials func() (username, password string, err error)
}

// Loader gets charts. The zero value goes by the environment's proxy variables and has no credentials.
type Loader struct {
	// Client decides on proxies, trust and timeouts; nil as with [Load].
	Client *http.Client
	// Logins by which addresses are asked. Of several that fit, the one with the longest prefix is taken.
	Logins []Login
}

// Load gets a chart, with the login for its address unless the source has credentials of its own. The error is as that
// of [Load], or that of the login.
func (l Loader) Load(ctx context.Context, s Source) (*Chart, error) {
	if s.Username+s.Password == "" {
		var err error
		if s.Username, s.Password, err = l.credentials(s.home()); err != nil {
			return nil, fmt.Errorf("chart %s: %w", s, err)
		}
	}
	return l.load(ctx, s)
}

// credentials for an address, none where no login fits.
func (l Loader) credentials(address string) (username, password string, err error) {
	if login := l.login(address); login != nil {
		return login.Credentials()
	}
	return "", "", nil
}

func (l Loader) login(address string) *Login {
	var out *Login
	for i, login := range l.Logins {
		if leads(login.Prefix, address) && (out == nil || len(login.Prefix) > len(out.Prefix)) {
			out = &l.Logins[i]
		}
	}
	return out
}

// leads tells whether an address lies under a prefix. Schemes and hosts are compared without regard to case.
func leads(prefix, address string) bool {
	if prefix == "" {
		return strings.Contains(address, "://")
	}
	under, err := url.Parse(strings.TrimRight(prefix, "/"))
	if err != nil {
		return false
	}
	at, err := url.Parse(address)
	if err != nil || !strings.EqualFold(under.Scheme, at.Scheme) || !strings.EqualFold(under.Host, at.Host) {
		return false
	}
	rest, below := strings.CutPrefix(at.Path, under.Path)
	return below && (rest == "" || strings.ContainsAny(rest[:1], "/:@"))
}

// How long a repository may take.
const (
	dialTimeout    = 10 * time.Second
	answerTimeout  = 30 * time.Second
	requestTimeout = 2 * time.Minute
	mostRedirects  = 10
)

// NewHTTPClient makes a client for repositories: proxies as the environment says (HTTPS_PROXY, NO_PROXY), trust as the
// machine has it (SSL_CERT_FILE), an end to every wait. It makes no request.
func NewHTTPClient() *http.Client {
	return &http.Client{
		Timeout: requestTimeout, CheckRedirect: keepToHost,
		Transport: encrypted{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: answerTimeout, ForceAttemptHTTP2: true,
		}},
	}
}

// encrypted sends no credentials in the clear, wherever a registry says that its tokens are to be had.
type encrypted struct{ http.RoundTripper }

func (e encrypted) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && request.Header.Get("Authorization") != "" {
		return nil, errUnencrypted
	}
	return e.RoundTripper.RoundTrip(request)
}

var errUnencrypted = errors.New("credentials are sent over https alone")

// keepToHost takes the credentials out of a request that a redirect leads elsewhere. Go leaves them in for other ports
// and subdomains of a host, and without encryption.
func keepToHost(request *http.Request, via []*http.Request) error {
	if len(via) >= mostRedirects {
		return fmt.Errorf("it redirects more than %d times", mostRedirects)
	}
	if first := via[0].URL; first.Scheme != request.URL.Scheme || first.Host != request.URL.Host {
		request.Header.Del("Authorization")
	}
	return nil
}
