package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// errUnfinished says that a part waits for something that an event will tell.
var errUnfinished = errors.New("not finished")

// listen turns the changes of the cluster in IKS into work, each when the
// delay has passed.
func (c *Controllers) listen(ctx context.Context, changes <-chan fakeiks.Change) {
	for {
		select {
		case <-ctx.Done():
			return
		case change, open := <-changes:
			if !open {
				return
			}
			if change.Cluster != c.options.ClusterID {
				continue
			}
			if c.options.Delay < 0 {
				c.note(change)
				continue
			}
			c.running.Go(func() {
				timer := time.NewTimer(c.options.Delay)
				defer timer.Stop()
				select {
				case <-ctx.Done():
				case <-timer.C:
					c.note(change)
				}
			})
		}
	}
}

// note remembers what a change asks for.
func (c *Controllers) note(change fakeiks.Change) {
	c.mu.Lock()
	switch change.Kind {
	case fakeiks.PoolLabelsChanged, fakeiks.PoolTaintsChanged:
		what := poolChange{pool: change.Subject, taints: change.Kind == fakeiks.PoolTaintsChanged}
		if change.At.After(c.due.pools[what]) {
			c.due.pools[what] = change.At
		}
	case fakeiks.MasterRefreshed:
		c.due.master = true
	case fakeiks.SubnetAdded:
		c.due.subnets = true
	}
	c.mu.Unlock()
	c.poke()
}

// observer wakes the loop for everything that happens in the cluster.
func (c *Controllers) observer() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { c.observe(nil, object) },
		UpdateFunc: func(before, after any) {
			c.observe(before, after)
		},
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			c.observe(object, nil)
		},
	}
}

// observe wakes the loop; a Service that changed is work of its own.
func (c *Controllers) observe(before, after any) {
	old, wasService := before.(*corev1.Service)
	fresh, isService := after.(*corev1.Service)
	if wasService || isService {
		if name := serviceChange(old, fresh); name != "" {
			c.mu.Lock()
			c.due.services[name] = true
			c.mu.Unlock()
		}
	}
	c.poke()
}

func (c *Controllers) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// work is the loop: one round for each wake-up, and again after a pause when
// something went wrong.
func (c *Controllers) work(ctx context.Context) {
	pause := firstPause
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-retry.C:
		}
		err := c.round(ctx)
		c.mu.Lock()
		c.lastErr = err
		c.mu.Unlock()
		switch {
		case err == nil:
			pause = firstPause
			c.announce()
		case errors.Is(err, errUnfinished):
			pause = firstPause // an event will wake us
		case ctx.Err() == nil:
			c.log.Warn("cloud controllers will try again", "error", err, "in", pause)
			retry.Reset(pause)
			pause = min(2*pause, longPause)
		}
	}
}

// announce says once that everything is there.
func (c *Controllers) announce() {
	select {
	case <-c.ready:
	default:
		close(c.ready)
	}
}

// round compares the cluster with IKS and acts. Work from events that fails is
// put back.
func (c *Controllers) round(ctx context.Context) error {
	asOf := time.Now()
	cluster, found := c.options.Server.Cluster(c.options.ClusterID)
	if !found {
		return nil // deleted; there is nothing to look after
	}
	c.mu.Lock()
	due := c.due
	c.due = todo{pools: map[poolChange]time.Time{}, services: map[string]bool{}}
	c.mu.Unlock()

	failures := map[string]error{}
	failures["nodes"] = c.syncNodes(ctx, cluster)
	for what, at := range due.pools {
		if at.Before(c.told[what]) {
			continue // an earlier round has seen to it; what others did since stays
		}
		if err := c.syncPool(ctx, cluster, what); err != nil {
			failures["pool "+what.pool] = errors.Join(failures["pool "+what.pool], err)
			c.again(func(t *todo) {
				if at.After(t.pools[what]) {
					t.pools[what] = at
				}
			})
			continue
		}
		c.told[what] = asOf
	}
	if due.master {
		if err := c.refreshed(ctx, cluster); err != nil {
			failures["master refresh"] = err
			c.again(func(t *todo) { t.master = true })
		}
	}
	if due.subnets {
		if err := c.vlanMap(ctx, cluster); err != nil {
			failures["portable subnets"] = err
			c.again(func(t *todo) { t.subnets = true })
		}
	}
	failures["ALBs"] = c.syncALBs(ctx, cluster)
	failures["ingresses"] = c.syncIngresses(ctx, cluster)
	for service := range due.services {
		if err := c.syncService(ctx, service); err != nil {
			failures["service "+service] = err
			c.again(func(t *todo) { t.services[service] = true })
		}
	}
	return join(failures)
}

func (c *Controllers) again(change func(*todo)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.due)
}

// join makes one error of the parts' errors; it is errUnfinished only when no
// part has a real one.
func join(failures map[string]error) error {
	var broken, waiting []error
	for part, err := range failures {
		switch {
		case err == nil:
		case errors.Is(err, errUnfinished):
			waiting = append(waiting, fmt.Errorf("%s: %w", part, err))
		default:
			broken = append(broken, fmt.Errorf("%s: %w", part, err))
		}
	}
	if len(broken) > 0 {
		return errors.Join(broken...)
	}
	return errors.Join(waiting...)
}
