package iks

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestStatusErrors(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		status int
		body   string
		header http.Header
		want   Error
	}{
		"IKS": {
			404, `{"incidentID":"inc","code":"E0008","description":"The specified cluster could not be found.","recoveryCLI":"Run 'ibmcloud ks clusters'.","terseDescription":"x","type":"Provisioning"}`, nil,
			Error{Code: "E0008", Description: "The specified cluster could not be found.", RecoveryCLI: "Run 'ibmcloud ks clusters'.", IncidentID: "inc", Type: "Provisioning"},
		},
		"several of IKS": {
			400, `{"incidentID":"inc","items":[{"code":"E1","description":"one","recoveryCLI":"do","type":"T"},{"code":"E2","description":"two"}]}`, nil,
			Error{Code: "E1", Description: "one; two", RecoveryCLI: "do", IncidentID: "inc", Type: "T"},
		},
		"IAM": {
			400, `{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found.","errorDetails":"Sorry.","context":{"requestId":"r"}}`, nil,
			Error{Code: "BXNIM0415E", Description: "Provided API key could not be found. Sorry.", IncidentID: "r"},
		},
		"a code that nobody knows": {418, `{"errorCode":"ZZZ999","errorMessage":"new"}`, nil, Error{Code: "ZZZ999", Description: "new"}},
		"a gateway": {
			503, `{"errors":[{"code":"service_unavailable","message":"no backend"}],"trace":"tr"}`, nil,
			Error{Code: "service_unavailable", Description: "no backend", IncidentID: "tr"},
		},
		"odd fields":      {400, `{"code":17,"description":["x"],"incidentID":{"a":1},"items":"no","message":"still read"}`, nil, Error{Code: "17", Description: "still read"}},
		"null":            {500, `null`, nil, Error{}},
		"nothing":         {500, ``, nil, Error{}},
		"text":            {500, "upstream\tconnect \x1b[31merror\n", nil, Error{Description: "upstream connect [31merror"}},
		"a page":          {502, "<html><body>Bad Gateway", nil, Error{Description: "the answer is a web page instead of one of the API (bad gateway); a proxy may have sent it, or the endpoint is not that of the API"}},
		"seconds":         {429, `{}`, http.Header{"Retry-After": {"7"}}, Error{retryAfter: 7 * time.Second}},
		"a date":          {429, `{}`, http.Header{"Retry-After": {"Sun, 22 Nov 2026 12:00:09 GMT"}}, Error{retryAfter: 9 * time.Second}},
		"a past date":     {429, `{}`, http.Header{"Retry-After": {"Sun, 22 Nov 2026 11:00:09 GMT"}}, Error{}},
		"negative":        {429, `{}`, http.Header{"Retry-After": {"-7"}}, Error{}},
		"no number":       {429, `{}`, http.Header{"Retry-After": {"soon"}}, Error{}},
		"a code of prose": {400, `{"code":"this is not a code at all","description":"d"}`, nil, Error{Description: "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.Status = tt.status
			if got := newStatusError(tt.status, tt.header, []byte(tt.body), now); *got != tt.want {
				t.Errorf("got  %#v\nwant %#v", *got, tt.want)
			}
		})
	}
}

func TestErrorSaysEverything(t *testing.T) {
	t.Parallel()
	e := &Error{
		Operation: "reading", Resource: `cluster "prod"`, Status: 404, Code: "E0008", Description: "Not found.",
		IncidentID: "inc", CorrelationID: "cor", Attempts: 3,
	}
	const want = `reading cluster "prod": Not found. (E0008, HTTP 404, after 3 attempts, incident inc, correlation ID cor)`
	if got := e.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (&Error{Status: 500}).Error(); got != "internal server error (HTTP 500)" {
		t.Errorf("got %q", got)
	}
	wrapped := &Error{Operation: "reading", Err: context.Canceled}
	if !errors.Is(wrapped, context.Canceled) {
		t.Error("the cause is lost")
	}
}

func TestPredicates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err                                                             error
		notFound, forbidden, conflict, unauthorized, unreachable, later bool
	}{
		"nil":            {err: nil},
		"foreign":        {err: errors.New("x")},
		"404 of IKS":     {err: &Error{Status: 404, Code: "E0008", IncidentID: "i"}, notFound: true},
		"404 with code":  {err: &Error{Status: 404, Code: "E0008"}},
		"404 with ID":    {err: &Error{Status: 404, IncidentID: "i"}},
		"404 of a proxy": {err: &Error{Status: 404, Code: "404", IncidentID: "i"}},
		"404 elsewhere":  {err: &Error{Status: 404, Code: "not_found", IncidentID: "i"}},
		"404 alone":      {err: &Error{Status: 404, Description: "404 page not found"}},
		"404 of IAM":     {err: &Error{Operation: operationToken, Status: 404, Code: "B"}, unauthorized: true},
		"403":            {err: &Error{Status: 403}, forbidden: true},
		"403 of IAM":     {err: &Error{Operation: operationToken, Status: 403}, unauthorized: true},
		"401":            {err: &Error{Status: 401}, unauthorized: true},
		"400 of IAM":     {err: &Error{Operation: operationToken, Status: 400}, unauthorized: true},
		"429 of IAM":     {err: &Error{Operation: operationToken, Status: 429}, later: true},
		"500 of IAM":     {err: &Error{Operation: operationToken, Status: 500}, later: true},
		"409":            {err: &Error{Status: 409}, conflict: true},
		"503":            {err: &Error{Status: 503}, later: true},
		"no connection":  {err: &Error{Err: &networkError{err: errors.New("x")}}, unreachable: true, later: true},
		"wrapped deeper": {err: errors.Join(errors.New("x"), &Error{Status: 404, Code: "E0008", IncidentID: "i"}), notFound: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, is := range map[string][2]bool{
				"IsNotFound":     {IsNotFound(tt.err), tt.notFound},
				"IsForbidden":    {IsForbidden(tt.err), tt.forbidden},
				"IsConflict":     {IsConflict(tt.err), tt.conflict},
				"IsUnauthorized": {IsUnauthorized(tt.err), tt.unauthorized},
				"IsUnreachable":  {IsUnreachable(tt.err), tt.unreachable},
				"IsTransient":    {IsTransient(tt.err), tt.later},
			} {
				if is[0] != is[1] {
					t.Errorf("%s is %t", what, is[0])
				}
			}
		})
	}
}

func FuzzStatusError(f *testing.F) {
	f.Add(404, []byte(`{"incidentID":"inc","code":"E0008","description":"d","items":[{"code":"x"}]}`), "7")
	f.Add(400, []byte(`{"errorCode":"BXNIM0415E","errorMessage":"m","context":{"requestId":"r"}}`), "Sun, 22 Nov 2026 12:00:09 GMT")
	f.Add(502, []byte("<html>"), "-1")
	f.Add(500, []byte("https://user:pa@ss@host/ eyJhbGciOiJSUzI1NiJ9.eyJhbGciOiJSUzI1NiJ9.x \xff\x00"), "")
	f.Fuzz(func(t *testing.T, status int, body []byte, retry string) {
		e := newStatusError(status, http.Header{"Retry-After": {retry}}, body, time.Unix(0, 0), "secret-of-ours")
		for _, s := range []string{e.Code, e.Description, e.RecoveryCLI, e.IncidentID, e.Type} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText+1 || strings.Contains(s, "secret-of-ours") {
				t.Fatalf("unfit to be shown: %q", s)
			}
			if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("not printable: %q", s)
			}
		}
		if e.retryAfter < 0 {
			t.Fatalf("waits %s", e.retryAfter)
		}
	})
}
