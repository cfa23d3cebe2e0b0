package edgepool

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
)

// podSelector narrows lists of pods to those that run somewhere.
const podSelector = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"

// workloads sorts the pods that run on edge nodes and do not tolerate being there.
type workloads struct {
	// evict are the pods that must leave and that somebody starts elsewhere.
	evict []*corev1.Pod
	// bare pods are evicted as well, and nobody starts them again.
	bare []*corev1.Pod
	// local pods are evicted and lose the data of their emptyDir volumes.
	local []*corev1.Pod
	// daemons are the DaemonSets whose pods vanish from these nodes; they are
	// not evicted, since their controller would put them back until NoExecute.
	daemons []string
}

// sortWorkloads looks at the pods on nodes that the taints are put on. Only
// NoExecute makes pods leave.
func sortWorkloads(pods []corev1.Pod, on map[string]bool, put effects) workloads {
	var w workloads
	if !put.has(corev1.TaintEffectNoExecute) {
		return w
	}
	for i := range pods {
		pod := &pods[i]
		if !on[pod.Spec.NodeName] || !leaves(pod) {
			continue
		}
		owner := metav1.GetControllerOf(pod)
		switch {
		case owner != nil && owner.Kind == "DaemonSet":
			w.daemons = append(w.daemons, pod.Namespace+"/"+owner.Name)
			continue
		case owner == nil:
			w.bare = append(w.bare, pod)
		}
		if slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory
		}) {
			w.local = append(w.local, pod)
		}
		w.evict = append(w.evict, pod)
	}
	slices.Sort(w.daemons)
	w.daemons = slices.Compact(w.daemons)
	return w
}

// leaves tells whether a pod has to leave a node that bears
// dedicated=edge:NoExecute. Static pods belong to their node.
func leaves(pod *corev1.Pod) bool {
	if _, static := pod.Annotations[corev1.MirrorPodAnnotationKey]; static {
		return false
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	return !tolerates(pod, corev1.TaintEffectNoExecute)
}

// tolerates tells whether a pod may stay under an edge node's taint for good: a
// toleration for some seconds only puts the end off.
func tolerates(pod *corev1.Pod, effect corev1.TaintEffect) bool {
	taint := taintOf(effect)
	return slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
		return t.TolerationSeconds == nil && t.ToleratesTaint(klog.Background(), &taint, false)
	})
}

func toleratesAll(pod *corev1.Pod, all effects) bool {
	return !slices.ContainsFunc(all, func(e corev1.TaintEffect) bool { return !tolerates(pod, e) })
}

func podReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func podNames(pods []*corev1.Pod) []string {
	out := make([]string, len(pods))
	for i, pod := range pods {
		out[i] = pod.Namespace + "/" + pod.Name
	}
	slices.Sort(out)
	return out
}
