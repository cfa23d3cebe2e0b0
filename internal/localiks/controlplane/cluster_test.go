package controlplane_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// start brings up a control plane for one test.
func start(t *testing.T, o controlplane.Options) *controlplane.ControlPlane {
	t.Helper()
	o.Dir = t.TempDir()
	o.Log = t.Output()
	began := time.Now()
	o.Progress = func(step string, took time.Duration) {
		t.Logf("%s: %-20s %6d ms", o.Name, step, took.Milliseconds())
	}
	c, err := controlplane.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("starting %s: %v", o.Name, err)
	}
	t.Logf("%s: ready after %s", o.Name, time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stopping %s: %v", o.Name, err)
		}
	})
	return c
}

// await repeats a check until it passes, for half a minute at most.
func await(t *testing.T, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func client(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// programsIn counts the programs that run in a control plane's folder.
func programsIn(t *testing.T, dir string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == dir { // a process may be gone by now
			count++
		}
	}
	return count
}

// TestTwoClustersAtOnce takes one through what tests do with clusters, and the
// other one through what IAM has to do with them.
func TestTwoClustersAtOnce(t *testing.T) {
	t.Parallel()
	reviews := newReviews(t)
	dirs := t.TempDir()
	var wg sync.WaitGroup
	boot := func(into **controlplane.ControlPlane, o controlplane.Options) func() {
		return func() {
			o.Dir, o.Log = filepath.Join(dirs, o.Name), t.Output()
			c, err := controlplane.Start(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() {
				if err := c.Stop(); err != nil { // again, where the test came to its end
					t.Error(err)
				}
			})
			*into = c
		}
	}
	var one, two *controlplane.ControlPlane
	wg.Go(boot(&one, controlplane.Options{Name: "one"}))
	wg.Go(boot(&two, controlplane.Options{Name: "two", TokenReviewURL: reviews.url}))
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Run("strangers", func(t *testing.T) { strangers(t, one, two) })
	t.Run("tokens", func(t *testing.T) { reviews.tokens(t, two) })
	t.Run("identities", func(t *testing.T) { identities(t, one) })
	t.Run("nodes", func(t *testing.T) { nodes(t, one) })
	t.Run("edge", func(t *testing.T) { edge(t, one) })
	t.Run("audit", func(t *testing.T) { audit(t, one) })
	t.Run("calico", func(t *testing.T) { calico(t, one) })
	t.Run("outage", func(t *testing.T) { outage(t, one) })
	// With the Calico API server, which the first one has been given meanwhile.
	ends(t, one, filepath.Join(dirs, "one"), 6)
	ends(t, two, filepath.Join(dirs, "two"), 5)
}

// strangers checks that each knows its own users only, and is known by its own
// authority only.
func strangers(t *testing.T, one, two *controlplane.ControlPlane) {
	if one.Server() == two.Server() {
		t.Errorf("both serve at %s", one.Server())
	}
	stranger := one.RESTConfig()
	stranger.Host = two.Server()
	if _, err := client(t, stranger).Discovery().ServerVersion(); err == nil {
		t.Error("two is trusted by those who trust one")
	}
	stranger.CAData = two.CACertificate()
	_, err := client(t, stranger).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsUnauthorized(err) {
		t.Errorf("two lets in the admin of one: %v", err)
	}
}

// ends stops a control plane of so many programs and looks for what is left.
func ends(t *testing.T, c *controlplane.ControlPlane, dir string, want int) {
	t.Helper()
	if programs := programsIn(t, dir); programs != want {
		t.Errorf("in %s %d programs run, want %d", dir, programs, want)
	}
	for range 2 { // the second time nothing is left to do
		if err := c.Stop(); err != nil {
			t.Errorf("stopping the one in %s: %v", dir, err)
		}
	}
	if programs := programsIn(t, dir); programs != 0 {
		t.Errorf("in %s %d programs are left", dir, programs)
	}
	connection, err := net.Dial("tcp", strings.TrimPrefix(c.Server(), "https://"))
	if err == nil {
		_ = connection.Close()
		t.Errorf("the one in %s still answers at %s", dir, c.Server())
	}
}

func TestStartRefusesAUsedFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etcd"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := controlplane.Start(t.Context(), controlplane.Options{Name: "again", Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another control plane") {
		t.Errorf("error is %v", err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := make(chan struct{})
	go func() {
		<-began
		cancel()
	}()
	_, err := controlplane.Start(ctx, controlplane.Options{Name: "cancelled", Dir: dir, Progress: func(step string, _ time.Duration) {
		if step == "kube-apiserver" {
			close(began)
			<-ctx.Done()
		}
	}})
	if err == nil {
		t.Fatal("no error")
	}
	if programs := programsIn(t, dir); programs != 0 {
		t.Errorf("%d programs are left", programs)
	}
}

func identities(t *testing.T, c *controlplane.ControlPlane) {
	admin, err := clientcmd.RESTConfigFromKubeConfig(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, admin).CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("with the admin's kubeconfig: %v", err)
	}

	certificate, key, err := c.ClientCertificate("reader", "auditors")
	if err != nil {
		t.Fatal(err)
	}
	config := c.RESTConfig()
	config.CertData, config.KeyData = certificate, key
	reader := client(t, config)

	_, err = reader.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("without a role: %v", err)
	}
	_, err = client(t, c.RESTConfig()).RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "auditors"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "auditors"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "reading with the role", func(ctx context.Context) error {
		_, err := reader.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
		return err
	})
	err = reader.CoreV1().Pods("default").Delete(t.Context(), "any", metav1.DeleteOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("writing with a reader's role: %v", err)
	}
}

func nodes(t *testing.T, c *controlplane.ControlPlane) {
	workers := []controlplane.Node{
		{Name: "10.1.0.1", InternalIP: "10.1.0.1", ExternalIP: "169.48.0.1", Labels: map[string]string{"pool": "a"}},
		{Name: "10.1.0.2", InternalIP: "10.1.0.2", Taints: []corev1.Taint{{Key: "own", Value: "x", Effect: corev1.TaintEffectNoSchedule}}},
		{Name: "10.1.0.3", Unschedulable: true},
	}
	if err := c.AddNodes(t.Context(), workers...); err != nil {
		t.Fatal(err)
	}
	if err := c.AddNode(t.Context(), workers[0]); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second node of the same name: %v", err)
	}
	api := client(t, c.RESTConfig()).CoreV1().Nodes()
	get := func(name string) *corev1.Node {
		node, err := api.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	if got := fmt.Sprint(get("10.1.0.1").Status.Addresses); got != "[{Hostname 10.1.0.1} {InternalIP 10.1.0.1} {ExternalIP 169.48.0.1}]" {
		t.Errorf("addresses are %s", got)
	}
	if got := get("10.1.0.1").Labels["pool"]; got != "a" {
		t.Errorf("label is %q", got)
	}
	if got := fmt.Sprint(get("10.1.0.2").Spec.Taints); got != "[{own x NoSchedule <nil>}]" {
		t.Errorf("taints are %s", got)
	}
	if !get("10.1.0.3").Spec.Unschedulable {
		t.Error("node is schedulable")
	}
	for range 2 { // the second time there is nothing to remove
		if err := c.RemoveNode(t.Context(), "10.1.0.3"); err != nil {
			t.Error(err)
		}
	}
	if _, err := api.Get(t.Context(), "10.1.0.3", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("removed node: %v", err)
	}
}
