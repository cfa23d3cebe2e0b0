package edgepool

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Observe looks at the pool, its nodes and their host endpoints, and for what a
// killed run has left: two GETs and two LISTs, whatever the number of nodes.
func (p *part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	imported := !owner.Known && m.TaintEffects.IsNull()
	d, err := m.declared(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	s, err := scopeOf(ctx, c, d)
	if iks.IsNotFound(err) {
		return framework.Observation{Gone: true}, nil
	}
	if err != nil {
		return framework.Observation{}, err
	}
	conn, err := c.Kube(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	found, err := kube.CachedList(ctx, conn, kube.Nodes, s.listOptions())
	if err != nil {
		return framework.Observation{}, fmt.Errorf("looking at %s: %w", d.subject(), err)
	}
	nodes := s.nodes(found)
	if imported {
		e, marked := marksOf(s, nodes)
		if !marked {
			return framework.Observation{Gone: true}, nil
		}
		m.setEffects(e)
		d.effects = e
	}
	endpoints, err := hostEndpointAddresses(ctx, c, conn, nodes)
	if err != nil {
		return framework.Observation{}, err
	}
	m.describe(nodes, endpoints)
	left, err := p.leftOff(ctx, c, conn)
	if err != nil {
		return framework.Observation{}, err
	}
	var o framework.Observation
	o.Drift, o.Missing = comparison{declared: d, scope: s, nodes: nodes, now: p.now(), settling: p.settling(c, s), proven: m.proven()}.verdict()
	o.Drift = append(o.Drift, left...)
	if m.awaited() && len(o.Drift)+len(o.Missing) > 0 {
		o.Drift = append([]string{neverReady}, o.Drift...)
	}
	return o, nil
}

// marksOf tells what an imported pool declares: the effects that it bears, and
// those that all of its nodes bear. One that bears no mark is no edge pool.
func marksOf(s scope, nodes []*corev1.Node) (e effects, marked bool) {
	onAll := defaultEffects(false)
	for _, n := range nodes {
		onAll = onAll.without(onAll.without(edgeTaints(n)))
		marked = marked || isEdge(n) || len(edgeTaints(n)) > 0
	}
	if len(nodes) > 0 {
		e = onAll
	}
	if s.pool != nil {
		if t, there := s.pool.Taints[markKey]; there && t.Value == markValue && defaultEffects(false).has(corev1.TaintEffect(t.Effect)) {
			e, marked = e.with(corev1.TaintEffect(t.Effect)), true
		}
		marked = marked || s.pool.Labels[markKey] == markValue
	}
	if len(e) == 0 {
		e = defaultEffects(s.pool != nil)
	}
	return e, marked
}

// settling tells whether this process changed the pool so recently that IKS may
// still be bringing it to the nodes.
func (p *part) settling(c *cluster.Cluster, s scope) bool {
	if s.pool == nil {
		return false
	}
	at, ok := p.changedPools.Load(poolKey{c.ID, s.pool.ID})
	if !ok {
		return false
	}
	when, ok := at.(timestamp)
	return ok && p.now().Sub(when.Time) < settlingTime
}
