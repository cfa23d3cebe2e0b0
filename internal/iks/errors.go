package iks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Error says what failed, on what, and what IKS or IAM answered. Its texts hold
// no credentials.
type Error struct {
	// Operation and Resource name the call, such as `reading` and `cluster "prod"`.
	Operation, Resource string
	// Status of the HTTP answer; 0 where there was none.
	Status int
	// Code is IBM's own, such as E0008 or BXNIM0415E.
	Code string
	// Description is IBM's text for people.
	Description string
	// RecoveryCLI is IBM's hint what to do, worded for its command line.
	RecoveryCLI string
	// IncidentID is what IBM's support asks for.
	IncidentID string
	// Type is IBM's class of error, such as Provisioning or Authentication.
	Type string
	// CorrelationID is what we sent in X-Correlation-ID and Transaction-Id.
	CorrelationID string
	// Attempts is how many requests were sent for it.
	Attempts int
	// Unsure says that it may have been done all the same: a request before the last one was sent and brought no word.
	Unsure bool
	// Err is the cause where the answer itself does not tell it.
	Err error

	retryAfter time.Duration
}

// Error is one line: operation, resource, cause, and what support needs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(e.Operation + " " + e.Resource))
	var causes []string
	if e.Description != "" {
		causes = append(causes, e.Description)
	}
	if e.Err != nil {
		causes = append(causes, e.Err.Error())
	}
	if len(causes) == 0 {
		causes = append(causes, strings.ToLower(http.StatusText(e.Status)))
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(strings.Join(causes, ": "))
	if notes := e.notes(); len(notes) > 0 {
		b.WriteString(" (" + strings.Join(notes, ", ") + ")")
	}
	return b.String()
}

func (e *Error) notes() []string {
	var notes []string
	if e.Code != "" {
		notes = append(notes, e.Code)
	}
	if e.Status != 0 {
		notes = append(notes, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Attempts > 1 {
		notes = append(notes, fmt.Sprintf("after %d attempts", e.Attempts))
	}
	if e.IncidentID != "" {
		notes = append(notes, "incident "+e.IncidentID)
	}
	if e.CorrelationID != "" {
		notes = append(notes, "correlation ID "+e.CorrelationID)
	}
	return notes
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary is IsTransient, for those who do not know this package.
func (e *Error) Temporary() bool { return IsTransient(e) }

// networkError says that a host gave no (whole) answer.
type networkError struct {
	host string
	text string // of err, without secrets
	err  error
}

func (e *networkError) Error() string { return "no answer from " + e.host + ": " + e.text }
func (e *networkError) Unwrap() error { return e.err }

// garbledError says that an answer is not what the API gives.
type garbledError struct{ why string }

func (e *garbledError) Error() string { return e.why }

// deletedError says that a thing is only shown as what it was.
type deletedError struct{}

func (*deletedError) Error() string { return "it has been deleted" }

// deadlineError is why a call ended that took longer than it may.
type deadlineError struct{ after time.Duration }

func (e *deadlineError) Error() string {
	return fmt.Sprintf("not done within %s", e.after)
}

// Is lets errors.Is see it as the deadline that it is.
func (e *deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// codeOfIKS is the form of the codes of IKS's own errors, as E0008 or A0002.
var codeOfIKS = regexp.MustCompile(`^[A-Z][0-9a-z]{4}$`)

// IsNotFound tells whether err is IKS's own answer that the thing does not
// exist: that it is deleted, or a 404 with a code of IKS's form and an incident
// ID. Any other 404, as a proxy, another API or a mistyped endpoint gives it, is
// not proof, nor is one of IAM, which is about the credentials.
func IsNotFound(err error) bool {
	var deleted *deletedError
	if errors.As(err, &deleted) {
		return true
	}
	e, ok := asError(err)
	return ok && !e.fromIAM() && e.Status == http.StatusNotFound && codeOfIKS.MatchString(e.Code) && e.IncidentID != ""
}

// IsForbidden tells whether the credentials are valid but lack the permission.
func IsForbidden(err error) bool {
	e, ok := asError(err)
	return ok && !e.fromIAM() && e.Status == http.StatusForbidden
}

// IsConflict tells whether the state of the thing did not allow the call.
func IsConflict(err error) bool {
	e, ok := asError(err)
	return ok && !e.fromIAM() && e.Status == http.StatusConflict
}

// IsUnauthorized tells whether the credentials were refused, be it by IKS or,
// as a wrong API key is, by IAM.
func IsUnauthorized(err error) bool {
	e, ok := asError(err)
	return ok && (e.Status == http.StatusUnauthorized ||
		e.fromIAM() && e.Status >= 400 && e.Status < 500 && !isTransientStatus(e.Status))
}

// IsUnreachable tells whether no (whole) answer was had: no connection, no
// such host, a reset, or nothing within the deadline.
func IsUnreachable(err error) bool {
	var network *networkError
	return errors.As(err, &network)
}

// IsTransient tells whether the same call may well succeed later: throttled, an
// error on IBM's side, or unreachable.
func IsTransient(err error) bool {
	e, ok := asError(err)
	return IsUnreachable(err) || ok && isTransientStatus(e.Status)
}

// IsDeclined tells whether the call was certainly not carried out: each of its
// requests was refused, or had no connection.
func IsDeclined(err error) bool {
	e, ok := asError(err)
	if !ok || e.Unsure {
		return false
	}
	if e.Status == 0 {
		return IsUnreachable(err) && !isOpen(e.Err)
	}
	return e.Status >= 400 && !isOpenStatus(e.Status)
}

func asError(err error) (*Error, bool) {
	var e *Error
	return e, errors.As(err, &e)
}

// fromIAM tells whether IAM gave the answer: it is about the credentials, and
// never about the resource that the call was for.
func (e *Error) fromIAM() bool { return e.Operation == operationToken }

func isTransientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return false
	default:
		return status >= 500
	}
}
