package edgepool_test

import (
	"context"
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/edgepool"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources:   framework.Resources{edgepool.NewResource},
		DataSources: framework.DataSources{edgepool.NewDataSource},
	}))
}

const edgeSelector = "ibm-cloud.kubernetes.io/worker-pool-name=edge"

// editNode changes the first node of the edge pool behind Terraform's back.
func editNode(change func(*corev1.Node)) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		client, err := kubernetes.NewForConfig(c.RESTConfig())
		if err != nil {
			t.Fatal(err)
		}
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			nodes, err := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{LabelSelector: edgeSelector})
			if err != nil {
				return err
			}
			node := nodes.Items[0]
			change(&node)
			_, err = client.CoreV1().Nodes().Update(context.Background(), &node, metav1.UpdateOptions{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func removeLabel(n *corev1.Node) { delete(n.Labels, "dedicated") }

func removeTaint(n *corev1.Node) {
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "dedicated" })
}

func TestAccLifecycle(t *testing.T) {
	var variants []acctest.Resource
	for _, cluster := range []string{acctest.Classic, acctest.VPC} {
		variants = append(variants, acctest.Resource{
			Variant:   cluster,
			Type:      "iks_edge_pool",
			Cluster:   cluster,
			Arguments: `  worker_pool = "edge"`,
			Changed:   `  worker_pool = "edge"` + "\n" + `  taint_effects = ["NoSchedule", "NoExecute"]`,
			Key:       "edge",
			Identity:  `worker_pool = "edge"`,
			Breaks: []acctest.Break{
				{Name: "label removed", Do: editNode(removeLabel), Sentence: "label dedicated=edge missing"},
				{Name: "taint removed", Do: editNode(removeTaint), Sentence: "taint dedicated=edge:NoExecute missing"},
			},
			RestoresOnDestroy: true,
			Keeps:             []string{"node_count", "zones", "node_addresses", "host_endpoint_addresses"},
		})
	}
	acctest.Lifecycle(t, variants...)
}

func TestAccBadInput(t *testing.T) {
	const pool = "  worker_pool = \"edge\"\n"
	// Terraform shows an error within an object at the resource's first line.
	acctest.BadInputs(t, "iks_edge_pool", map[string]acctest.BadInput{
		"no selector":         acctest.Bad(``, "", "worker_pool"),
		"two selectors":       acctest.Bad(pool+`  node_names = ["10.0.0.1"]`, "worker_pool", "node_names"),
		"empty pool":          acctest.Bad(`  worker_pool = ""`, "worker_pool", ""),
		"no node":             acctest.Bad(`  node_names = []`, "node_names", ""),
		"empty node name":     acctest.Bad(`  node_names = [""]`, "node_names", ""),
		"empty node selector": acctest.Bad(`  node_selector = {}`, "node_selector", ""),
		"impossible label":    acctest.Bad(`  node_selector = { "not a label" = "x" }`, "node_selector", "No node can bear this label"),
		"selects by itself":   acctest.Bad(`  node_selector = { dedicated = "edge" }`, "node_selector", "what it selects for"),
		"unknown effect":      acctest.Bad(pool+`  taint_effects = ["PreferNoSchedule"]`, "taint_effects", "PreferNoSchedule"),
		"no effect":           acctest.Bad(pool+`  taint_effects = []`, "taint_effects", ""),
		"no minimum":          acctest.Bad(pool+`  minimum_nodes_per_zone = 0`, "minimum_nodes_per_zone", ""),
		"bad drain timeout":   acctest.Bad(pool+`  drain = { timeout = "soon" }`, "", "soon"),
		"negative drain":      acctest.Bad(pool+`  drain = { timeout = "-1m" }`, "", "-1m"),
		"unknown on_timeout":  acctest.Bad(pool+`  drain = { on_timeout = "panic" }`, "", "drain.on_timeout"),
		"unknown check":       acctest.Bad(pool+`  safety_checks = ""`, "safety_checks", ""),
		"bad timeouts":        acctest.Bad(pool+`  timeouts = { create = "soon" }`, "", "soon"),
	})
}
