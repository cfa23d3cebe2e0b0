package localiks_test

import (
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// An environment from its start to its end: the IKS API and the API server tell
// of the same workers, a cluster can go and come back, nothing is left behind.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("a whole environment starts with TF_ACC=1, as `make test` sets it")
	}
	dir := t.TempDir()
	sample := localiks.ClusterOptions{Cluster: localiks.SampleCluster("one", fakeiks.Classic)}
	e, err := localiks.Start(t.Context(), localiks.Options{Dir: dir, Clusters: []localiks.ClusterOptions{sample}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	first := e.Cluster("one")
	client, err := kubernetes.NewForConfig(first.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if workers := e.IKS.Workers(first.ID); len(workers) != 8 || len(nodes.Items) != len(workers) {
		t.Errorf("IKS has %d workers and the cluster %d nodes, want 8 of each", len(workers), len(nodes.Items))
	}
	checkRoles(t, client)
	if err := e.RemoveCluster("one"); err != nil {
		t.Fatal(err)
	}
	if e.Cluster("one") != nil {
		t.Error("the cluster is still there")
	}
	again, err := e.AddCluster(t.Context(), sample)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID == first.ID {
		t.Error("the cluster came back as the same one")
	}
	variables := map[string]string{}
	for _, assignment := range e.Env() {
		name, value, _ := strings.Cut(assignment, "=")
		variables[name] = value
	}
	api, err := iks.New(iks.Config{
		APIKey: variables["IC_API_KEY"], Region: variables["IC_REGION"],
		Endpoint: variables["IBMCLOUD_CS_API_ENDPOINT"], IAMEndpoint: variables["IBMCLOUD_IAM_API_ENDPOINT"],
		VPCEndpoint: variables["IBMCLOUD_IS_NG_API_ENDPOINT"],
	})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := api.Cluster(t.Context(), "one"); err != nil || found.ID != again.ID {
		t.Errorf("through the environment variables: %s, %v; want %s", found.ID, err, again.ID)
	}
}
