package kube

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stream is one message of the API server's: a channel, and what comes through it.
type stream struct {
	channel byte
	text    string
}

const (
	wentWell  = `{"metadata":{},"status":"Success"}`
	exitOf7   = `{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}`
	noKubelet = `{"metadata":{},"status":"Failure","message":"error dialing backend: no route to host","reason":"InternalError","code":500}`
)

// execute answers an exec with these streams.
func execute(t *testing.T, w http.ResponseWriter, r *http.Request, protocol string, streams ...stream) {
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		t.Errorf("upgrading: %v", err)
		return
	}
	defer conn.Close()
	for _, s := range streams {
		if err := conn.WriteMessage(websocket.BinaryMessage, append([]byte{s.channel}, s.text...)); err != nil {
			return // the client has had enough
		}
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		protocol string
		streams  []stream
		want     string
		wrong    func(error) bool
	}{
		{name: "prints", streams: []stream{{1, ""}, {2, ""}, {3, ""}, {1, "one\n"}, {2, "noise"}, {1, "two\n"}, {3, wentWell}}, want: "one\ntwo\n"},
		{name: "older server", protocol: olderChannelProtocol, streams: []stream{{1, "one\n"}, {3, wentWell}}, want: "one\n"},
		{name: "fails", streams: []stream{{1, "one\n"}, {3, exitOf7}}, wrong: func(err error) bool {
			var exit *ExitError
			return errors.As(err, &exit) && exit.Code == 7
		}},
		{name: "no kubelet", streams: []stream{{3, noKubelet}}, wrong: func(err error) bool {
			return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "no route to host")
		}},
		{name: "too much", streams: []stream{{1, strings.Repeat("x", 60)}, {1, strings.Repeat("x", 60)}, {3, wentWell}}, wrong: func(err error) bool { return errors.Is(err, errTooLarge) }},
		{name: "too much at once", streams: []stream{{1, strings.Repeat("x", 100_000)}, {3, wentWell}}, wrong: func(err error) bool { return errors.Is(err, errTooLarge) }},
		{name: "breaks", streams: []stream{{1, "one\n"}}, wrong: Unreachable},
		{name: "nonsense", streams: []stream{{3, "nonsense"}}, wrong: func(err error) bool { return strings.Contains(err.Error(), "cannot be read") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.protocol == "" {
				test.protocol = channelProtocol
			}
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { execute(t, w, r, test.protocol, test.streams...) })
			got, err := Exec(t.Context(), s.client(t, Options{}), "vpn", "pod", ExecOptions{Container: "main", Command: []string{"sh", "-c", "a && b"}, Bytes: 100})
			if got != test.want || (err != nil) != (test.wrong != nil) || err != nil && !test.wrong(err) {
				t.Errorf("got %q, %v", got, err)
			}
			if asked := s.asked(); !slices.Equal(asked, []string{"GET /api/v1/namespaces/vpn/pods/pod/exec?command=sh&command=-c&command=a+%26%26+b&container=main&stdout=true"}) {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

func TestExecIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerStatus(w, 403, metav1.StatusReasonForbidden) })
	c := s.client(t, Options{})
	_, err := Exec(t.Context(), c, "vpn", "pod", ExecOptions{Command: []string{"x"}})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "exec in Pod vpn/pod") || s.count() != 1 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
	for name, call := range map[string]func() (string, error){
		"no pod":     func() (string, error) { return Exec(t.Context(), c, "vpn", "", ExecOptions{Command: []string{"x"}}) },
		"no command": func() (string, error) { return Exec(t.Context(), c, "vpn", "pod", ExecOptions{}) },
		"a path": func() (string, error) {
			return Exec(t.Context(), c, "vpn", "../x", ExecOptions{Command: []string{"x"}})
		},
	} {
		if _, err := call(); err == nil || s.count() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What answers need not be an API server.
func TestExecElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("welcome")) }, "bad handshake"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://portal.example.com", http.StatusFound)
		}, "not a Kubernetes API server"},
		"a proxy": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no upstream", http.StatusBadGateway) }, "no upstream"},
	} {
		s := serve(t, c.answer)
		if _, err := Exec(t.Context(), s.client(t, Options{}), "vpn", "pod", ExecOptions{Command: []string{"x"}}); err == nil || !strings.Contains(err.Error(), c.says) || s.count() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A token that has expired is replaced, and what was sent along is told to nobody.
func TestExecWithToken(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			answerStatus(w, 401, metav1.StatusReasonUnauthorized)
			return
		}
		execute(t, w, r, channelProtocol, stream{1, "hello"}, stream{3, wentWell})
	})
	var seen []Exchange
	c := connect(t, Access{Host: s.URL, Token: func(_ context.Context, refresh bool) (string, error) {
		return map[bool]string{false: "old", true: "new"}[refresh], nil
	}}, Options{Observe: func(e Exchange) { seen = append(seen, e) }})
	got, err := Exec(t.Context(), c, "vpn", "pod", ExecOptions{Command: []string{"x"}, Bytes: 100})
	if got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if text := fmt.Sprintf("%+v", seen); len(seen) != 2 || seen[1].Status != http.StatusSwitchingProtocols || strings.Contains(text, "Bearer") {
		t.Errorf("seen %s", text)
	}
}

// It goes the way of requests: the same trust, and the same proxy.
func TestExecOverTLSAndProxy(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		execute(t, w, r, channelProtocol, stream{1, "hello"}, stream{3, wentWell})
	}))
	t.Cleanup(server.Close)
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		tunnel(t, w, r.Host)
	}))
	t.Cleanup(proxy.Close)
	command := ExecOptions{Command: []string{"x"}, Bytes: 100}
	trusting := Access{Host: server.URL, CACertificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
	c := connect(t, trusting, Options{})
	if got, err := Exec(t.Context(), c, "vpn", "pod", command); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	trusting.ProxyURL = proxy.URL
	if got, err := Exec(t.Context(), connect(t, trusting, Options{}), "vpn", "pod", command); got != "hello" || err != nil || asked.Load() != 1 {
		t.Errorf("got %q, %v, through the proxy %d times", got, err, asked.Load())
	}
	if _, err := Exec(t.Context(), connect(t, Access{Host: server.URL}, Options{}), "vpn", "pod", command); !Unreachable(err) {
		t.Errorf("a server that is not trusted: %v", err)
	}
}

// A command that never ends does not keep its caller.
func TestExecEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _, _ = conn.ReadMessage() // until the client goes
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Exec(ctx, s.client(t, Options{}), "vpn", "pod", ExecOptions{Command: []string{"x"}, Bytes: 100}); !errors.Is(err, context.DeadlineExceeded) && !Unreachable(err) {
		t.Errorf("got %v", err)
	}
	if ctx.Err() == nil {
		t.Error("it ended before its time")
	}
}
