package edgepool

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Remove takes taints and labels away and moves load balancers and ALBs off:
// their deployments would demand an edge node at the next restart and find none.
func (p *part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (warnings []string, err error) {
	d, err := m.declared(ctx)
	if err != nil {
		return nil, err
	}
	w := &work{part: p, cluster: c, declared: d, said: map[string]bool{}, sent: func(err error) error { return err }}
	w.warn = func(summary, detail string) { warnings = append(warnings, summary+": "+detail) }
	w.priorEffects = d.effects
	w.others = others{claims: p.claims, me: claimant{c.ID, owner.Stamp}}
	p.claims.drop(w.others.me)
	if w.prior, err = priorScope(ctx, c, d); err != nil {
		return nil, err
	}
	if w.kube, err = c.Kube(ctx); err != nil {
		return nil, err
	}
	if err := w.adoptLater(ctx); err != nil {
		return warnings, err
	}
	if err := w.releasePool(ctx); err != nil {
		return warnings, err
	}
	if err := w.unmark(ctx); err != nil {
		return warnings, err
	}
	return warnings, w.moveOff(ctx)
}

// adoptLater looks after load balancers that were made since the last apply and
// that have no pods from which it shows later that they followed the edge nodes.
func (w *work) adoptLater(ctx context.Context) error {
	if !w.declared.relocate || !w.cluster.OnVPC() || w.fresh() {
		return nil
	}
	nodes, err := kube.List(ctx, w.kube, kube.Nodes, w.prior.listOptions())
	if err != nil || len(touched(nodes, w.first)) == 0 {
		return err
	}
	return w.relocator().adopt(ctx)
}

// unmark takes label and taints off the nodes and verifies that they stay off.
func (w *work) unmark(ctx context.Context) error {
	if w.prior.pool == nil && w.prior.names == nil && len(w.prior.selector) == 0 {
		return nil // the pool is gone, and its nodes with it
	}
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		nodes, err := kube.List(ctx, w.kube, kube.Nodes, w.prior.listOptions())
		if err != nil {
			return false, "", err
		}
		w.warnOfSpared(nodes)
		marked := touched(nodes, w.last)
		if len(marked) == 0 {
			return true, "", nil
		}
		return false, fmt.Sprintf("%d nodes still bear the mark", len(marked)), w.patch(ctx, nodes, w.last)
	})
}

// warnOfSpared says, once, that something is left as it is.
func (w *work) warnOfSpared(nodes []corev1.Node) {
	const summary = "Edge nodes were taken over by another resource"
	var names []string
	for _, n := range w.prior.nodes(nodes) {
		if w.spares(n) {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 || w.said[summary] {
		return
	}
	w.said[summary] = true
	detail := fmt.Sprintf("Another iks_edge_pool has just been applied to them, so their label and taints are left as they are: %s.", some(names))
	if w.prior.pool != nil && w.others.pool(w.prior.pool.ID) {
		detail += fmt.Sprintf(" So are those of worker pool %s, whose nodes they are.", w.prior.pool.Name)
	}
	w.warn(summary, detail)
}

// moveOff redeploys what still demands edge nodes, verifies it, and takes our
// traces away.
func (w *work) moveOff(ctx context.Context) error {
	move := w.relocator()
	if err := move.finishEarlier(ctx); err != nil {
		return err
	}
	if !w.declared.relocate {
		s, err := move.look(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, c := range misplaced(s.carriers, s.nodes) {
			names = append(names, c.String())
		}
		if len(names) > 0 {
			w.warn("Some load balancers and ALBs still demand edge nodes", fmt.Sprintf("relocate_load_balancers is false, so these were not redeployed, and would not be scheduled when their nodes are replaced: %s", some(names)))
		}
		return nil
	}
	if err := move.run(ctx); err != nil {
		return err
	}
	nodes, err := kube.List(ctx, w.kube, kube.Nodes, kube.ListOptions{Labels: markKey + "=" + markValue})
	if err != nil || len(nodes) > 0 {
		return err
	}
	return move.sweep(ctx)
}
