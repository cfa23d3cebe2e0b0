package kube

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLastLogLine(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/kube-system/pods/web/log" {
			answerStatus(w, 404, metav1.StatusReasonNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("hello\n"))
	})
	c := s.client(t, Options{})
	got, err := LastLogLine(t.Context(), c, "kube-system", "web", "main")
	if err != nil || got != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if asked := s.asked()[0]; asked != "GET /api/v1/namespaces/kube-system/pods/web/log?container=main&limitBytes=4096&tailLines=1" {
		t.Errorf("asked %s", asked)
	}
	if _, err := LastLogLine(t.Context(), c, "kube-system", "gone", ""); !apierrors.IsNotFound(err) {
		t.Errorf("a pod that is gone: %v", err)
	}
	if _, err := LastLogLine(t.Context(), c, "kube-system", "", ""); err == nil || s.count() != 2 {
		t.Errorf("no pod: %v, %d requests", err, s.count())
	}
}

// kubelet serves a log as kubelets do: the last lines, of these the first bytes.
func kubelet(w http.ResponseWriter, r *http.Request, lines []string) {
	tail, _ := strconv.Atoi(r.URL.Query().Get("tailLines"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limitBytes"))
	text := strings.Join(lines[max(0, len(lines)-tail):], "")
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(text[:min(limit, len(text))]))
}

// The end of a log is what counts: where that does not fit, fewer lines do.
func TestLogTail(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("line %d\n", i))
	}
	long := append(lines[:999:999], strings.Repeat("x", 2000)+"\n")
	for _, test := range []struct {
		name        string
		lines       []string
		o           LogOptions
		first, last string
		requests    int
	}{
		{name: "all", lines: lines[:3], o: LogOptions{Lines: 10, Bytes: 100}, first: "line 0", last: "line 2", requests: 1},
		{name: "by lines", lines: lines, o: LogOptions{Lines: 10, Bytes: 1000}, first: "line 990", last: "line 999", requests: 1},
		{name: "by bytes", lines: lines, o: LogOptions{Lines: 1000, Bytes: 1000}, first: "line 938", last: "line 999", requests: 3},
		{name: "one long line", lines: long, o: LogOptions{Lines: 8, Bytes: 1000}, first: "", last: "", requests: 3},
		{name: "empty", o: LogOptions{Lines: 8, Bytes: 1000}, requests: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { kubelet(w, r, test.lines) })
			text, err := Log(t.Context(), s.client(t, Options{}), "vpn", "pod", test.o)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if got[0] != test.first || got[len(got)-1] != test.last || s.count() != test.requests || strings.Contains(text, "x") {
				t.Errorf("%q to %q in %d requests", got[0], got[len(got)-1], s.count())
			}
		})
	}
}
