package fakeiks

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAPanicAnswersAndGivesTheLockBack(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	_, _, err = s.locked(func(*call) (int, any, error) { panic("oh") }, &call{Request: request, server: s})
	if err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("got %v", err)
	}
	if len(s.Clusters()) != 0 { // takes the lock
		t.Error("there are clusters")
	}
}

func TestWorkerIDsStayShort(t *testing.T) {
	t.Parallel()
	k := &cluster{Cluster: Cluster{ID: "c0123456789abcdefghi", Name: "My-Very-Long.Cluster_Name"}}
	got := workerID(k, &WorkerPool{Name: "Edge-Pool-Public"}, 0x123)
	if want := "kube-c0123456789abcdefghi-myverylongc-edgepoo-00000123"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
