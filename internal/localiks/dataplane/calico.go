package dataplane

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

func stored(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: plural}
}

// calicoObjects makes what Calico's own installation would have made and Felix
// needs: word that the datastore is ready, the default tier, and the pods'
// addresses, which leave the cluster under the address of their worker.
func calicoObjects(ctx context.Context, client dynamic.Interface) error {
	for _, object := range []struct {
		plural, kind, name string
		spec               map[string]any
	}{
		{"clusterinformations", "ClusterInformation", "default", map[string]any{"datastoreReady": true, "clusterType": "k8s,bgp"}},
		{"tiers", "Tier", "default", map[string]any{"order": int64(1_000_000)}},
		{"ippools", "IPPool", "default-ipv4-ippool", map[string]any{
			"cidr": podSubnet, "natOutgoing": true, "ipipMode": "Never", "vxlanMode": "Never", "blockSize": int64(26), "nodeSelector": "all()",
		}},
	} {
		wanted := &unstructured.Unstructured{Object: map[string]any{"spec": object.spec}}
		wanted.SetAPIVersion("crd.projectcalico.org/v1")
		wanted.SetKind(object.kind)
		wanted.SetName(object.name)
		_, err := client.Resource(stored(object.plural)).Create(ctx, wanted, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("%s %s: %w", object.kind, object.name, err)
		}
	}
	return nil
}
