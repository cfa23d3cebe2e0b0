package edgepool

import (
	"context"
	"errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// labelPool sets the label on the declared worker pool, if it lacks it.
func (w *work) labelPool(ctx context.Context) error {
	pool := w.want.pool
	if pool == nil || pool.Labels[markKey] == markValue {
		return nil
	}
	api, facts, err := w.cluster.IKS("worker_pool")
	if err != nil {
		return err
	}
	changed, err := api.MergeWorkerPoolLabels(ctx, facts, pool.ID, map[string]string{markKey: markValue}, nil, w.notForeign)
	if w.sentPool(changed, err) != nil {
		return err
	}
	w.broughtLabel = changed
	return nil
}

// taintPool sets the taint on the declared worker pool, if it lacks it.
func (w *work) taintPool(ctx context.Context) error {
	pool := w.want.pool
	if !w.taintsPool() {
		return nil
	}
	api, facts, err := w.cluster.IKS("worker_pool")
	if err != nil {
		return err
	}
	changed, err := api.MergeWorkerPoolTaints(ctx, facts, pool.ID, map[string]iks.PoolTaint{markKey: poolTaint(w.effects)}, nil, w.notForeign)
	return w.sentPool(changed, err)
}

// taintsPool tells whether the declared worker pool lacks the taint.
func (t transition) taintsPool() bool {
	return t.want.pool != nil && t.want.pool.Taints[markKey] != poolTaint(t.effects)
}

// releasePool takes label and taint off a worker pool that is not declared any
// more: only ours, and only an effect that was declared.
func (w *work) releasePool(ctx context.Context) error {
	pool := w.released()
	if pool == nil {
		return nil
	}
	api, facts, err := w.cluster.IKS("worker_pool")
	if err != nil {
		return err
	}
	if t := pool.Taints[markKey]; t.Value == markValue && w.priorEffects.has(effectOf(t)) {
		changed, err := api.MergeWorkerPoolTaints(ctx, facts, pool.ID, nil, []string{markKey}, func(now iks.WorkerPool) error {
			if t := now.Taints[markKey]; t.Value != markValue || !w.priorEffects.has(effectOf(t)) {
				return errNotOurs
			}
			return nil
		})
		if err := w.sentPool(changed, ignoreNotOurs(err)); err != nil && !iks.IsNotFound(err) {
			return err
		}
	}
	if pool.Labels[markKey] == markValue {
		changed, err := api.MergeWorkerPoolLabels(ctx, facts, pool.ID, nil, []string{markKey}, func(now iks.WorkerPool) error {
			if now.Labels[markKey] != markValue {
				return errNotOurs
			}
			return nil
		})
		if err := w.sentPool(changed, ignoreNotOurs(err)); err != nil && !iks.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// errNotOurs says that what was to be taken away is somebody else's by now.
var errNotOurs = errors.New("it is not an edge pool's any more")

func ignoreNotOurs(err error) error {
	if errors.Is(err, errNotOurs) {
		return nil
	}
	return err
}

// notForeign refuses to write over what somebody else means by our key on the
// pool, as it is right before the write.
func (w *work) notForeign(now iks.WorkerPool) error {
	refusal := &framework.Refusal{}
	for _, f := range foreignOnPool(now) {
		refusal.Problems = append(refusal.Problems, f.problem())
	}
	if len(refusal.Problems) == 0 {
		return nil
	}
	return refusal
}

// sentPool notes the outcome of a write to a pool, and when it was. What was
// written stands even if an error came after it, as of the look that verifies it.
func (w *work) sentPool(changed bool, err error) error {
	if _, refused := framework.AsRefusal(err); !changed && (err == nil || refused) {
		return err
	}
	w.wrotePool = true
	if w.want.pool != nil {
		w.part.changedPools.Store(poolKey{w.cluster.ID, w.want.pool.ID}, timestamp{w.part.now()})
	}
	if changed {
		_ = w.sent(nil)
		return err
	}
	return w.sent(err)
}
