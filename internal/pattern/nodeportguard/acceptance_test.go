package nodeportguard_test

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

func TestMain(m *testing.M) { acctest.Main(m) }

const guardName = "deny-kube-node-port-services"

// policies are Calico's through the v1 door, which every cluster has.
func policies(t *testing.T, c *localiks.Cluster) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"})
}

// edit changes the guard's stored policy behind Terraform's back.
func edit(change func(spec map[string]any)) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		object, err := policies(t, c).Get(context.Background(), "default."+guardName, metav1.GetOptions{})
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
		if _, err := policies(t, c).Update(context.Background(), object, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func vanish(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	if err := policies(t, c).Delete(context.Background(), "default."+guardName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, acctest.Resource{
		Type:      "iks_nodeport_guard",
		Cluster:   acctest.Classic,
		Arguments: `  allowed_source_cidrs = ["192.0.2.0/24"]`,
		Changed:   `  port_ranges = ["20000:32767"]` + "\n" + `  order = 900`,
		Key:       guardName,
		Identity:  `name = "` + guardName + `"`,
		Breaks: []acctest.Break{
			{Name: "order", Do: edit(func(spec map[string]any) { spec["order"] = int64(5000) }), Sentence: "order"},
			{Name: "selector", Do: edit(func(spec map[string]any) { spec["selector"] = "ibm.role == 'nobody'" }), Sentence: "role is nobody, declared worker_public"},
			{Name: "rules", Do: edit(func(spec map[string]any) { spec["ingress"] = []any{} }), Sentence: "ingress"},
			{Name: "preDNAT", Do: edit(func(spec map[string]any) { delete(spec, "preDNAT") }), Sentence: "preDNAT"},
		},
		Vanish:            vanish,
		RestoresOnDestroy: true,
	})
}
