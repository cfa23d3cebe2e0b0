// Package proxy tells what a proxy says from what the server behind it says.
package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Error says that a proxy did not open a connection to the server: nothing was sent.
type Error struct {
	// Proxy is its host and port.
	Proxy string
	// Status is the HTTP status of its answer.
	Status int
}

func (e *Error) Error() string {
	return fmt.Sprintf("the proxy %s answers %d %s", e.Proxy, e.Status, http.StatusText(e.Status))
}

// Check is for http.Transport's OnProxyConnectResponse. It gives a proxy's refusal as an *Error: net/http has but the
// text of its status, which looks like the server's.
func Check(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &Error{Proxy: proxy.Host, Status: answer.StatusCode}
}
