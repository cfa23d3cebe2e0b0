package edgepool

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// once does something after the first request that begins like that was answered.
func (r *rig) once(request string, do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onSent = func(sent string) {
		if strings.HasPrefix(sent, request) {
			r.onSent = nil
			do()
		}
	}
}

// latecomer runs a pod on a node, past the scheduler and its taints.
func (r *rig) latecomer(node string) {
	r.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "latecomer"},
		Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Image: "example.com/c:1"}}},
	}
	if _, err := r.client.CoreV1().Pods("default").Create(r.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		r.t.Error(err)
	}
}

// wantEvicted wants the latecomer to have been asked to leave.
func (r *rig) wantEvicted() {
	r.t.Helper()
	if sent := r.sent(); len(sent.to("/pods/latecomer/eviction")) == 0 {
		r.t.Errorf("the taint threw out the pod that came late: %v", sent.writes())
	}
}

// A pod that comes onto an idle node after it was looked at is evicted before
// IKS hears of NoExecute, which would delete it whatever its budgets say.
func testPodComesMeanwhile(t *testing.T, r *rig) {
	r.sent()
	r.once("GET /api/v1/pods", func() {
		r.latecomer(r.nodes("edge")[0].Name)
		r.onSent = func(sent string) {
			if strings.HasSuffix(sent, "/eviction") {
				r.wantPool("edge", "edge", "")
			}
		}
	})
	r.mustApply(byPool("edge"), nil)
	r.wantEvicted()
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
}

// A worker that joins the pool while the others are drained is drained as well.
func testWorkerJoinsMeanwhile(t *testing.T, r *rig) {
	r.deploy()
	r.budget()
	before := r.nodes("edge")
	r.sent()
	r.once("POST /api/v1/namespaces/default/pods/web-", func() {
		if _, err := r.env.IKS.AddWorker(clusterName, "edge", "dal10"); err != nil {
			t.Error(err)
		}
		r.eventually("the new worker is there", func() error {
			for _, n := range r.nodes("edge") {
				if ready(&n) && !slices.ContainsFunc(before, func(b corev1.Node) bool { return b.Name == n.Name }) {
					r.latecomer(n.Name)
					return nil
				}
			}
			return &unexpected{"pool edge", "no new node"}
		})
		if err := r.client.PolicyV1().PodDisruptionBudgets("default").Delete(t.Context(), app, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	r.mustApply(byPool("edge", draining("1m", drainFail)), nil)
	if len(r.nodes("edge")) != len(before)+1 {
		t.Error("no worker joined, so nothing was shown")
	}
	r.wantEvicted()
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
}
