package cloud_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func testNodesLookLikeIBMs(t *testing.T, r *rig) {
	for _, w := range r.iks.Workers(r.cluster.ID) {
		node, err := r.node(t, w)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"ibm-cloud.kubernetes.io/worker-id":        w.ID,
			"ibm-cloud.kubernetes.io/worker-pool-id":   w.PoolID,
			"ibm-cloud.kubernetes.io/worker-pool-name": w.PoolName,
			"ibm-cloud.kubernetes.io/zone":             w.Zone,
			"ibm-cloud.kubernetes.io/region":           "us-south",
			"ibm-cloud.kubernetes.io/internal-ip":      w.PrivateIP,
			"topology.kubernetes.io/zone":              w.Zone,
			"topology.kubernetes.io/region":            "us-south",
			"node.kubernetes.io/instance-type":         w.Flavor,
			"kubernetes.io/arch":                       "amd64",
			"kubernetes.io/os":                         "linux",
		}
		addresses := map[corev1.NodeAddressType]string{
			corev1.NodeHostName: w.PrivateIP, corev1.NodeInternalIP: w.PrivateIP,
		}
		if r.cluster.Provider == fakeiks.Classic {
			want["publicVLAN"], want["privateVLAN"] = w.PublicVLAN, w.PrivateVLAN
			want["ibm-cloud.kubernetes.io/external-ip"] = w.PublicIP
			addresses[corev1.NodeExternalIP] = w.PublicIP
		} else {
			want["ibm-cloud.kubernetes.io/subnet-id"] = w.SubnetID
		}
		for key, value := range want {
			if node.Labels[key] != value || value == "" {
				t.Errorf("node %s: label %s is %q, want %q", node.Name, key, node.Labels[key], value)
			}
		}
		got := map[corev1.NodeAddressType]string{}
		for _, address := range node.Status.Addresses {
			got[address.Type] = address.Address
		}
		if !maps.Equal(got, addresses) {
			t.Errorf("node %s: addresses %v, want %v", node.Name, got, addresses)
		}
		if want := "ibm://a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5///" + r.cluster.ID + "/" + w.ID; node.Spec.ProviderID != want {
			t.Errorf("node %s: provider ID %q, want %q", node.Name, node.Spec.ProviderID, want)
		}
	}
}

// testPoolSettingsReachNodes adds and removes a pool's label and taint beside
// somebody else's, on the same key with another effect too.
func testPoolSettingsReachNodes(t *testing.T, r *rig) {
	first := r.workers("edge")[0]
	foreign := map[string]any{
		"metadata": map[string]any{"labels": map[string]string{"somebody": "else"}},
		"spec":     map[string]any{"taints": []corev1.Taint{{Key: "dedicated", Value: "edge", Effect: "NoSchedule"}}},
	}
	patch, err := json.Marshal(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.kube.CoreV1().Nodes().Patch(t.Context(), first.PrivateIP, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.setLabels(t, "edge", map[string]string{"dedicated": "edge"})
	r.setTaints(t, map[string]string{"dedicated": "edge:NoExecute"})
	for _, w := range r.workers("edge") {
		want := []string{"dedicated=edge:NoExecute"}
		if w.ID == first.ID {
			want = append(want, "dedicated=edge:NoSchedule")
		}
		eventually(t, "node "+w.PrivateIP+" is an edge node", func() error { return r.looks(t, w, "edge", want) })
	}
	for _, w := range r.workers("default") {
		if err := r.looks(t, w, "", nil); err != nil {
			t.Error("another pool's node:", err)
		}
	}

	// Somebody takes our label and our taint away: each stays away until IKS is
	// told it again.
	patch = []byte(`{"metadata":{"labels":{"dedicated":null}},"spec":{"taints":null}}`)
	second := r.workers("edge")[1]
	if _, err := r.kube.CoreV1().Nodes().Patch(t.Context(), second.PrivateIP, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.setLabels(t, "default", map[string]string{"unrelated": "yes"})
	eventually(t, "an unrelated change arrives", func() error {
		node, err := r.node(t, r.workers("default")[0])
		if err == nil && node.Labels["unrelated"] != "yes" {
			err = fmt.Errorf("labels %v", node.Labels)
		}
		return err
	})
	if err := r.looks(t, second, "", nil); err != nil {
		t.Error("they came back by themselves:", err)
	}
	r.setTaints(t, map[string]string{"dedicated": "edge:NoExecute"})
	eventually(t, "the taint alone is back", func() error { return r.looks(t, second, "", []string{"dedicated=edge:NoExecute"}) })
	r.setLabels(t, "edge", map[string]string{"dedicated": "edge"})
	eventually(t, "the label is back", func() error { return r.looks(t, second, "edge", []string{"dedicated=edge:NoExecute"}) })

	r.setLabels(t, "edge", nil)
	r.setTaints(t, nil)
	r.setLabels(t, "default", nil)
	for _, w := range r.workers("edge") {
		var want []string
		if w.ID == first.ID {
			want = []string{"dedicated=edge:NoSchedule"}
		}
		eventually(t, "node "+w.PrivateIP+" is a plain node again", func() error { return r.looks(t, w, "", want) })
	}
	node, err := r.node(t, first)
	if err != nil || node.Labels["somebody"] != "else" {
		t.Errorf("somebody else's label is gone: %v, %v", node.Labels, err)
	}
	if _, err := r.kube.CoreV1().Nodes().Patch(t.Context(), first.PrivateIP, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// looks compares the label "dedicated" and the taints of a worker's Node.
func (r *rig) looks(t *testing.T, w fakeiks.Worker, dedicated string, taints []string) error {
	t.Helper()
	node, err := r.node(t, w)
	if err != nil {
		return err
	}
	if node.Labels["dedicated"] != dedicated || !slices.Equal(taintsOf(node), taints) {
		return fmt.Errorf("node %s: dedicated=%q, taints %v; want %q, %v", node.Name, node.Labels["dedicated"], taintsOf(node), dedicated, taints)
	}
	return nil
}

// testWorkersComeAndGo replaces, adds, reloads and removes workers of a pool
// that has a label and a taint.
func testWorkersComeAndGo(t *testing.T, r *rig) {
	r.setLabels(t, "edge", map[string]string{"dedicated": "edge"})
	r.setTaints(t, map[string]string{"dedicated": "edge:NoSchedule"})
	taints := []string{"dedicated=edge:NoSchedule"}
	old := r.workers("edge")[0]
	eventually(t, "the pool's settings arrive", func() error { return r.looks(t, old, "edge", taints) })

	fresh, err := r.iks.ReplaceWorker(r.cluster.ID, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new worker's node is born as an edge node", func() error { return r.looks(t, fresh, "edge", taints) })
	eventually(t, "the old worker's node is gone", func() error {
		_, err := r.node(t, old)
		return gone(err)
	})

	added, err := r.iks.AddWorker(r.cluster.ID, "edge", old.Zone)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the added worker's node is an edge node", func() error { return r.looks(t, added, "edge", taints) })
	if err := r.iks.RemoveWorker(r.cluster.ID, added.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removed worker's node is gone", func() error {
		_, err := r.node(t, added)
		return gone(err)
	})

	// A deleted Node stays away; a reload registers it anew, without foreign labels.
	if err := r.kube.CoreV1().Nodes().Delete(t.Context(), fresh.PrivateIP, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.setLabels(t, "edge", nil)
	eventually(t, "the label goes", func() error { return r.looks(t, r.workers("edge")[0], "", taints) })
	if _, err := r.node(t, fresh); gone(err) != nil {
		t.Errorf("the deleted node is back: %v", err)
	}
	if err := r.iks.ReloadWorker(r.cluster.ID, fresh.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reloaded worker's node is back", func() error { return r.looks(t, fresh, "", taints) })
	r.setTaints(t, nil)
	eventually(t, "the taint goes", func() error { return r.looks(t, fresh, "", nil) })
}
