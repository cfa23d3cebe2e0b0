package kube

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var someKey = listKey{resource: "nodes"}

// loader counts loads; each takes a second of the bubble's time.
type loader struct {
	n   atomic.Int32
	err error
}

func (l *loader) load(ctx context.Context) (any, error) {
	n := l.n.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.err != nil {
		return nil, l.err
	}
	return []int{int(n)}, nil
}

// isList says whether what a cache gave is the list of the nth load.
func isList(items any, n int) bool {
	list, ok := items.([]int)
	return ok && slices.Equal(list, []int{n})
}

func (l *loader) want(t *testing.T, n int32) {
	t.Helper()
	if got := l.n.Load(); got != n {
		t.Errorf("%d requests, want %d", got, n)
	}
}

func TestCacheLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, l := newCache(30*time.Second), &loader{}
		for range 3 {
			if _, err := c.list(t.Context(), someKey, l.load); err != nil {
				t.Fatal(err)
			}
		}
		l.want(t, 1)
		time.Sleep(28 * time.Second) // 29 s since it was asked for
		_, _ = c.list(t.Context(), someKey, l.load)
		l.want(t, 1)
		time.Sleep(time.Second)
		_, _ = c.list(t.Context(), someKey, l.load)
		l.want(t, 2)
	})
}

func TestCacheJoinsOneFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, l := newCache(30*time.Second), &loader{}
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				if items, err := c.list(t.Context(), someKey, l.load); err != nil || !isList(items, 1) {
					t.Error(items, err)
				}
			})
		}
		wait.Wait()
		l.want(t, 1)
		_, _ = c.list(t.Context(), listKey{resource: "nodes", options: ListOptions{Labels: "a"}}, l.load)
		l.want(t, 2)
	})
}

func TestCacheForgetsFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, l := newCache(30*time.Second), &loader{err: errors.New("no")}
		for range 2 {
			if _, err := c.list(t.Context(), someKey, l.load); err == nil {
				t.Error("no error")
			}
		}
		l.want(t, 2)
	})
}

// TestCacheAndWrites follows a write that happens before, during and after a list.
func TestCacheAndWrites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T, c *cache, l *loader){
		"a stored list is not served after a write": func(t *testing.T, c *cache, l *loader) {
			_, _ = c.list(t.Context(), someKey, l.load)
			c.bump()
			_, _ = c.list(t.Context(), someKey, l.load)
			l.want(t, 2)
		},
		"a list that a write overtook is not stored": func(t *testing.T, c *cache, l *loader) {
			go func() { _, _ = c.list(t.Context(), someKey, l.load) }()
			time.Sleep(time.Second / 2)
			c.bump()
			time.Sleep(time.Second)
			_, _ = c.list(t.Context(), someKey, l.load)
			l.want(t, 2)
		},
		"a list that a write overtook is not joined": func(t *testing.T, c *cache, l *loader) {
			go func() { _, _ = c.list(t.Context(), someKey, l.load) }()
			time.Sleep(time.Second / 2)
			c.bump()
			items, _ := c.list(t.Context(), someKey, l.load)
			if !isList(items, 2) {
				t.Errorf("got the list %v that began before the write", items)
			}
			l.want(t, 2)
		},
		"a list that begins during a write ends with it": func(t *testing.T, c *cache, l *loader) {
			c.bump() // the write begins
			_, _ = c.list(t.Context(), someKey, l.load)
			_, _ = c.list(t.Context(), someKey, l.load)
			l.want(t, 1)
			c.bump() // the write ends
			_, _ = c.list(t.Context(), someKey, l.load)
			l.want(t, 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, newCache(30*time.Second), &loader{}) })
		})
	}
}

func TestCacheCancellation(t *testing.T) {
	t.Parallel()
	t.Run("of one caller leaves the others alone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, l := newCache(30*time.Second), &loader{}
			first, cancel := context.WithCancel(t.Context())
			var wait sync.WaitGroup
			wait.Go(func() {
				if _, err := c.list(first, someKey, l.load); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
			synctest.Wait()
			wait.Go(func() {
				if _, err := c.list(t.Context(), someKey, l.load); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			cancel()
			wait.Wait()
			l.want(t, 1)
		})
	})
	t.Run("of all callers ends the list", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCache(30 * time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			load := func(ctx context.Context) (any, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return []int{0}, ctx.Err()
			}
			go func() { _, _ = c.list(ctx, someKey, load) }()
			synctest.Wait()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			l := &loader{}
			if _, err := c.list(t.Context(), someKey, l.load); err != nil {
				t.Errorf("joined what was cancelled: %v", err)
			}
		})
	})
}

func TestStopCaching(t *testing.T) {
	t.Parallel()
	s := pages(t, 3, true, nil)
	c := s.client(t, Options{})
	list := func() {
		if _, err := CachedList(t.Context(), c, Nodes, ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list()
	list()
	if s.count() != 1 {
		t.Fatalf("%d requests", s.count())
	}
	c.StopCaching()
	list()
	list()
	if s.count() != 3 {
		t.Errorf("%d requests", s.count())
	}
}

func TestMutatingCallsMakeTheCacheStale(t *testing.T) {
	t.Parallel()
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n0", ResourceVersion: "1"}}
	for name, test := range map[string]struct {
		call func(context.Context, *Client) error
		want int
	}{
		"create": {func(ctx context.Context, c *Client) error {
			_, err := Create(ctx, c, Nodes, node, WriteOptions{})
			return err
		}, 2},
		"update": {func(ctx context.Context, c *Client) error {
			_, err := Update(ctx, c, Nodes, node, WriteOptions{})
			return err
		}, 2},
		"patch": {func(ctx context.Context, c *Client) error {
			_, err := Patch(ctx, c, Nodes, "", "n0", "application/merge-patch+json", nil, PatchOptions{})
			return err
		}, 2},
		"apply": {func(ctx context.Context, c *Client) error {
			_, err := Apply(ctx, c, Nodes, node, PatchOptions{FieldManager: "m"})
			return err
		}, 2},
		"delete": {func(ctx context.Context, c *Client) error { return Delete(ctx, c, Nodes, "", "n0", DeleteOptions{}) }, 2},
		"evict":  {func(ctx context.Context, c *Client) error { return Evict(ctx, c, "a", "b", -1) }, 2},
		"get":    {func(ctx context.Context, c *Client) error { _, err := Get(ctx, c, Nodes, "", "n0"); return err }, 1},
		"dry-run create": {func(ctx context.Context, c *Client) error {
			_, err := Create(ctx, c, Nodes, node, WriteOptions{DryRun: true})
			return err
		}, 1},
		"dry-run delete": {func(ctx context.Context, c *Client) error {
			return Delete(ctx, c, Nodes, "", "n0", DeleteOptions{DryRun: true})
		}, 1},
		"failed create": {func(ctx context.Context, c *Client) error {
			bad := node
			bad.Name = "bad"
			if _, err := Create(ctx, c, Nodes, bad, WriteOptions{}); !apierrors.IsForbidden(err) {
				return errors.New("was not refused")
			}
			return nil
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lists atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodGet && r.URL.Path == "/api/v1/nodes":
					lists.Add(1)
					answerJSON(w, 200, corev1.NodeList{Items: []corev1.Node{node}})
				case r.Method == http.MethodPost && r.ContentLength > 0 && contains(r, `"bad"`):
					answerStatus(w, 403, metav1.StatusReasonForbidden)
				default:
					answerJSON(w, 200, node)
				}
			})
			c := s.client(t, Options{})
			_, err1 := CachedList(t.Context(), c, Nodes, ListOptions{})
			err2 := test.call(t.Context(), c)
			_, err3 := CachedList(t.Context(), c, Nodes, ListOptions{})
			if err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(err1, err2, err3)
			}
			if got := int(lists.Load()); got != test.want {
				t.Errorf("%d lists, want %d", got, test.want)
			}
		})
	}
}

func TestCachedGet(t *testing.T) {
	t.Parallel()
	forbidden := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		service := func(name string) map[string]any {
			return map[string]any{"metadata": map[string]any{"namespace": "ns", "name": name}}
		}
		switch {
		case r.URL.Path == "/api/v1/namespaces/ns/services" && forbidden:
			answerStatus(w, 403, metav1.StatusReasonForbidden)
		case r.URL.Path == "/api/v1/namespaces/ns/services":
			answerJSON(w, 200, map[string]any{"items": []any{service("a"), service("b")}})
		case r.URL.Path == "/api/v1/namespaces/ns/services/new", r.URL.Path == "/api/v1/namespaces/ns/services/a":
			answerJSON(w, 200, service("new"))
		default:
			answerStatus(w, 404, metav1.StatusReasonNotFound)
		}
	})
	lookup := ListOptions{Namespace: "ns"}
	get := func(c *Client, name string) (corev1.Service, error) {
		return CachedGet(t.Context(), c, Services, "ns", name, lookup)
	}
	c := s.client(t, Options{})
	for _, name := range []string{"a", "b", "a"} {
		got, err := get(c, name)
		if err != nil || got.Name != name {
			t.Errorf("got %q, %v", got.Name, err)
		}
		got.Labels = map[string]string{"mine": "alone"}
	}
	if _, err := get(c, "new"); err != nil {
		t.Errorf("what is not in the list was not asked for: %v", err)
	}
	if _, err := get(c, "gone"); !apierrors.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	want := []string{"GET /api/v1/namespaces/ns/services?limit=1000", "GET /api/v1/namespaces/ns/services/new", "GET /api/v1/namespaces/ns/services/gone"}
	if got := s.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
	forbidden = true
	c = s.client(t, Options{})
	if _, err := get(c, "a"); err != nil {
		t.Errorf("with list forbidden: %v", err)
	}
	c.StopCaching()
	before := s.count()
	if _, err := get(c, "a"); err != nil || s.count() != before+1 {
		t.Errorf("with the cache off: %v, %d requests", err, s.count()-before)
	}
}

func TestCachedGetGivesACopy(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, corev1.NodeList{Items: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{"a": "1"}}}}})
	})
	c := s.client(t, Options{})
	for range 2 {
		node, err := CachedGet(t.Context(), c, Nodes, "", "n1", ListOptions{})
		if err != nil || node.Labels["a"] != "1" {
			t.Fatalf("got %v, %v", node.Labels, err)
		}
		node.Labels["a"] = "2"
		nodes, err := CachedList(t.Context(), c, Nodes, ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		nodes[0] = corev1.Node{}
	}
}
