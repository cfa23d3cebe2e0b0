package localiks_test

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The clusters here are started and ended, not borrowed.
func TestMain(m *testing.M) {
	if err := os.Unsetenv("LOCALIKS_LENDER"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

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
	again := rebuilt(t, e, first, sample)
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

// rebuilt leaves things behind in a cluster that is made again, and looks for them.
func rebuilt(t *testing.T, e *localiks.Environment, first *localiks.Cluster, o localiks.ClusterOptions) *localiks.Cluster {
	t.Helper()
	before, err := kubernetes.NewForConfig(first.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	left := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "left", Namespace: "left"}}
	if _, err := before.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "left"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := before.CoreV1().ConfigMaps("left").Create(t.Context(), left, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	patch := []byte(`{"metadata":{"labels":{"left":"here"}}}`)
	if _, err := before.CoreV1().Namespaces().Patch(t.Context(), "default", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	again, err := e.RebuildCluster(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID == first.ID || e.Cluster(first.Name) != again {
		t.Error("the cluster came back as the same one")
	}
	client, err := kubernetes.NewForConfig(again.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	if list, err := client.CoreV1().ConfigMaps("left").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		t.Errorf("of the first one there are %v, %v", list, err)
	}
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), "left", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the first one's namespace: %v", err)
	}
	if ns, err := client.CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil || ns.Labels["left"] != "" {
		t.Errorf("the default namespace has labels %v, %v", ns.Labels, err)
	}
	if nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil || len(nodes.Items) != len(e.IKS.Workers(again.ID)) {
		t.Errorf("%d nodes, %v", len(nodes.Items), err)
	}
	checkRoles(t, client)
	return again
}
