package iks

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxErrorBody bounds what is looked at of an error's body.
const maxErrorBody = 64 << 10

// wireError is every shape in which IBM words an error: IKS's own, IKS's list
// of several, IAM's, and that of the gateways before them.
type wireError struct {
	Code             text   `json:"code"`
	Description      text   `json:"description"`
	TerseDescription text   `json:"terseDescription"`
	RecoveryCLI      text   `json:"recoveryCLI"`
	IncidentID       text   `json:"incidentID"`
	Type             text   `json:"type"`
	Items            []item `json:"items"`

	ErrorCode    text `json:"errorCode"`
	ErrorMessage text `json:"errorMessage"`
	ErrorDetails text `json:"errorDetails"`
	Context      struct {
		RequestID text `json:"requestId"`
	} `json:"context"`

	Errors  []item `json:"errors"`
	Message text   `json:"message"`
	Trace   text   `json:"trace"`
}

type item struct {
	Code        text `json:"code"`
	Description text `json:"description"`
	Message     text `json:"message"`
	RecoveryCLI text `json:"recoveryCLI"`
	Type        text `json:"type"`
}

// text is a string that also takes a number, and for anything else stays
// empty: an error must not be lost because one field is odd.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	var n json.Number
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	} else if json.Unmarshal(b, &n) == nil {
		*t = text(n.String())
	}
	return nil
}

// newStatusError reads what a failed answer says. secrets are kept out of it.
func newStatusError(status int, header http.Header, body []byte, now time.Time, secrets ...string) *Error {
	e := &Error{Status: status, retryAfter: retryAfter(header.Get("Retry-After"), now)}
	if len(body) > maxErrorBody {
		body = body[:maxErrorBody]
	}
	var w wireError
	var odd *json.UnmarshalTypeError // in a field; the others are read all the same
	if err := json.Unmarshal(body, &w); err != nil && !errors.As(err, &odd) {
		e.Description = plainDescription(status, header, body, secrets)
		return e
	}
	show := func(candidates ...text) string {
		for _, c := range candidates {
			if s := tidy(string(c), secrets...); s != "" {
				return s
			}
		}
		return ""
	}
	identify := func(candidates ...text) string {
		if s := show(candidates...); short(s) {
			return s
		}
		return ""
	}
	items := append(w.Items, w.Errors...)
	var first item
	var all []string
	for i, it := range items {
		if i == 0 {
			first = it
		}
		if s := show(it.Description, it.Message); s != "" && len(all) < 5 {
			all = append(all, s)
		}
	}
	e.Code = identify(w.Code, w.ErrorCode, first.Code)
	e.Description = show(w.Description, w.TerseDescription, w.ErrorMessage, w.Message, text(strings.Join(all, "; ")))
	if details := show(w.ErrorDetails); details != "" && details != e.Description {
		e.Description = show(text(e.Description + " " + details))
	}
	e.RecoveryCLI = show(w.RecoveryCLI, first.RecoveryCLI)
	e.IncidentID = identify(w.IncidentID, w.Context.RequestID, w.Trace)
	e.Type = show(w.Type, first.Type)
	return e
}

// plainDescription words an answer that is not of the API.
func plainDescription(status int, header http.Header, body []byte, secrets []string) string {
	start := strings.TrimSpace(string(body[:min(len(body), 4*maxText)]))
	switch {
	case status >= 300 && status < 400:
		return "the answer is a redirect, which the API does not give; is it the endpoint of the API?"
	case start == "":
		return ""
	case strings.HasPrefix(start, "<") || strings.Contains(header.Get("Content-Type"), "html"):
		return "the answer is a web page instead of one of the API (" + strings.ToLower(http.StatusText(status)) +
			"); a proxy may have sent it, or the endpoint is not that of the API"
	default:
		return tidy(start, secrets...)
	}
}

// retryAfter reads the header in both of its forms; 0 means that it says nothing.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
