package acctest

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// Policies are Calico's policies of the default tier as a cluster stores them,
// behind Terraform's back: those of the namespace that it names, or the global ones.
type Policies string

// GlobalPolicies are those without a namespace.
const GlobalPolicies = Policies("")

// Of opens them through crd.projectcalico.org/v1, which every cluster has.
func (p Policies) Of(t *testing.T, c *localiks.Cluster) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"}
	if p == GlobalPolicies {
		return client.Resource(kind)
	}
	kind.Resource = "networkpolicies"
	return client.Resource(kind).Namespace(string(p))
}

// Edit changes what a policy says.
func (p Policies) Edit(name string, change func(spec map[string]any)) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		stored := p.Of(t, c)
		object, err := stored.Get(t.Context(), "default."+name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		spec, _, err := unstructured.NestedMap(object.Object, "spec")
		if err != nil {
			t.Fatal(err)
		}
		change(spec)
		if err := unstructured.SetNestedMap(object.Object, spec, "spec"); err != nil {
			t.Fatal(err)
		}
		if _, err := stored.Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// Drop deletes policies.
func (p Policies) Drop(t *testing.T, c *localiks.Cluster, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := p.Of(t, c).Delete(t.Context(), "default."+name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
