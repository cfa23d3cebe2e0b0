package edgepool

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// today is when the tests look, and old how long ago their nodes were born.
func today() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

const old = 24 * time.Hour

// aNode makes a ready node in zone dal10 of pool p1 with VLANs 11 (public) and
// 12 (private).
func aNode(name string, changes ...func(*corev1.Node)) corev1.Node {
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name, CreationTimestamp: metav1.NewTime(today().Add(-old)),
		Labels: map[string]string{corev1.LabelTopologyZone: "dal10", poolIDLabel: "p1", publicVLANLabel: "11", privateVLANLabel: "12"},
	}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: name}}
	for _, change := range changes {
		change(&n)
	}
	return n
}

func labelled(key, value string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Labels[key] = value }
}

func in(zone string) func(*corev1.Node) { return labelled(corev1.LabelTopologyZone, zone) }

func ofOtherPool(n *corev1.Node) { labelled(poolIDLabel, "p2")(n) }

// tainted takes taints as key=value:Effect.
func tainted(taints ...string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		for _, text := range taints {
			pair, effect, _ := strings.Cut(text, ":")
			key, value, _ := strings.Cut(pair, "=")
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
		}
	}
}

func marked(n *corev1.Node) {
	labelled(markKey, markValue)(n)
	tainted("dedicated=edge:NoExecute")(n)
}

func held(n *corev1.Node) {
	n.Annotations = map[string]string{heldAnnotation: "true"}
	tainted("dedicated=edge:NoSchedule")(n)
}

func notReady(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse }

func cordoned(n *corev1.Node) { n.Spec.Unschedulable = true }

func bornAgo(d time.Duration) func(*corev1.Node) {
	return func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(today().Add(-d)) }
}

// marks writes down what of ours, and of others under our key, a node bears.
func marks(n *corev1.Node) string {
	var out []string
	if v, there := n.Labels[markKey]; there {
		out = append(out, v)
	}
	for i := range n.Spec.Taints {
		out = append(out, n.Spec.Taints[i].ToString())
	}
	if _, there := n.Annotations[heldAnnotation]; there {
		out = append(out, "held")
	}
	return strings.Join(out, " ")
}

const (
	noSchedule = corev1.TaintEffectNoSchedule
	noExecute  = corev1.TaintEffectNoExecute
)

func both() effects { return newEffects([]string{"NoSchedule", "NoExecute"}) }

func pool(id string, changes ...func(*iks.WorkerPool)) scope {
	p := iks.WorkerPool{
		ID: id, Name: "edge-" + id, Zones: []iks.PoolZone{{ID: "dal10"}},
		Labels: map[string]string{}, Taints: map[string]iks.PoolTaint{},
	}
	for _, change := range changes {
		change(&p)
	}
	return scope{pool: &p}
}

func poolMarked(label, taint string) func(*iks.WorkerPool) {
	return func(p *iks.WorkerPool) {
		if label != "" {
			p.Labels[markKey] = label
		}
		if value, effect, ok := strings.Cut(taint, ":"); ok {
			p.Taints[markKey] = iks.PoolTaint{Value: value, Effect: effect}
		}
	}
}

func named(names ...string) scope {
	s := scope{names: map[string]bool{}}
	for _, name := range names {
		s.names[name] = true
	}
	return s
}

// aPod makes a ready pod of a ReplicaSet.
func aPod(name, node string, changes ...func(*corev1.Pod)) corev1.Pod {
	controller := true
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, Labels: map[string]string{"app": name},
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: name, Controller: &controller}},
	}}
	p.Spec.NodeName = node
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func ofDaemonSet(p *corev1.Pod) { p.OwnerReferences[0].Kind = "DaemonSet" }

func tolerating(t corev1.Toleration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Tolerations = append(p.Spec.Tolerations, t) }
}

// edgeToleration is the one that IBM's ALBs and load balancers have.
func edgeToleration() corev1.Toleration {
	return corev1.Toleration{Key: markKey, Value: markValue}
}
