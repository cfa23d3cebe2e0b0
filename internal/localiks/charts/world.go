package charts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// World is an HTTPS proxy behind which a [Server] plays a repository of the world: what a program under test asks of that
// host under that path comes to it. Everything else cannot be reached.
type World struct {
	host, path string
	repository *Server
	proxy      *httptest.Server
	tls        *httptest.Server
	authority  []byte

	mu    sync.Mutex
	asked []string
}

// StartWorld plays a repository, for example https://icr.io/helm/iks-charts.
func StartWorld(repository string, by *Server) (*World, error) {
	at, err := url.Parse(repository)
	if err != nil {
		return nil, fmt.Errorf("playing a repository: %w", err)
	}
	certificate, err := certify(at.Hostname())
	if err != nil {
		return nil, fmt.Errorf("playing a repository: %w", err)
	}
	w := &World{host: at.Hostname() + ":443", path: at.Path, repository: by}
	w.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	w.tls = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.tls.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	w.tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.tls.StartTLS()
	w.proxy = httptest.NewServer(http.HandlerFunc(w.connect))
	return w, nil
}

// Close ends the proxy and what is behind it, but for the server.
func (w *World) Close() {
	w.proxy.CloseClientConnections()
	w.proxy.Close()
	w.tls.CloseClientConnections()
	w.tls.Close()
}

// Env makes a program ask the world through the proxy and trust it, and what the server itself serves, as KEY=value.
// trust is where CACertificates was written to.
func (w *World) Env(trust string) []string {
	return []string{"HTTPS_PROXY=" + w.proxy.URL, "NO_PROXY=127.0.0.1,localhost", "SSL_CERT_FILE=" + trust}
}

// CACertificates are those of the world and of the server, as PEM.
func (w *World) CACertificates() []byte {
	return slices.Concat(w.authority, w.repository.CACertificate())
}

// Asked are the hosts, with their ports, that were asked for since the last call, each once.
func (w *World) Asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.asked
	w.asked = nil
	return out
}

// connect lets a client speak with the one host that there is.
func (w *World) connect(answer http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	if !slices.Contains(w.asked, r.Host) {
		w.asked = append(w.asked, r.Host)
	}
	w.mu.Unlock()
	if r.Method != http.MethodConnect || r.Host != w.host {
		http.Error(answer, "there is no way to "+r.Host, http.StatusBadGateway)
		return
	}
	behind, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", w.tls.Listener.Addr().String())
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	hijacker, ok := answer.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	client, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		defer func() { _ = behind.Close() }()
		_, _ = io.Copy(behind, client)
	}()
	go func() {
		defer func() { _ = client.Close() }()
		_, _ = io.Copy(client, behind)
	}()
}

// serve has the server answer what lies under the repository.
func (w *World) serve(answer http.ResponseWriter, r *http.Request) {
	rest, under := strings.CutPrefix(r.URL.Path, w.path+"/")
	if !under {
		http.NotFound(answer, r)
		return
	}
	r.URL.Path = "/charts/" + rest
	w.repository.http.Config.Handler.ServeHTTP(answer, r)
}

// certify makes a certificate for a host that is its own authority.
func certify(host string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, err
}
