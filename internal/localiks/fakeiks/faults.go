package fakeiks

import (
	"bytes"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes matching requests fail. Of Reset, Truncate and Status the first
// that is set decides; with none of them the request is only delayed.
type Fault struct {
	// Method to match; "" is any.
	Method string
	// Path to match: segments may be "*" or "{name}", a last segment "..."
	// matches everything below, query parameters may follow a "?". "" is any.
	Path string
	// Skip lets that many matching requests pass first.
	Skip int
	// Times is how many requests fail after those; 0 is all of them.
	Times int

	// Status to answer with, with Body or, when that is empty, with an error
	// body as IKS or IAM has it.
	Status int
	Body   string
	// RetryAfter is sent as the header of that name, in whole seconds, rounded up.
	RetryAfter time.Duration
	// Delay comes before everything else.
	Delay time.Duration
	// Reset drops the connection without an answer (TCP RST).
	Reset bool
	// Truncate does what was asked, announces the whole answer and breaks off
	// after half of it.
	Truncate bool
	// Served lets the request take effect before Status or Reset hides the answer.
	Served bool
}

type activeFault struct {
	Fault
	pattern pattern
	seen    int
}

type faultList struct {
	mu   sync.Mutex
	list []*activeFault
}

// Fail installs a fault and returns how to remove it. Of several that match,
// the one installed first acts.
func (s *Server) Fail(f Fault) (remove func()) {
	active := &activeFault{Fault: f, pattern: compilePattern(f.Path)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, active)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.list = slices.DeleteFunc(s.faults.list, func(a *activeFault) bool { return a == active })
	}
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// take finds the fault for a request and counts it.
func (l *faultList) take(r *http.Request) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, active := range l.list {
		if active.Method != "" && active.Method != r.Method || !active.pattern.matches(r.URL.Path, r.URL.Query()) {
			continue
		}
		seen := active.seen
		if active.Times > 0 && seen >= active.Skip+active.Times {
			continue
		}
		active.seen++
		if seen < active.Skip {
			continue
		}
		return active.Fault, true
	}
	return Fault{}, false
}

// injectFaults answers for the requests that are to fail.
func (s *Server) injectFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, found := s.faults.take(r)
		if !found {
			next.ServeHTTP(w, r)
			return
		}
		if out, ok := w.(*statusWriter); ok {
			out.faulty = true
		}
		if sleep(r.Context(), fault.Delay) != nil {
			return
		}
		if fault.Served && !fault.Truncate {
			next.ServeHTTP(&answer{header: http.Header{}}, r)
		}
		switch {
		case fault.Reset:
			reset(w)
		case fault.Truncate:
			truncate(w, r, next)
		case fault.Status != 0:
			fault.answer(w, r)
		case !fault.Served:
			next.ServeHTTP(w, r)
		}
	})
}

func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	switch {
	case f.Body != "":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		write(w, []byte(f.Body))
	case strings.HasPrefix(r.URL.Path, "/identity/"):
		writeIAMError(w, &iamError{status: f.Status, code: "BXNIM0001E", message: http.StatusText(f.Status)})
	default:
		writeErrorOf(w, r, errInjected(f.Status))
	}
}

// reset closes the connection so that the client sees a reset, not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if err := conn.Close(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func truncate(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := &answer{header: http.Header{}}
	next.ServeHTTP(whole, r)
	for name, values := range whole.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(max(whole.body.Len(), 1)))
	w.WriteHeader(whole.code())
	write(w, whole.body.Bytes()[:whole.body.Len()/2])
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(w)
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) code() int {
	if a.status == 0 || a.status == http.StatusNoContent {
		return http.StatusOK
	}
	return a.status
}
