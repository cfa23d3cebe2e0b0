package charts

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a [Server]. The zero value serves everybody.
type Options struct {
	// Username and Password, if set, are wanted of whoever reads.
	Username, Password string
	// Tokens lets the registry ask for a bearer token, which its token endpoint gives for the credentials, or for
	// nothing where there are none. Without it credentials are sent as they are.
	Tokens bool
}

// Fault makes matching requests fail. Of Reset, Truncate, Corrupt and Status the first that is set decides; with none of
// them the request is only delayed.
type Fault struct {
	// Suffix of the path; "" is any.
	Suffix string
	// Times is how many requests fail; 0 is all.
	Times int

	// Status to answer with.
	Status int
	// Delay comes before everything else, and ends when the client goes.
	Delay time.Duration
	// Reset drops the connection without an answer.
	Reset bool
	// Truncate announces the whole answer and breaks off after half of it.
	Truncate bool
	// Corrupt changes a byte of the answer.
	Corrupt bool
}

// Request is one that was made.
type Request struct {
	Method, Path string
	// User is the name of the credentials that came along, "" for none, "token" for a bearer token.
	User   string
	Status int
}

// Server is a chart repository under /charts and an OCI registry with the same charts under /v2/charts.
type Server struct {
	options Options
	http    *httptest.Server

	mu       sync.Mutex
	archives []Archive
	faults   []*Fault
	requests []Request
	tokens   map[string]bool
}

// Start serves archives on the loopback interface, over TLS.
func Start(o Options, archives ...Archive) *Server {
	s := &Server{options: o, archives: archives, tokens: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charts/index.yaml", s.index)
	mux.HandleFunc("GET /charts/{file}", s.file)
	mux.HandleFunc("GET /token", s.token)
	mux.HandleFunc("GET /v2/{$}", s.version)
	mux.HandleFunc("GET /v2/charts/{name}/tags/list", s.tags)
	mux.HandleFunc("GET /v2/charts/{name}/manifests/{reference}", s.manifest)
	mux.HandleFunc("GET /v2/charts/{name}/blobs/{digest}", s.blob)
	s.http = httptest.NewUnstartedServer(s.guarded(mux))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is no news
	s.http.StartTLS()
	return s
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// Repository is the chart repository's URL.
func (s *Server) Repository() string { return s.http.URL + "/charts" }

// Registry is the folder of the charts in the OCI registry.
func (s *Server) Registry() string {
	return "oci://" + strings.TrimPrefix(s.http.URL, "https://") + "/charts"
}

// Client trusts the server's certificate, and goes by no proxy.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Certificate of the server.
func (s *Server) Certificate() *x509.Certificate { return s.http.Certificate() }

// CACertificate is the certificate as PEM, for a process that is to trust it (SSL_CERT_FILE).
func (s *Server) CACertificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// Publish adds an archive.
func (s *Server) Publish(a Archive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archives = append(s.archives, a)
}

// Fail installs a fault and returns how to remove it. Of several that match, the one installed first acts.
func (s *Server) Fail(f Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := &f
	s.faults = append(s.faults, active)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(other *Fault) bool { return other == active })
	}
}

// Requests gives those that were made since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// guarded notes each request and lets it fail where that is wanted.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		fault := s.fault(r)
		if fault.Delay > 0 {
			select {
			case <-time.After(fault.Delay):
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case fault.Reset:
			s.note(r, 0)
			drop(w)
			return
		case fault.Status != 0:
			answer.WriteHeader(fault.Status)
		default:
			next.ServeHTTP(answer, r)
		}
		s.note(r, answer.Code)
		body := answer.Body.Bytes()
		if fault.Corrupt && len(body) > 0 {
			body = slices.Clone(body)
			body[len(body)/2] ^= 0xff
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.Header().Set("Content-Length", length(body))
		w.WriteHeader(answer.Code)
		if fault.Truncate {
			_, _ = w.Write(body[:len(body)/2])
			_ = http.NewResponseController(w).Flush() // so that it is the body that breaks off, not the head
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
	})
}

// fault finds the one for a request and counts it.
func (s *Server) fault(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if !strings.HasSuffix(r.URL.Path, f.Suffix) {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
			return *f
		}
		if f.Times > 1 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}

func (s *Server) note(r *http.Request, status int) {
	user, _, _ := r.BasicAuth()
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		user = "token"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, User: user, Status: status})
}

// drop ends the connection with a reset.
func drop(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if under, ok := connection.(interface{ NetConn() net.Conn }); ok {
		if tcp, ok := under.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	_ = connection.Close()
}
