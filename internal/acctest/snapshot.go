package acctest

import (
	"context"
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// Snapshot is what a cluster holds of the kinds that the pattern touches, in a
// form that compares byte for byte: without what the API server counts
// (versions, managed fields, generations, times) and without status.
type Snapshot map[string]string

// touched are the kinds that resources of this provider write, but for
// EndpointSlices: Kubernetes makes and names most of these itself.
var touched = []schema.GroupVersionResource{
	{Version: "v1", Resource: "nodes"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Group: "apps", Version: "v1", Resource: "daemonsets"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"},
	{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"},
	{Group: "crd.projectcalico.org", Version: "v1", Resource: "networkpolicies"},
	{Group: "crd.projectcalico.org", Version: "v1", Resource: "hostendpoints"},
}

// TakeSnapshot reads a cluster as its administrator.
func TakeSnapshot(t testing.TB, c *localiks.Cluster) Snapshot {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	snapshot := Snapshot{}
	for _, kind := range touched {
		list, err := client.Resource(kind).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatalf("listing %s: %v", kind.Resource, err)
		}
		for i := range list.Items {
			object := &list.Items[i]
			snapshot[kind.Resource+"/"+object.GetNamespace()+"/"+object.GetName()] = canonical(t, object)
		}
	}
	return snapshot
}

func canonical(t testing.TB, object *unstructured.Unstructured) string {
	t.Helper()
	for _, field := range [][]string{
		{"status"},
		{"metadata", "resourceVersion"},
		{"metadata", "generation"},
		{"metadata", "managedFields"},
		{"metadata", "uid"},
		{"metadata", "creationTimestamp"},
		// How often something was rolled out is counted, not declared.
		{"metadata", "annotations", "deployment.kubernetes.io/revision"},
		{"spec", "template", "metadata", "annotations", "ingress.containers.cloud.ibm.com/alb-revision"},
	} {
		unstructured.RemoveNestedField(object.Object, field...)
	}
	raw, err := json.MarshalIndent(object.Object, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
