package fakeiks

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	keptRequests  = 50_000
	keptBodyBytes = 16 << 10
	redacted      = "REDACTED"
)

// Request is one request that the server got. Secrets in headers and body are
// replaced by "REDACTED".
type Request struct {
	Time   time.Time
	Took   time.Duration
	Method string
	Path   string // without the prefix /global
	Query  url.Values
	Header http.Header
	Body   string // at most 16 KiB of it
	// Status is what was answered, 0 when the connection was dropped.
	Status int
	// Faulty says that an injected fault answered or delayed it.
	Faulty bool
}

// requestLog keeps the newest requests.
type requestLog struct {
	mu   sync.Mutex
	list []Request
}

// Requests are the requests since the last [Server.ResetRequests], oldest
// first, in the order in which they were answered.
func (s *Server) Requests() []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return slices.Clone(s.requests.list)
}

// ResetRequests forgets all requests.
func (s *Server) ResetRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.list = nil
}

// Count says how many requests there were of a method ("" for any) and a path
// pattern as in [Fault].
func (s *Server) Count(method, pattern string) int {
	want := compilePattern(pattern)
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	count := 0
	for _, r := range s.requests.list {
		if (method == "" || r.Method == method) && want.matches(r.Path, r.Query) {
			count++
		}
	}
	return count
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= keptRequests {
		l.list = slices.Delete(l.list, 0, keptRequests/10)
	}
	l.list = append(l.list, r)
}

// record is the outermost handler: it bounds and reads the body, notes the
// request and the status it got.
func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/global/"); ok {
			r.URL.Path, r.URL.RawPath = "/"+rest, ""
		}
		entry := Request{
			Time:   time.Now(),
			Method: r.Method,
			Path:   r.URL.Path,
			Query:  redactQuery(r.URL.Query()),
			Header: redactHeader(r.Header),
		}
		out := &statusWriter{ResponseWriter: w}
		defer func() {
			entry.Took = time.Since(entry.Time)
			entry.Status, entry.Faulty = out.status, out.faulty
			s.requests.add(entry)
			s.log.Info("request", "method", entry.Method, "path", entry.Path,
				"status", entry.Status, "took", entry.Took, "faulty", entry.Faulty)
		}()

		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		entry.Body = redactBody(body)
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			writeError(out, errTooLarge())
			return
		}
		if err != nil {
			return // the client went away
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(out, r)
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
	faulty bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// redactHeader copies a header without its secrets; the scheme of an
// Authorization stays, so that tests can see what kind it was.
func redactHeader(h http.Header) http.Header {
	clean := h.Clone()
	for name, values := range clean {
		switch name {
		case "Authorization":
			for i, value := range values {
				if scheme, _, found := strings.Cut(value, " "); found {
					values[i] = scheme + " " + redacted
				} else if value != "" {
					values[i] = redacted
				}
			}
		case "X-Auth-Refresh-Token", "X-Auth-Softlayer-Apikey", "X-Auth-Uaa-Token", "Cookie":
			for i, value := range values {
				if value != "" {
					values[i] = redacted
				}
			}
		}
	}
	return clean
}

// redactQuery hides secrets that a client put where they do not belong.
func redactQuery(query url.Values) url.Values {
	for _, name := range []string{"apikey", "access_token", "refresh_token", "password", "passcode"} {
		if query.Has(name) {
			query.Set(name, redacted)
		}
	}
	return query
}

// redactBody hides the secrets of token requests and token reviews.
func redactBody(body []byte) string {
	form := regexp.MustCompile(`(^|&)(apikey|access_token|refresh_token|password|passcode)=[^&]*`)
	token := regexp.MustCompile(`"token"\s*:\s*"[^"]*"`)
	clean := form.ReplaceAll(body, []byte("${1}${2}="+redacted))
	clean = token.ReplaceAll(clean, []byte(`"token":"`+redacted+`"`))
	if len(clean) > keptBodyBytes {
		clean = clean[:keptBodyBytes]
	}
	return string(clean)
}
