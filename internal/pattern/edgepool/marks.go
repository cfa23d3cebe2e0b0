package edgepool

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// markKey and markValue are the label, and key and value of the taints, of an
// edge node. IBM's controllers look for exactly these.
const (
	markKey   = "dedicated"
	markValue = "edge"
)

// heldAnnotation marks a node whose NoSchedule taint is there only until it is
// drained, so that a later run knows that the taint is ours to take away.
const heldAnnotation = "terraform-provider-iks/held-for-drain"

// effects are the effects of dedicated=edge taints, sorted and each once.
type effects []corev1.TaintEffect

func newEffects(names []string) effects {
	out := make(effects, len(names))
	for i, name := range names {
		out[i] = corev1.TaintEffect(name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (e effects) has(effect corev1.TaintEffect) bool { return slices.Contains(e, effect) }

func (e effects) without(others effects) effects {
	var out effects
	for _, effect := range e {
		if !others.has(effect) {
			out = append(out, effect)
		}
	}
	return out
}

func (e effects) with(effect corev1.TaintEffect) effects {
	if e.has(effect) {
		return e
	}
	return newEffects(append(e.names(), string(effect)))
}

func (e effects) names() []string {
	out := make([]string, len(e))
	for i, effect := range e {
		out[i] = string(effect)
	}
	return out
}

// onPool is the one effect that a worker pool carries: IKS keeps one per key,
// and NoExecute keeps new pods off as well.
func (e effects) onPool() corev1.TaintEffect {
	if e.has(corev1.TaintEffectNoExecute) || len(e) == 0 {
		return corev1.TaintEffectNoExecute
	}
	return e[0]
}

// String names the taints.
func (e effects) String() string {
	out := make([]string, len(e))
	for i, effect := range e {
		out[i] = taintName(effect)
	}
	return strings.Join(out, " and ")
}

func effectOf(t iks.PoolTaint) corev1.TaintEffect { return corev1.TaintEffect(t.Effect) }

func taintOf(effect corev1.TaintEffect) corev1.Taint {
	return corev1.Taint{Key: markKey, Value: markValue, Effect: effect}
}

func taintName(effect corev1.TaintEffect) string {
	return markKey + "=" + markValue + ":" + string(effect)
}

// edgeTaints gives the effects of dedicated=edge that a node bears.
func edgeTaints(n *corev1.Node) effects {
	var names []string
	for i := range n.Spec.Taints {
		if t := &n.Spec.Taints[i]; t.Key == markKey && t.Value == markValue {
			names = append(names, string(t.Effect))
		}
	}
	return newEffects(names)
}

// foreignMarks gives what a node bears under our key that is not an edge
// node's, in words; nobody may overwrite that.
func foreignMarks(n *corev1.Node) []string {
	var out []string
	if v, ok := n.Labels[markKey]; ok && v != markValue {
		out = append(out, "label "+markKey+"="+v)
	}
	for i := range n.Spec.Taints {
		if t := &n.Spec.Taints[i]; t.Key == markKey && t.Value != markValue {
			out = append(out, "taint "+t.ToString())
		}
	}
	return out
}

func isEdge(n *corev1.Node) bool { return n.Labels[markKey] == markValue }
