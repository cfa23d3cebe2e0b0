package iks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Here real sockets are used: what the net package makes of broken connections,
// certificates, proxies and cancelled requests cannot be played in memory.

func wireClient(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := New(Config{Token: labJWT, Endpoint: server.URL, IAMEndpoint: server.URL})
	mustNot(t, err)
	return client
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	const answer = `{"id":"x","name":"prod"}`
	hijack := func(w http.ResponseWriter, say string, reset bool) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, say)
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	for name, fault := range map[string]func(w http.ResponseWriter){
		"closed before the answer": func(w http.ResponseWriter) { hijack(w, "", false) },
		"reset before the answer":  func(w http.ResponseWriter) { hijack(w, "", true) },
		"half a header":            func(w http.ResponseWriter) { hijack(w, "HTTP/1.1 200 OK\r\nContent-", false) },
		"half a body": func(w http.ResponseWriter) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"+answer[:10], false)
		},
		"half a chunked body": func(w http.ResponseWriter) {
			hijack(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"+answer[:10]+"\r\n", true)
		},
		"no HTTP": func(w http.ResponseWriter) { hijack(w, "SSH-2.0-OpenSSH_9.2\r\n", false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			client := wireClient(t, func(w http.ResponseWriter, _ *http.Request) {
				if n.Add(1) == 1 {
					fault(w)
					return
				}
				_, _ = io.WriteString(w, answer)
			})
			cluster, err := client.Cluster(t.Context(), "prod")
			mustNot(t, err)
			if cluster.Name != "prod" || n.Load() < 2 {
				t.Errorf("got %+v after %d requests", cluster, n.Load())
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	mustNot(t, err)
	closed := listener.Addr().String()
	mustNot(t, listener.Close())
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, tt := range map[string]struct {
		endpoint string
		attempts int
	}{
		"nobody listens":           {"http://" + closed, connectAttempts},
		"no such host":             {"https://iks.invalid", connectAttempts}, // a resolver may also just fail
		"an untrusted certificate": {untrusted.URL, 1},
		"HTTPS of an HTTP server":  {"https://" + strings.TrimPrefix(plainServer(t), "http://"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := New(Config{Token: labJWT, Endpoint: tt.endpoint})
			mustNot(t, err)
			_, err = client.Cluster(t.Context(), "prod")
			e, ok := asError(err)
			if !ok || !IsUnreachable(err) || e.Attempts > tt.attempts {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func plainServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

func TestCancellingARealRequestReturnsAtOnce(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	gone := make(chan struct{})
	client := wireClient(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the server sees it, too
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := client.ALBs(ctx, Cluster{ID: labCluster, Infrastructure: VPC}) // through bluemix-go
		result <- err
	}()
	<-arrived
	cancel()
	for name, done := range map[string]func() bool{
		"call":    func() bool { err := <-result; return errors.Is(err, context.Canceled) },
		"request": func() bool { <-gone; return true },
	} {
		finished := make(chan bool, 1)
		go func() { finished <- done() }()
		select {
		case well := <-finished:
			if !well {
				t.Errorf("the %s did not end as cancelled", name)
			}
		case <-time.After(10 * time.Second): // a bound, not a measurement
			t.Fatalf("the %s goes on", name)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections := map[string]bool{}
	client := wireClient(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		_, _ = io.WriteString(w, `{"id":"x"}`)
	})
	for range 20 {
		_, err := client.Cluster(t.Context(), "prod")
		mustNot(t, err)
	}
	count(t, "connections", len(connections), 1)
}

// The proxy of the environment is read once per process, hence another one.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	const child = "IKS_TEST_PROXY_CHILD"
	if os.Getenv(child) != "" {
		client, err := New(Config{Token: labJWT})
		mustNot(t, err)
		_, err = client.Cluster(t.Context(), "prod")
		fmt.Println("CHILD:", err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	mustNot(t, err)
	asked := make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			asked <- line
			_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheEnvironment$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1", "HTTPS_PROXY=http://me:hush-hush-hush@"+listener.Addr().String(), "https_proxy=", "NO_PROXY=", "no_proxy=")
	output, err := cmd.CombinedOutput()
	mustNot(t, err)
	select {
	case line := <-asked:
		if line != "CONNECT containers.cloud.ibm.com:443 HTTP/1.1\r\n" || len(asked) > 0 {
			t.Errorf("the proxy was asked %q, and %d times more", line, len(asked))
		}
	default:
		t.Errorf("the proxy was not asked:\n%s", output)
	}
	if s := string(output); !strings.Contains(s, "CHILD: ") || !strings.Contains(s, "407 Proxy Authentication Required") || strings.Contains(s, "hush-hush-hush") {
		t.Errorf("the error is not clear, or shows the proxy's password:\n%s", s)
	}
}

// bluemix-go must neither print nor log nor write files.
func TestNothingIsPrintedOrWritten(t *testing.T) {
	t.Parallel()
	const child = "IKS_TEST_QUIET_CHILD"
	if os.Getenv(child) != "" {
		quietChild(t)
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsPrintedOrWritten$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), child+"=1", "HOME="+dir, "TMPDIR="+dir, "BLUEMIX_TRACE=true", "IBMCLOUD_BLUEMIX_GO_TRACE=true", "MAX_RETRIES=x", "IC_TIMEOUT=y")
	output, err := cmd.CombinedOutput()
	printed, _, _ := strings.Cut(string(output), "coverage:") // which go test -cover adds
	if err != nil || strings.TrimSpace(printed) != "PASS" {
		t.Errorf("%v; printed:\n%s", err, output)
	}
	entries, err := os.ReadDir(dir)
	mustNot(t, err)
	for _, e := range entries {
		t.Errorf("written: %s", e.Name())
	}
}

func quietChild(t *testing.T) {
	t.Helper()
	client := wireClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "Kubeconfig"):
			_, _ = w.Write(archive(t, "kube-config.yaml", tokenConfig("https://c1.example.test", labJWT), "ca-x.pem", labCA))
		case strings.HasSuffix(r.URL.Path, "getRBACStatus"):
			_, _ = io.WriteString(w, `{"synchronized":true}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":"E1"}`)
		}
	})
	for _, infrastructure := range []Infrastructure{Classic, VPC} {
		cluster := Cluster{ID: labCluster, Infrastructure: infrastructure}
		_, err := client.ALBs(t.Context(), cluster)
		if !IsUnauthorized(err) {
			t.Error(err)
		}
		_, err = client.Workers(t.Context(), cluster, "")
		if !IsUnauthorized(err) {
			t.Error(err)
		}
		_, err = client.Access(t.Context(), cluster, AccessOptions{})
		mustNot(t, err)
	}
}
