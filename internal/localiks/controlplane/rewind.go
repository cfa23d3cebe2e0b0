package controlplane

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Rewind brings everything that is stored back to what it was when Start
// returned, under running programs: what was made since is deleted, what was
// changed or deleted is as it was. For the API server and all that watch it
// these are changes like any other, and controllers act on them as they do. A
// control plane that cannot do it (a kind cluster) answers with
// [errors.ErrUnsupported].
func (c *ControlPlane) Rewind(ctx context.Context) error {
	if err := c.rewind(ctx); err != nil {
		return fmt.Errorf("rewinding control plane %s: %w", c.options.Name, err)
	}
	c.calicoV3.Store(c.options.CalicoAPI)
	return c.awaitAPI(ctx)
}

// rewind goes on until no namespace had to go. The API server takes objects for one
// until it has heard that it is gone, and controllers make some.
func (c *ControlPlane) rewind(ctx context.Context) error {
	for {
		ended, err := c.plane.rewind(ctx)
		if err != nil || len(ended) == 0 {
			return err
		}
		for _, namespace := range ended {
			if err := until(ctx, func(ctx context.Context) error { return c.refuses(ctx, namespace) }); err != nil {
				return err
			}
		}
	}
}

// refuses is no error where nothing can be made in a namespace any more.
func (c *ControlPlane) refuses(ctx context.Context, namespace string) error {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "rewound"}}
	_, err := c.client.CoreV1().ConfigMaps(namespace).Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("namespace %s still takes objects", namespace)
}

// Stored gives everything that etcd holds, as it is there: by key, events and leases among it. A control plane that
// cannot tell (a kind cluster) answers with [errors.ErrUnsupported].
func (c *ControlPlane) Stored(ctx context.Context) (map[string]string, error) {
	out, err := c.plane.stored(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading what control plane %s has stored: %w", c.options.Name, err)
	}
	return out, nil
}

// content is what etcd holds.
type content map[string]string

// ownBusiness are keys that are not the cluster's content: bookkeeping of the
// API server, and what goes by itself.
var ownBusiness = []string{"compact_rev_key", "/registry/events/", "/registry/leases/", "/registry/masterleases/"}

func (l *local) rewind(ctx context.Context) (endedNamespaces []string, err error) {
	now, err := l.content(ctx)
	if err != nil {
		return nil, err
	}
	// Each change has a revision of its own, as the API server's have: those who
	// watch go on behind the last one that they have seen, and would miss the rest
	// of several with the same.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, c := range l.initial.changes(now) {
		if namespace, is := strings.CutPrefix(c.key, "/registry/namespaces/"); is && c.method == deleteRange {
			endedNamespaces = append(endedNamespaces, namespace)
		}
		group.Go(func() error { return l.store.call(ctx, c.method, c.request, nil) })
	}
	return endedNamespaces, group.Wait()
}

// change is a request to etcd.
type change struct {
	key     string
	method  string // put or deleteRange
	request map[string]any
}

const (
	put         = "kv/put"
	deleteRange = "kv/deleterange"
)

// content reads what is the cluster's.
func (l *local) content(ctx context.Context) (content, error) {
	out, err := l.stored(ctx)
	for key := range out {
		if slices.ContainsFunc(ownBusiness, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			delete(out, key)
		}
	}
	return out, err
}

// stored reads all that there is.
func (l *local) stored(ctx context.Context) (map[string]string, error) {
	var answer struct {
		KVs []struct {
			Key   []byte `json:"key"`
			Value []byte `json:"value"`
		} `json:"kvs"`
	}
	all := []byte{0} // as the first key and as the end: every key
	if err := l.store.call(ctx, "kv/range", map[string]any{"key": all, "range_end": all}, &answer); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, pair := range answer.KVs {
		out[string(pair.Key)] = string(pair.Value)
	}
	return out, nil
}

// changes are etcd's requests that make what it holds now what it is to hold.
func (c content) changes(now content) []change {
	var requests []change
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for key, value := range c {
		if have, found := now[key]; !found || have != value {
			requests = append(requests, change{key, put, map[string]any{"key": encoded(key), "value": encoded(value)}})
		}
	}
	for key := range now {
		if _, stays := c[key]; !stays {
			requests = append(requests, change{key, deleteRange, map[string]any{"key": encoded(key)}})
		}
	}
	return requests
}
