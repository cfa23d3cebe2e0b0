package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// How long a lookup by name is trusted. While something is being applied a
// cluster can be replaced under its name in the same run.
const (
	factsLifetime         = 30 * time.Second
	factsLifetimeApplying = 2 * time.Second
)

// Options of a Fleet.
type Options struct {
	// IKS speaks to the IKS API. It is asked for at the first use, so that a
	// provider whose clusters are all given by Direct needs no credentials.
	IKS func() (*iks.Client, error)
	// Direct are the clusters that are reached without IKS, by name.
	Direct map[string]func() (kube.Access, error)
	// Access says which credentials and which endpoint to ask IKS for.
	Access iks.AccessOptions
	// Kube are the options of each connection to an API server.
	Kube kube.Options
}

// Fleet is every cluster that one provider instance serves.
type Fleet struct {
	options Options
	now     func() time.Time

	mu       sync.Mutex
	applying bool
	lookups  map[string]*look[*Cluster] // by name or ID as asked for
	links    map[string]*link           // by cluster ID
}

// NewFleet makes a fleet. It sends no request.
func NewFleet(o Options) *Fleet {
	return &Fleet{options: o, now: time.Now, lookups: map[string]*look[*Cluster]{}, links: map[string]*link{}}
}

// BeginApply turns off every cache of answers for the life of the process: what
// writes, waits or checks goes to the server.
func (f *Fleet) BeginApply() {
	f.mu.Lock()
	if f.applying {
		f.mu.Unlock()
		return
	}
	f.applying = true
	links := make([]*link, 0, len(f.links))
	for _, l := range f.links {
		links = append(links, l)
	}
	f.mu.Unlock()
	for _, l := range links {
		l.stopCaching()
	}
}

// Applying tells whether BeginApply was called.
func (f *Fleet) Applying() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applying
}

// Find looks a cluster up by the name or ID that a user wrote. A NotFoundError
// is proof that there is none.
func (f *Fleet) Find(ctx context.Context, nameOrID string) (*Cluster, error) {
	c, err := f.lookup(nameOrID).get(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("looking up cluster %q: %w", nameOrID, err)
	}
	return c, err
}

func (f *Fleet) lookup(nameOrID string) *look[*Cluster] {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, known := f.lookups[nameOrID]
	if !known {
		l = &look[*Cluster]{
			now:   f.now,
			ask:   func(ctx context.Context) (*Cluster, error) { return f.ask(ctx, nameOrID) },
			stale: func(_ *Cluster, age time.Duration) bool { return age > f.factsLifetime() },
		}
		f.lookups[nameOrID] = l
	}
	return l
}

func (f *Fleet) factsLifetime() time.Duration {
	if f.Applying() {
		return factsLifetimeApplying
	}
	return factsLifetime
}

// FindByID looks up the cluster that a state belongs to. name is what the user
// wrote; it leads to clusters of cluster_access, which IKS cannot find by ID.
func (f *Fleet) FindByID(ctx context.Context, id, name string) (*Cluster, error) {
	if err := f.CheckWay(id, name); err != nil {
		return nil, err
	}
	if !f.direct(name) {
		return f.Find(ctx, id)
	}
	c, err := f.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	if c.ID != id {
		return nil, &NotFoundError{Cluster: id}
	}
	return c, nil
}

// CheckWay makes sure that a cluster is looked for where it was found before:
// IKS does not know the clusters of cluster_access, nor the other way round, so
// that the wrong one of the two would say that a cluster is gone, or another.
// The IDs tell them apart: IKS's have no dash, the uid of a namespace has.
func (f *Fleet) CheckWay(id, name string) error {
	direct := isUID(id)
	switch {
	case id == "" || direct == f.direct(name):
		return nil
	case direct:
		return fmt.Errorf("cluster %q was reached by cluster_access and has no entry there any more: put the entry back, or remove the resource from the state", name)
	}
	return fmt.Errorf("cluster %q was reached through IKS and has an entry in cluster_access now: take the entry away, give it another name, or remove the resource from the state", name)
}

// isUID tells the ID of a cluster of cluster_access from one of IKS's.
func isUID(id string) bool { return strings.Contains(id, "-") }

// NameOf gives what leads to the cluster with an ID: the name of its entry in
// cluster_access, or the ID itself, by which IKS finds its own.
func (f *Fleet) NameOf(ctx context.Context, id string) (string, error) {
	if !isUID(id) {
		return id, nil
	}
	var found string
	errs := make([]error, len(f.options.Direct))
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(f.options.Direct)) {
		all.Go(func() {
			c, err := f.Find(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if errs[i] = err; err == nil && c.ID == id {
				found = name
			}
		})
	}
	all.Wait()
	if found == "" {
		return "", errors.Join(append([]error{fmt.Errorf("no entry of cluster_access leads to the cluster with ID %s", id)}, errs...)...)
	}
	return found, nil
}

func (f *Fleet) direct(name string) bool {
	_, ok := f.options.Direct[name]
	return ok
}

func (f *Fleet) ask(ctx context.Context, nameOrID string) (*Cluster, error) {
	if access, direct := f.options.Direct[nameOrID]; direct {
		return f.askDirect(ctx, nameOrID, access)
	}
	api, err := f.options.IKS()
	if err != nil {
		return nil, err
	}
	facts, err := api.Cluster(ctx, nameOrID)
	if err != nil {
		return nil, wrapNotFound(nameOrID, err)
	}
	return &Cluster{ID: facts.ID, Name: facts.Name, facts: &facts, api: api, link: f.linkTo(api, facts)}, nil
}

func (f *Fleet) askDirect(ctx context.Context, name string, access func() (kube.Access, error)) (*Cluster, error) {
	a, err := access()
	if err != nil {
		return nil, fmt.Errorf("cluster_access of cluster %q: %w", name, err)
	}
	conn, err := f.connectDirect(name, a)
	if err != nil {
		return nil, fmt.Errorf("cluster_access of cluster %q: %w", name, err)
	}
	uid, err := conn.ClusterUID(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking cluster %q for its identity: %w", name, err)
	}
	return &Cluster{ID: uid, Name: name, link: directLink(conn)}, nil
}

// connectDirect keeps one connection per entry of cluster_access: its ID is
// not known before it was asked, so the name stands in.
func (f *Fleet) connectDirect(name string, a kube.Access) (*kube.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := "cluster_access/" + name
	if l, ok := f.links[key]; ok {
		return l.conn, nil
	}
	conn, err := kube.New(a, f.options.Kube)
	if err != nil {
		return nil, err
	}
	l := directLink(conn)
	if f.applying {
		l.stopCaching()
	}
	f.links[key] = l
	return conn, nil
}

// linkTo gives the one link of a cluster. A cluster that was reborn under the
// same name has another ID and so another link.
func (f *Fleet) linkTo(api *iks.Client, facts iks.Cluster) *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.links[facts.ID]; ok {
		return l
	}
	l := newLink(api, facts, f.options.Access, f.options.Kube, f.now)
	if f.applying {
		l.stopCaching()
	}
	f.links[facts.ID] = l
	return l
}
