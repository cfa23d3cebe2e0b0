package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// identity is a certificate with its key, as PEM and parsed.
type identity struct {
	certificate, key []byte
	pair             tls.Certificate
}

// issue makes a self-signed certificate that is good for servers and clients.
func issue(t *testing.T, names ...string) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	out := identity{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
	if out.pair, err = tls.X509KeyPair(out.certificate, out.key); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTLS(t *testing.T) {
	t.Parallel()
	serverID, clientID, otherID := issue(t, "api.cluster"), issue(t), issue(t)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(clientID.certificate)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		answerJSON(w, 200, object("n1"))
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{serverID.pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	good := Access{Host: s.URL, CACertificate: serverID.certificate, ClientCertificate: clientID.certificate, ClientKey: clientID.key, TLSServerName: "api.cluster"}

	t.Run("good, over HTTP/2", func(t *testing.T) {
		t.Parallel()
		c := connect(t, good, Options{})
		got, err := c.do(t.Context(), call{method: http.MethodGet, path: "/"})
		if err != nil || got.header.Get("X-Proto") != "HTTP/2.0" {
			t.Errorf("got %v over %s", err, got.header.Get("X-Proto"))
		}
	})
	for name, spoil := range map[string]func(*Access){
		"other CA":              func(a *Access) { a.CACertificate = otherID.certificate },
		"system's CAs":          func(a *Access) { a.CACertificate = nil },
		"other name":            func(a *Access) { a.TLSServerName = "elsewhere" },
		"name from host":        func(a *Access) { a.TLSServerName = "" },
		"other client":          func(a *Access) { a.ClientCertificate, a.ClientKey = otherID.certificate, otherID.key },
		"no client certificate": func(a *Access) { a.ClientCertificate, a.ClientKey = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			access := good
			spoil(&access)
			attempts := 0
			c := connect(t, access, Options{Observe: func(Exchange) { attempts++ }})
			_, err := Get(t.Context(), c, Nodes, "", "n1")
			// The server refuses a client after the client thinks that the handshake is done, so the first sign can
			// be a broken connection, which is tried again.
			refusedByServer := strings.Contains(name, "client")
			if !Unreachable(err) || attempts != 1 && !refusedByServer || !strings.Contains(err.Error(), "tls:") {
				t.Errorf("got %v after %d attempts", err, attempts)
			}
		})
	}
}

func TestKeyNeverInError(t *testing.T) {
	t.Parallel()
	a, b := issue(t), issue(t)
	_, err := New(Access{Host: "c1", ClientCertificate: a.certificate, ClientKey: b.key}, Options{})
	if err == nil || strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("got %v", err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	id := issue(t, "api.cluster")
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, object("n1")) }))
	api.TLS = &tls.Config{Certificates: []tls.Certificate{id.pair}, MinVersion: tls.VersionTLS12}
	api.StartTLS()
	t.Cleanup(api.Close)
	var connects atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "api.cluster:443" {
			t.Errorf("the proxy was asked %s %s", r.Method, r.Host)
		}
		connects.Add(1)
		tunnel(t, w, api.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	c := connect(t, Access{Host: "https://api.cluster", CACertificate: id.certificate, ProxyURL: proxy.URL}, Options{})
	if _, err := Get(t.Context(), c, Nodes, "", "n1"); err != nil {
		t.Fatal(err)
	}
	if connects.Load() != 1 {
		t.Errorf("%d connections through the proxy", connects.Load())
	}

	gone := connect(t, Access{Host: "https://api.cluster", ProxyURL: "http://127.0.0.1:1"}, Options{})
	if _, err := Get(t.Context(), gone, Nodes, "", "n1"); !Unreachable(err) || !strings.Contains(err.Error(), "proxyconnect") {
		t.Errorf("got %v", err)
	}
}

// A proxy that refuses is not taken for the API server, whose words it has.
func TestProxyThatRefuses(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{http.StatusForbidden: 1, http.StatusProxyAuthRequired: 1, http.StatusBadGateway: 3} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(proxy.Close)
			asked := 0
			c := connect(t, Access{Host: "https://api.cluster", ProxyURL: proxy.URL}, Options{Observe: func(Exchange) { asked++ }})
			_, err := Create(t.Context(), c, Nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}, WriteOptions{})
			if !Unreachable(err) || !Unsent(err) || Unsent(&WaitError{Err: err}) || !strings.Contains(err.Error(), "the proxy "+strings.TrimPrefix(proxy.URL, "http://")+" answers") {
				t.Errorf("got %v", err)
			}
			if asked != attempts {
				t.Errorf("asked %d times, want %d", asked, attempts)
			}
		})
	}
}

// tunnel answers a CONNECT and moves bytes between the caller and the address.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	up, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		t.Error("cannot take the connection over")
		return
	}
	down, _, err := hijacker.Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = down.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	go pipe(up, down)
	go pipe(down, up)
}

func pipe(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}
