package edgepool

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// fresh tells whether nothing was declared before.
func (t transition) fresh() bool {
	return t.prior.pool == nil && t.prior.names == nil && len(t.prior.selector) == 0
}

// emptied tells whether what was declared before has driven everybody off who has
// to leave. An apply that was cut off in its drain has not: what it left half done
// must not make right for the next one what it was refused itself.
func (s *situation) emptied() bool { return !s.fresh() && len(s.leaving().evict) == 0 }

// before gives the situation that an apply began with: what is compared with
// when it is judged whether going on makes anything worse.
func (s *situation) before() *situation {
	if s.start != nil {
		return s.start
	}
	return s
}

// standsAt tells whether a spot with edge nodes, or without any, is not worse
// off with so many of them as it is now.
func (s *situation) standsAt(at spot, after int) bool {
	c, now, marked := carrier{zone: at.zone, vlan: at.vlan}, 0, false
	for i := range s.nodes {
		n := &s.nodes[i]
		if !isEdge(n) || !c.near(n) {
			continue
		}
		marked = true
		if serves(n) {
			now++
		}
	}
	return after >= now && (marked || after == 0)
}

// hasRoom tells whether a node takes other workloads now, or did until it was
// closed for a drain.
func (s *situation) hasRoom() bool {
	return slices.ContainsFunc(s.nodes, func(n corev1.Node) bool {
		return serves(&n) && !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Effect != corev1.TaintEffectPreferNoSchedule && !s.forDrain(&n, t)
		})
	})
}

// forDrain tells whether a taint may be there for a drain only: where NoExecute is
// declared and still to come, NoSchedule comes before it.
func (s *situation) forDrain(n *corev1.Node, t corev1.Taint) bool {
	return t.Key == markKey && t.Value == markValue && t.Effect == corev1.TaintEffectNoSchedule && s.want.holds(n) &&
		s.effects.has(corev1.TaintEffectNoExecute) && !edgeTaints(n).has(corev1.TaintEffectNoExecute)
}

// answers tells whether a Service with externalTrafficPolicy: Local has a ready
// pod on an edge node now; without any edge node every node will do.
func (s *situation) answers(service *corev1.Service) bool {
	edge, marked := map[string]bool{}, false
	for i := range s.nodes {
		edge[s.nodes[i].Name] = isEdge(&s.nodes[i])
		marked = marked || isEdge(&s.nodes[i])
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	return slices.ContainsFunc(s.pods, func(p corev1.Pod) bool {
		return p.Namespace == service.Namespace && (!marked || edge[p.Spec.NodeName]) && selector.Matches(labels.Set(p.Labels)) && podReady(&p)
	})
}
