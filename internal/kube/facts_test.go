package kube

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestServes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status   int
		serves   bool
		fails    bool
		requests int // of two questions
	}{
		"yes":                      {200, true, false, 1},
		"no":                       {404, false, false, 1},
		"aggregated, but down":     {503, false, true, 2},
		"discovery is not allowed": {403, false, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/apis/projectcalico.org/v3" {
					t.Error(r.URL.Path)
				}
				if test.status == 200 {
					answerJSON(w, 200, metav1.APIResourceList{})
					return
				}
				answerStatus(w, test.status, "")
			})
			c := s.client(t, Options{RetryFor: -1})
			for range 2 {
				got, err := c.Serves(t.Context(), "projectcalico.org/v3")
				if got != test.serves || (err != nil) != test.fails {
					t.Errorf("got %v, %v", got, err)
				}
			}
			if s.count() != test.requests {
				t.Errorf("%d requests", s.count())
			}
		})
	}
}

// Whoever asks at the same time shares one search, and one who gives up takes
// nobody with him. When all have given up, so does the search.
func TestFactsAreFoundOutOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Client{facts: map[string]*fact{}}
		searches, release := 0, make(chan struct{})
		find := func(ctx context.Context) (string, error) {
			searches++
			select {
			case <-release:
				return "found", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		for round, all := range []bool{true, false} {
			hasty, giveUp := context.WithCancel(t.Context())
			answers := make(chan error, 10)
			for i := range cap(answers) {
				ctx := t.Context()
				if all || i == 0 {
					ctx = hasty
				}
				go func() {
					found, err := c.fact(ctx, "key", find)
					if err == nil && found != "found" {
						err = errors.New("found " + found)
					}
					answers <- err
				}()
			}
			synctest.Wait()
			giveUp()
			synctest.Wait()
			if !all {
				close(release)
			}
			failed := 0
			for range cap(answers) {
				if err := <-answers; errors.Is(err, context.Canceled) {
					failed++
				} else if err != nil {
					t.Error(err)
				}
			}
			if want := map[bool]int{true: 10, false: 1}[all]; failed != want || searches != round+1 {
				t.Errorf("%d gave up, want %d; there were %d searches, want %d", failed, want, searches, round+1)
			}
		}
		if found, err := c.fact(t.Context(), "key", find); found != "found" || err != nil || searches != 2 {
			t.Errorf("got %q, %v after %d searches", found, err, searches)
		}
	})
}

func TestServesPaths(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, metav1.APIResourceList{}) })
	c := s.client(t, Options{})
	for _, gv := range []string{"v1", "apps/v1"} {
		if got, err := c.Serves(t.Context(), gv); !got || err != nil {
			t.Errorf("%s: %v, %v", gv, got, err)
		}
	}
	for _, bad := range []string{"a/b/c", "../v1?x", "A/v1"} {
		if _, err := c.Serves(t.Context(), bad); err == nil {
			t.Errorf("%s was asked for", bad)
		}
	}
	if got := s.asked(); !slices.Equal(got, []string{"GET /api/v1", "GET /apis/apps/v1"}) {
		t.Errorf("asked %q", got)
	}
}

func TestClusterUID(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/kube-system" {
			answerStatus(w, 404, metav1.StatusReasonNotFound)
			return
		}
		answerJSON(w, 200, map[string]any{"metadata": map[string]any{"name": "kube-system", "uid": "u-1"}})
	})
	c := s.client(t, Options{})
	for range 2 {
		if uid, err := c.ClusterUID(t.Context()); uid != "u-1" || err != nil {
			t.Errorf("got %q, %v", uid, err)
		}
	}
	if s.count() != 1 {
		t.Errorf("%d requests", s.count())
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	down := &Error{Err: &transportFailure{err: errors.New("connection refused")}}
	unavailable := apierrors.NewServiceUnavailable("starting")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "n", errors.New("no"))
	type look struct {
		done  bool
		state string
		err   error
	}
	for name, test := range map[string]struct {
		looks    []look // the last one is repeated
		progress []string
		want     string // of the error
	}{
		"at once":                  {[]look{{done: true}}, nil, ""},
		"after a while":            {[]look{{state: "1 of 2"}, {state: "1 of 2"}, {state: "2 of 2"}, {done: true}}, []string{"1 of 2", "2 of 2"}, ""},
		"through trouble":          {[]look{{err: down}, {err: unavailable}, {done: true}}, nil, ""},
		"error that does not pass": {[]look{{state: "1 of 2"}, {err: forbidden}}, []string{"1 of 2"}, "forbidden"},
		"never":                    {[]look{{state: "1 of 2"}}, []string{"1 of 2"}, "stopped waiting: 1 of 2 (context deadline exceeded)"},
		"never reachable":          {[]look{{err: down}}, nil, "stopped waiting: context deadline exceeded; the last look failed:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var progress []string
				n := 0
				err := Wait(ctx, WaitOptions{Progress: func(state string) { progress = append(progress, state) }}, func(context.Context) (bool, string, error) {
					l := test.looks[min(n, len(test.looks)-1)]
					n++
					return l.done, l.state, l.err
				})
				if !slices.Equal(progress, test.progress) {
					t.Errorf("told %q", progress)
				}
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				var stopped *WaitError
				if ended := ctx.Err() != nil; ended != errors.As(err, &stopped) || ended && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %T", err)
				}
				if n > 40 {
					t.Errorf("looked %d times in a minute", n)
				}
			})
		})
	}
}
