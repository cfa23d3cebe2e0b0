package kube

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAnewConnectsAnew(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load():
			answerStatus(w, 503, metav1.StatusReasonServiceUnavailable)
		case r.Header.Get("Authorization") != "Bearer abc":
			answerStatus(w, 401, metav1.StatusReasonUnauthorized)
		default:
			answerJSON(w, 200, object("n1"))
		}
	})
	c := connect(t, Access{Host: s.URL, Token: func(context.Context, bool) (string, error) { return "abc", nil }}, Options{})
	ask := func(c *Client) error {
		_, err := Get(t.Context(), c, Nodes, "", "n1")
		return err
	}
	for range 2 {
		if err := ask(c); err != nil {
			t.Fatal(err)
		}
	}
	shared := s.connections()
	fresh := c.Anew()
	t.Cleanup(fresh.CloseIdleConnections)
	if err := ask(fresh); err != nil {
		t.Fatal(err)
	}
	if got := s.connections(); shared != 1 || got != 2 {
		t.Errorf("%d connections before, %d after", shared, got)
	}
	down.Store(true)
	asked := s.count()
	if err := ask(fresh); !apierrors.IsServiceUnavailable(err) || s.count() != asked+1 {
		t.Errorf("%d attempts, %v", s.count()-asked, err)
	}
}
