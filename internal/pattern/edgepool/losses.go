package edgepool

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// outlastTime is how long IKS may take to undo on nodes what was taken off their pool.
const outlastTime = 2 * time.Minute

// loss is a mark that IKS takes off nodes although they are to keep it: it was
// their pool's, and is not any more.
type loss struct {
	scope  scope
	label  bool
	effect corev1.TaintEffect
}

func (l loss) suffered(n *corev1.Node) bool {
	return l.label && !isEdge(n) || l.effect != "" && !edgeTaints(n).has(l.effect)
}

// losses gives what IKS is about to take off nodes that are to keep it.
func (t transition) losses() []loss {
	var out []loss
	if released := t.released(); released != nil {
		if released.Labels[markKey] == markValue {
			out = append(out, loss{scope: t.prior, label: true})
		}
		if e := effectOf(released.Taints[markKey]); released.Taints[markKey].Value == markValue && t.effects.has(e) && t.priorEffects.has(e) {
			out = append(out, loss{scope: t.prior, effect: e})
		}
	}
	if pool := t.want.pool; pool != nil {
		if e := effectOf(pool.Taints[markKey]); pool.Taints[markKey].Value == markValue && e != t.effects.onPool() && t.effects.has(e) {
			out = append(out, loss{scope: t.want, effect: e})
		}
	}
	return out
}

// nodeLoss is a loss of one node.
type nodeLoss struct {
	index int
	node  string
}

// lossWatch knows which nodes have suffered what they were to suffer.
type lossWatch struct {
	losses []loss

	mu sync.Mutex
	// missed are marks that nodes did not have in the first place. IKS did not
	// take them, so that they are not there proves nothing until they were given.
	missed, seen map[nodeLoss]bool
}

// watchLosses begins before any pool is written.
func watchLosses(losses []loss, nodes []corev1.Node) *lossWatch {
	l := &lossWatch{losses: losses, missed: map[nodeLoss]bool{}, seen: map[nodeLoss]bool{}}
	l.each(nodes, func(key nodeLoss, suffered bool, _ *corev1.Node) { l.missed[key] = suffered })
	return l
}

func (l *lossWatch) each(nodes []corev1.Node, do func(key nodeLoss, suffered bool, n *corev1.Node)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range nodes {
		for index, loss := range l.losses {
			do(nodeLoss{index, nodes[i].Name}, loss.suffered(&nodes[i]), &nodes[i])
		}
	}
}

// seeing is a change that is told of every node just before it is written, also
// of one that IKS has written since it was read.
func (l *lossWatch) seeing(of func(*corev1.Node) change) func(*corev1.Node) change {
	return func(n *corev1.Node) change {
		l.see([]corev1.Node{*n})
		return of(n)
	}
}

func (l *lossWatch) see(nodes []corev1.Node) {
	l.each(nodes, func(key nodeLoss, suffered bool, _ *corev1.Node) {
		if suffered && !l.missed[key] {
			l.seen[key] = true
		}
	})
}

// given says that the nodes have had all that they are to have.
func (l *lossWatch) given() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.missed)
}

// pending tells whether IKS has still to take something off one of the nodes.
func (l *lossWatch) pending(nodes []corev1.Node) bool {
	pending := false
	l.each(nodes, func(key nodeLoss, _ bool, n *corev1.Node) {
		pending = pending || l.losses[key.index].scope.holds(n) && ready(n) && !l.seen[key]
	})
	return pending
}

// outlast gives nodes back what IKS takes off them, until it has: a pool's
// changes reach its nodes some time after.
func (w *work) outlast(ctx context.Context, l *lossWatch) error {
	if len(l.losses) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, outlastTime)
	defer cancel()
	err := kube.Wait(limited, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		nodes, err := kube.List(ctx, w.kube, kube.Nodes, w.want.listOptions())
		if err != nil {
			return false, "", err
		}
		l.see(nodes)
		var wanted []corev1.Node
		for _, n := range w.want.nodes(nodes) {
			wanted = append(wanted, *n)
		}
		pending := l.pending(wanted)
		return !pending, "IKS has still to take the pool's former marks off its nodes", w.patch(ctx, nodes, l.seeing(w.last))
	})
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil // IKS left them alone
	}
	return err
}
