package edgepool

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// toggle says what becomes of something that is there or not.
type toggle int

const (
	asIs toggle = iota
	add
	takeAway
)

// change is what becomes of a node's marks. The zero change leaves them alone.
type change struct {
	label     toggle
	put, drop effects
	// held is the note that NoSchedule is there for a drain only.
	held toggle
}

// on makes the change on a node and tells whether anything differs. It is made
// anew on whatever is there when somebody else wrote in between, so it never
// overwrites a foreign value, and takes away only what is an edge node's.
func (c change) on(n *corev1.Node) bool {
	changed := c.labelOn(n)
	for _, effect := range c.drop {
		kept := slices.DeleteFunc(slices.Clone(n.Spec.Taints), func(t corev1.Taint) bool {
			return t.Key == markKey && t.Value == markValue && t.Effect == effect
		})
		if len(kept) != len(n.Spec.Taints) {
			n.Spec.Taints, changed = kept, true
		}
	}
	for _, effect := range c.put {
		taken := slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Key == markKey && t.Effect == effect
		})
		if taken {
			continue
		}
		n.Spec.Taints, changed = append(slices.Clone(n.Spec.Taints), taintOf(effect)), true
		if c.held == add && effect == corev1.TaintEffectNoSchedule {
			if n.Annotations == nil {
				n.Annotations = map[string]string{}
			}
			n.Annotations[heldAnnotation] = "true"
		}
	}
	if _, there := n.Annotations[heldAnnotation]; there && c.held == takeAway {
		delete(n.Annotations, heldAnnotation)
		changed = true
	}
	return changed
}

func (c change) labelOn(n *corev1.Node) bool {
	_, there := n.Labels[markKey]
	switch {
	case c.label == add && !there:
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[markKey] = markValue
		return true
	case c.label == takeAway && isEdge(n):
		delete(n.Labels, markKey)
		return true
	}
	return false
}

// differs tells whether the change would change a node, without changing it.
func (c change) differs(n *corev1.Node) bool {
	marks := corev1.Node{}
	marks.Labels, marks.Annotations = maps.Clone(n.Labels), maps.Clone(n.Annotations)
	marks.Spec.Taints = n.Spec.Taints
	return c.on(&marks)
}

// transition is the way from what was declared to what is declared now. The
// zero scope and no effects stand for nothing declared: before a first apply,
// after a removal.
type transition struct {
	want         scope
	effects      effects
	prior        scope
	priorEffects effects
	// others is what other resources have taken over.
	others others
}

// spares tells whether a node that is not declared any more is left alone,
// because another resource has taken it over, or its pool.
func (t transition) spares(n *corev1.Node) bool {
	return t.prior.holds(n) && !t.want.holds(n) && (t.others.node(n) || t.prior.pool != nil && t.others.pool(t.prior.pool.ID))
}

// last is what becomes of a node in the end. One that bears a foreign mark is
// left alone: the checks speak of it.
func (t transition) last(n *corev1.Node) change {
	in, was := t.want.holds(n), t.prior.holds(n)
	if !in && !was || in && len(foreignMarks(n)) > 0 || t.spares(n) {
		return change{}
	}
	var c change
	if was {
		c.drop = t.priorEffects
	}
	if _, held := n.Annotations[heldAnnotation]; held {
		c.held = takeAway
		c.drop = c.drop.with(corev1.TaintEffectNoSchedule)
	}
	if in {
		c.label, c.put, c.drop = add, t.effects, c.drop.without(t.effects)
	} else {
		c.label = takeAway
	}
	return c
}

// first is what becomes of a node before load balancers move: its label alone.
func (t transition) first(n *corev1.Node) change {
	return change{label: t.last(n).label}
}

// hold is what becomes of a node before it is drained and NoExecute comes:
// nothing new may come onto it. Where NoSchedule is not declared it is there for the drain only.
func (t transition) hold(n *corev1.Node) change {
	if !t.effects.has(corev1.TaintEffectNoExecute) || !t.want.holds(n) || edgeTaints(n).has(corev1.TaintEffectNoExecute) || len(foreignMarks(n)) > 0 {
		return change{}
	}
	c := change{label: add, put: effects{corev1.TaintEffectNoSchedule}}
	if !t.effects.has(corev1.TaintEffectNoSchedule) {
		c.held = add
	}
	return c
}

// touched gives the nodes that a kind of change makes a difference to.
func touched(nodes []corev1.Node, of func(*corev1.Node) change) []*corev1.Node {
	var out []*corev1.Node
	for i := range nodes {
		if of(&nodes[i]).differs(&nodes[i]) {
			out = append(out, &nodes[i])
		}
	}
	return out
}

// edgeAfter tells whether a node is an edge node when all is done.
func (t transition) edgeAfter(n *corev1.Node) bool {
	switch {
	case t.want.holds(n):
		return len(foreignMarks(n)) == 0
	case t.prior.holds(n) && !t.spares(n):
		return false
	}
	return isEdge(n)
}

// complete tells whether a node bears all that is declared.
func (t transition) complete(n *corev1.Node) bool {
	return isEdge(n) && len(t.effects.without(edgeTaints(n))) == 0
}
