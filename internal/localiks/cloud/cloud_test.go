package cloud_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bluemix "github.com/IBM-Cloud/bluemix-go"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	"github.com/IBM-Cloud/bluemix-go/session"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// rig is a fake IKS with one cluster, its real control plane and the controllers.
type rig struct {
	iks     *fakeiks.Server
	cluster fakeiks.Cluster
	plane   *controlplane.ControlPlane
	kube    kubernetes.Interface
	v1      containerv1.ContainerServiceAPI
	v2      containerv2.ContainerServiceAPI
	lbs     *recorder
}

func newRig(t *testing.T, spec fakeiks.Cluster, calicoAPI bool) *rig {
	t.Helper()
	began := time.Now()
	iks, err := fakeiks.Start(fakeiks.Options{Delay: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := iks.Close(); err != nil {
			t.Error(err)
		}
	})
	plane, err := controlplane.Start(t.Context(), controlplane.Options{
		Name: spec.Name, Dir: t.TempDir(), CalicoAPI: calicoAPI, TokenReviewURL: iks.TokenReviewURL(), Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	certificate, key := plane.AdminCertificate()
	spec.Kubernetes = fakeiks.Access{
		Server: plane.Server(), CA: plane.CACertificate(), AdminCertificate: certificate, AdminKey: key,
	}
	r := &rig{iks: iks, plane: plane, lbs: &recorder{}}
	if r.cluster, err = iks.AddCluster(spec); err != nil {
		t.Fatal(err)
	}
	if r.kube, err = kubernetes.NewForConfig(plane.RESTConfig()); err != nil {
		t.Fatal(err)
	}
	r.clients(t)
	t.Logf("control plane after %s", time.Since(began).Round(time.Millisecond))
	r.run(t)
	t.Logf("everything ready after %s", time.Since(began).Round(time.Millisecond))
	return r
}

// run starts the controllers and waits until they are ready.
func (r *rig) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	controllers, err := cloud.Run(ctx, cloud.Options{
		Server: r.iks, ClusterID: r.cluster.ID, Config: r.plane.RESTConfig(), Calico: true,
		Delay: 20 * time.Millisecond, LoadBalancers: r.lbs, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(controllers.Stop)
	if err := controllers.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) clients(t *testing.T) {
	t.Helper()
	const key = "an-administrator"
	r.iks.AddAPIKey(key, fakeiks.Administrator)
	url, iam, none := r.iks.URL(), r.iks.IAMURL(), 0
	sess, err := session.New(&bluemix.Config{
		BluemixAPIKey: key, Region: "us-south", Endpoint: &url, TokenProviderEndpoint: &iam, MaxRetries: &none,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.v1, err = containerv1.New(sess); err != nil {
		t.Fatal(err)
	}
	if r.v2, err = containerv2.New(sess); err != nil {
		t.Fatal(err)
	}
}

// recorder is a load balancer controller that notes its calls.
type recorder struct {
	mu    sync.Mutex
	calls []string
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

func (r *recorder) count(call string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.calls {
		if c == call {
			n++
		}
	}
	return n
}

// Sync implements [cloud.LoadBalancers].
func (r *recorder) Sync(_ context.Context, service *corev1.Service) error {
	r.note("sync %s/%s", service.Namespace, service.Name)
	return nil
}

// Remove implements [cloud.LoadBalancers].
func (r *recorder) Remove(_ context.Context, namespace, name string) error {
	r.note("remove %s/%s", namespace, name)
	return nil
}

// eventually repeats a check until it finds nothing wrong.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// node gets the Node of a worker.
func (r *rig) node(t *testing.T, w fakeiks.Worker) (*corev1.Node, error) {
	t.Helper()
	return r.kube.CoreV1().Nodes().Get(t.Context(), w.PrivateIP, metav1.GetOptions{})
}

// workers are the workers of a pool.
func (r *rig) workers(pool string) []fakeiks.Worker {
	return slices.DeleteFunc(r.iks.Workers(r.cluster.ID), func(w fakeiks.Worker) bool { return w.PoolName != pool })
}

func (r *rig) setLabels(t *testing.T, pool string, labels map[string]string) {
	t.Helper()
	err := r.v2.WorkerPools().UpdateWorkerPoolLabels(
		containerv2.SetWorkerPoolLabelsRequest{Cluster: r.cluster.ID, WorkerPool: pool, Labels: labels}, containerv2.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
}

// setTaints sets the taints of the pool "edge".
func (r *rig) setTaints(t *testing.T, taints map[string]string) {
	t.Helper()
	err := r.v2.WorkerPools().UpdateWorkerPoolTaints(
		containerv2.WorkerPoolTaintRequest{Cluster: r.cluster.ID, WorkerPool: "edge", Taints: taints}, containerv2.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
}

// alb finds an ALB of a type in a zone.
func (r *rig) alb(t *testing.T, kind, zone string) fakeiks.ALB {
	t.Helper()
	for _, alb := range r.iks.ALBs(r.cluster.ID) {
		if alb.Type == kind && alb.Zone == zone {
			return alb
		}
	}
	t.Fatalf("no %s ALB in %s", kind, zone)
	return fakeiks.ALB{}
}

// taintsOf writes a Node's taints, without those of Kubernetes itself.
func taintsOf(node *corev1.Node) []string {
	var list []string
	for _, taint := range node.Spec.Taints {
		if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			list = append(list, taint.Key+"="+taint.Value+":"+string(taint.Effect))
		}
	}
	slices.Sort(list)
	return list
}

// gone wants an error that says that something is not there.
func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("still there (%w)", err)
}
