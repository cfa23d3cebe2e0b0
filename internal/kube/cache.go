package kube

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// cache keeps lists for reads that many resources share. Its generation counts mutating calls, twice each: a list is
// stored, and a list under way is joined, only if the generation is the one it began with. So a read that begins
// after a write never sees what was there before it.
type cache struct {
	lifetime time.Duration

	mu         sync.Mutex
	off        bool
	generation uint64
	entries    map[listKey]entry
	flights    map[listKey]*flight
}

type listKey struct {
	group, version, resource string
	options                  ListOptions
}

type entry struct {
	generation uint64
	asked      time.Time
	items      any
}

// flight is a list under way. It has its own context, so that a caller who gives up does not fail the others; it is
// cancelled when nobody waits any more.
type flight struct {
	generation uint64
	waiting    int
	cancel     context.CancelFunc
	done       chan struct{}
	items      any
	err        error
}

func newCache(lifetime time.Duration) *cache {
	return &cache{lifetime: lifetime, entries: map[listKey]entry{}, flights: map[listKey]*flight{}}
}

// bump makes everything stale that was read, or is being read, until now.
func (c *cache) bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	clear(c.entries)
}

// StopCaching turns the cache off for the rest of the client's life: [CachedList] and [CachedGet] ask the server.
func (c *Client) StopCaching() {
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	c.cache.off = true
	clear(c.cache.entries)
}

// Caching reports whether the cache is on.
func (c *Client) Caching() bool { return c.cache.on() }

// CachedList is [List] for reads that many resources share: within the cache's lifetime one request serves all of
// them. A failed list is not kept. The objects are shared: they must not be changed, but the slice is the caller's.
func CachedList[T any](ctx context.Context, c *Client, k Kind[T], o ListOptions) ([]T, error) {
	items, err := cachedList(ctx, c, k, o)
	if err != nil {
		return nil, err
	}
	return append(make([]T, 0, len(items)), items...), nil
}

// CachedGet takes one object from the cached list that lookup describes. What is missing there is asked for by name
// before it is called not found, and so is everything when listing is forbidden or the cache is off.
func CachedGet[T any](ctx context.Context, c *Client, k Kind[T], namespace, name string, lookup ListOptions) (T, error) {
	if !c.cache.on() {
		return Get(ctx, c, k, namespace, name)
	}
	items, err := cachedList(ctx, c, k, lookup)
	if err != nil && !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
		var none T
		return none, err
	}
	for i := range items {
		accessor, err := meta(&items[i])
		if err != nil {
			var none T
			return none, err
		}
		if accessor.GetName() == name && (!k.Namespaced || accessor.GetNamespace() == namespace) {
			return clone(&items[i]), nil
		}
	}
	return Get(ctx, c, k, namespace, name)
}

// clone copies an object deeply.
func clone[T any](object *T) T {
	copier, ok := any(object).(interface{ DeepCopyInto(*T) })
	if !ok {
		return *object
	}
	var out T
	copier.DeepCopyInto(&out)
	return out
}

func (c *cache) on() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.off
}

// cachedList gives the shared slice itself.
func cachedList[T any](ctx context.Context, c *Client, k Kind[T], o ListOptions) ([]T, error) {
	if !k.Namespaced {
		o.Namespace = ""
	}
	key := listKey{group: k.Group, version: k.Version, resource: k.Resource, options: o}
	items, err := c.cache.list(ctx, key, func(ctx context.Context) (any, error) {
		return List(ctx, c, k, o)
	})
	if err != nil {
		return nil, err
	}
	typed, _ := items.([]T)
	return typed, nil
}

func (c *cache) list(ctx context.Context, key listKey, load func(context.Context) (any, error)) (any, error) {
	c.mu.Lock()
	if c.off {
		c.mu.Unlock()
		return load(ctx)
	}
	if e, ok := c.entries[key]; ok && e.generation == c.generation && time.Since(e.asked) < c.lifetime {
		c.mu.Unlock()
		return e.items, nil
	}
	f, ok := c.flights[key]
	if !ok || f.generation != c.generation {
		f = c.takeOff(ctx, key, load)
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.items, f.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		f.waiting--
		if f.waiting == 0 {
			f.cancel()
			if c.flights[key] == f {
				delete(c.flights, key) // nobody may join what is being cancelled
			}
		}
		return nil, context.Cause(ctx)
	}
}

// takeOff starts a list. The caller holds the lock.
func (c *cache) takeOff(ctx context.Context, key listKey, load func(context.Context) (any, error)) *flight {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{generation: c.generation, cancel: cancel, done: make(chan struct{})}
	c.flights[key] = f
	asked := time.Now()
	go func() {
		defer cancel()
		items, err := load(own)
		c.mu.Lock()
		defer c.mu.Unlock()
		f.items, f.err = items, err
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		if err == nil && !c.off && f.generation == c.generation {
			c.entries[key] = entry{generation: f.generation, asked: asked, items: items}
		}
		close(f.done)
	}()
	return f
}
