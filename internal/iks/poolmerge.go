package iks

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

// IKS replaces a pool's whole map of labels, or of taints, on every set, and
// has no precondition. So our keys are merged into what is there, written, and
// looked at again; what somebody else writes in between may undo ours (we try
// again), and ours can undo theirs only if it falls between our read and our
// write.

// mergeTries bounds how often keys are written that somebody else undoes.
const mergeTries = 5

// SetWorkerPoolLabels replaces all user labels of the pool. Somebody else's go,
// too; MergeWorkerPoolLabels leaves them alone.
func (c *Client) SetWorkerPoolLabels(ctx context.Context, cluster Cluster, poolID string, labels map[string]string) error {
	return c.setPool(ctx, poolLabels(), cluster, poolID, labels)
}

// SetWorkerPoolTaints replaces all taints of the pool. Somebody else's go, too;
// MergeWorkerPoolTaints leaves them alone.
func (c *Client) SetWorkerPoolTaints(ctx context.Context, cluster Cluster, poolID string, taints map[string]PoolTaint) error {
	return c.setPool(ctx, poolTaints(), cluster, poolID, wireTaints(taints))
}

// MergeWorkerPoolLabels gives the pool the labels of set and takes those of
// remove away, and touches no others. changed tells whether anything was
// written. Callers of one client take turns per pool; poolID is the ID, so that
// they agree on what a pool is.
//
// Each condition is given the pool as it was just read, before every write; its
// error ends the merge and is handed back as it is.
func (c *Client) MergeWorkerPoolLabels(ctx context.Context, cluster Cluster, poolID string, set map[string]string, remove []string, conditions ...func(WorkerPool) error) (changed bool, err error) {
	return c.mergePool(ctx, poolLabels(), cluster, poolID, set, remove, conditions)
}

// MergeWorkerPoolTaints is MergeWorkerPoolLabels for taints, by their keys.
func (c *Client) MergeWorkerPoolTaints(ctx context.Context, cluster Cluster, poolID string, set map[string]PoolTaint, remove []string, conditions ...func(WorkerPool) error) (changed bool, err error) {
	return c.mergePool(ctx, poolTaints(), cluster, poolID, wireTaints(set), remove, conditions)
}

// poolMap is one of the two maps of a pool.
type poolMap struct {
	what string
	of   func(WorkerPool) map[string]string
	put  func(api containerv2.WorkerPool, cluster, pool string, to map[string]string, target containerv2.ClusterTargetHeader) error
}

func poolLabels() poolMap {
	return poolMap{
		what: "labels",
		of:   func(p WorkerPool) map[string]string { return p.Labels },
		put: func(api containerv2.WorkerPool, cluster, pool string, to map[string]string, target containerv2.ClusterTargetHeader) error {
			return api.UpdateWorkerPoolLabels(containerv2.SetWorkerPoolLabelsRequest{Cluster: cluster, WorkerPool: pool, Labels: to}, target)
		},
	}
}

func poolTaints() poolMap {
	return poolMap{
		what: "taints",
		of:   func(p WorkerPool) map[string]string { return wireTaints(p.Taints) },
		put: func(api containerv2.WorkerPool, cluster, pool string, to map[string]string, target containerv2.ClusterTargetHeader) error {
			return api.UpdateWorkerPoolTaints(containerv2.WorkerPoolTaintRequest{Cluster: cluster, WorkerPool: pool, Taints: to}, target)
		},
	}
}

func wireTaints(taints map[string]PoolTaint) map[string]string {
	wire := make(map[string]string, len(taints))
	for key, taint := range taints {
		wire[key] = taint.String()
	}
	return wire
}

// merge is the decision: what the map must become, and whether that differs.
func merge(current, set map[string]string, remove []string) (next map[string]string, differs bool) {
	next = make(map[string]string, len(current)+len(set))
	maps.Copy(next, current)
	for _, key := range remove {
		delete(next, key)
	}
	maps.Copy(next, set)
	return next, !maps.Equal(next, current)
}

func (c *Client) setPool(ctx context.Context, m poolMap, cluster Cluster, poolID string, to map[string]string) error {
	cl, cancel := c.begin(ctx, "setting the "+m.what+" of", describePool(cluster, poolID))
	defer cancel()
	unlock, err := c.pools.Lock(cl.ctx, cluster.ID+"/"+poolID)
	if err != nil {
		return cl.ended(nil)
	}
	defer unlock()
	return c.putPool(cl.writing(always), m, cluster, poolID, to)
}

func (c *Client) putPool(cl *call, m poolMap, cluster Cluster, poolID string, to map[string]string) error {
	if err := checkName("worker pool", poolID); err != nil {
		return cl.explain(err)
	}
	if to == nil {
		to = map[string]string{} // null is not an empty map to everybody
	}
	api, err := c.v2(cl)
	if err != nil {
		return cl.explain(err)
	}
	return cl.outcome(m.put(api.WorkerPools(), cluster.ID, poolID, to, c.targetV2(cluster)))
}

func (c *Client) mergePool(ctx context.Context, m poolMap, cluster Cluster, poolID string, set map[string]string, remove []string, conditions []func(WorkerPool) error) (bool, error) {
	cl, cancel := c.begin(ctx, "changing the "+m.what+" of", describePool(cluster, poolID))
	defer cancel()
	unlock, err := c.pools.Lock(cl.ctx, cluster.ID+"/"+poolID)
	if err != nil {
		return false, cl.ended(nil)
	}
	defer unlock()
	wrote, last := false, errors.New("something else keeps undoing it")
	for try := 0; ; try++ {
		pool, err := c.workerPool(cl, cluster, poolID)
		if err != nil {
			return wrote, err
		}
		next, differs := merge(m.of(pool), set, remove)
		if !differs {
			return wrote, nil
		}
		if try == mergeTries {
			return wrote, cl.explain(last)
		}
		if try > 0 {
			// What was read is stale after a pause, so that comes before a
			// read; but the first look after a write comes at once.
			if err := sleep(cl.ctx, mergePause(try, last)); err != nil {
				return wrote, cl.ended(last)
			}
			if pool, err = c.workerPool(cl, cluster, poolID); err != nil {
				return wrote, err
			}
			if next, differs = merge(m.of(pool), set, remove); !differs {
				return wrote, nil
			}
		}
		for _, condition := range conditions {
			if err := condition(pool); err != nil {
				return wrote, err
			}
		}
		// Never repeated blindly: after a failure that leaves it open whether
		// the map was written, somebody else may have written since.
		err = c.putPool(cl.writing(never), m, cluster, poolID, next)
		wrote = true
		if err != nil {
			if !IsTransient(err) {
				return try > 0, err
			}
			last = err
		}
	}
}

// mergePause is how long to wait before writing once more: what the server
// asked for, else a random time that grows.
func mergePause(try int, last error) time.Duration {
	if e, ok := asError(last); ok && e.retryAfter > 0 {
		return e.retryAfter
	}
	return rand.N(500 * time.Millisecond << min(try, 4))
}
