package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/iks-patterns/terraform-provider-iks/internal/proxy"
)

// Error is the error of every function here that makes a request. The server's own refusal, if there was one, is
// inside, so that apierrors.IsNotFound and its kin work on it.
type Error struct {
	// Verb is what was tried: get, list, create, update, patch, apply, delete, evict, discover.
	Verb string
	// Kind, Namespace and Name say on what. Namespace and Name may be empty.
	Kind, Namespace, Name string
	// Host is the API server's address.
	Host string
	// RequestID finds the request in the server's audit log (auditID).
	RequestID string
	// Unsure says that the server may have done it, although Err says otherwise of the last attempt: an earlier one, or
	// this one, was sent and brought no word.
	Unsure bool
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	object := e.Kind
	switch {
	case e.Name != "" && e.Namespace != "":
		object += " " + e.Namespace + "/" + e.Name
	case e.Name != "":
		object += " " + e.Name
	case e.Namespace != "":
		object += " in namespace " + e.Namespace
	}
	return fmt.Sprintf("%s %s at %s: %v", e.Verb, object, e.Host, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

type stage int

const (
	stageExchange stage = iota // a connection was there: the request may have arrived
	stageDial                  // no connection: nothing was sent
	stageTrust                 // the peer is not who it should be
)

// transportFailure is a request that brought no complete response.
type transportFailure struct {
	stage stage
	err   error
}

func (e *transportFailure) Error() string { return e.err.Error() }
func (e *transportFailure) Unwrap() error { return e.err }

// transportError classifies an error of net/http. A request that the caller gave up is no failure of the transport.
// Attempt is the context of the attempt, within ctx.
func transportError(ctx, attempt context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var requested *url.Error
	if errors.As(err, &requested) {
		err = requested.Err // without the URL, which the message has already
	}
	if ctx.Err() == nil && errors.Is(attempt.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no complete response within %s: %w", attemptTimeout, context.DeadlineExceeded)
	}
	failure := &transportFailure{err: err}
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		dns          *net.DNSError
		operation    *net.OpError
		refused      *proxy.Error
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &hostname),
		errors.As(err, &invalid), errors.As(err, &record):
		failure.stage = stageTrust
	case errors.As(err, &operation) && operation.Op == "remote error":
		failure.stage = stageTrust // a TLS alert: the server does not want our certificate
	case errors.As(err, &refused):
		failure.stage = stageDial
		if refused.Status < http.StatusInternalServerError {
			failure.stage = stageTrust // it will say so again
		}
	case errors.As(err, &dns):
		failure.stage = stageDial
		if dns.IsNotFound {
			failure.stage = stageTrust // as final as a wrong certificate
		}
	case errors.As(err, &operation) && (operation.Op == "dial" || operation.Op == "proxyconnect"):
		failure.stage = stageDial
	case strings.Contains(err.Error(), "TLS handshake timeout"): // net/http does not export its type
		failure.stage = stageDial
	}
	return failure
}

// Unreachable reports whether the server could not be talked to at all: the name does not resolve, nothing answers,
// the TLS handshake fails, the connection breaks, or no response arrives in time.
func Unreachable(err error) bool {
	var failure *transportFailure
	return errors.As(err, &failure)
}

// Unsent reports whether a request certainly did not arrive, since no attempt of it had a connection. The end of a
// [Wait] says nothing of the requests before the last one.
func Unsent(err error) bool {
	var waited *WaitError
	var request *Error
	var failure *transportFailure
	return !errors.As(err, &waited) && errors.As(err, &request) && !request.Unsure && errors.As(err, &failure) && failure.stage != stageExchange
}

// refusal is an error that the server gave.
type refusal struct {
	status *apierrors.StatusError
	code   int // HTTP status
}

func (e *refusal) Error() string { return e.status.Error() }
func (e *refusal) Unwrap() error { return e.status }

// statusError makes an error of a response whose status says failure.
func statusError(r call, got answer) error {
	if status, ok := decodeStatus(got); ok {
		return &refusal{status: &apierrors.StatusError{ErrStatus: status}, code: got.status}
	}
	// Not from the API server but from something before it: keep the beginning of what it says.
	text := strings.Join(strings.Fields(string(got.body[:min(len(got.body), 300)])), " ")
	foreign := apierrors.NewGenericServerResponse(got.status, r.verb, schema.GroupResource{Resource: r.kind}, r.name, text, 0, true)
	if got.status == http.StatusNotFound {
		// Nobody but the API server can say that an object does not exist.
		foreign.ErrStatus.Reason = metav1.StatusReasonUnknown
		foreign.ErrStatus.Code = 0
	}
	return &refusal{status: foreign, code: got.status}
}

func unexpectedRedirect(got answer) error {
	return fmt.Errorf("unexpected answer %d with Location %q: this is not a Kubernetes API server", got.status, got.header.Get("Location"))
}

// ConflictOwners gives the field managers that own the fields which a server-side apply was refused for, in the
// order of the server's answer and each once. It is empty if err is no such refusal.
func ConflictOwners(err error) []string {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var owners []string
	seen := map[string]bool{}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		owner := quoted(cause.Message)
		if owner != "" && !seen[owner] {
			seen[owner] = true
			owners = append(owners, owner)
		}
	}
	return owners
}

// quoted gives the first Go-quoted string of a message such as `conflict with "kubectl" using v1`.
func quoted(message string) string {
	start := strings.IndexByte(message, '"')
	if start < 0 {
		return ""
	}
	var owner string
	if _, err := fmt.Sscanf(message[start:], "%q", &owner); err != nil {
		return ""
	}
	return owner
}
