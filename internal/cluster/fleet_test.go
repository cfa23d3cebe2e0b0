package cluster_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const apiKey = "a-key-of-the-test"

// fleetOn starts a fake IKS with one cluster, "alpha", and a fleet on it.
func fleetOn(t *testing.T) (*fakeiks.Server, fakeiks.Cluster, *cluster.Fleet) {
	t.Helper()
	server, err := fakeiks.Start(fakeiks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.AddAPIKey(apiKey, fakeiks.Operator)
	plane := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			out.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = out.Write([]byte(`{"kind":"NodeList","apiVersion":"v1","items":[]}`))
	}))
	t.Cleanup(plane.Close)
	info, err := server.AddCluster(fakeiks.Cluster{Name: "alpha", Kubernetes: fakeiks.Access{Server: plane.URL, CA: certificatePEM(plane)}})
	if err != nil {
		t.Fatal(err)
	}
	api, err := iks.New(iks.Config{APIKey: apiKey, Region: "us-south", Endpoint: server.URL(), IAMEndpoint: server.IAMURL(), VPCEndpoint: server.VPCURL()})
	if err != nil {
		t.Fatal(err)
	}
	return server, info, cluster.NewFleet(cluster.Options{
		IKS:    func() (*iks.Client, error) { return api, nil },
		Access: iks.AccessOptions{EndpointType: "auto"},
	})
}

func TestFindByNameAndID(t *testing.T) {
	t.Parallel()
	_, info, fleet := fleetOn(t)
	for name, nameOrID := range map[string]string{"name": "alpha", "ID": info.ID} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := fleet.Find(t.Context(), nameOrID)
			if err != nil {
				t.Fatal(err)
			}
			if c.ID != info.ID || c.Name != "alpha" || c.OnVPC() {
				t.Errorf("got %s %s, VPC %v", c.Name, c.ID, c.OnVPC())
			}
		})
	}
}

func TestNotFoundIsProof(t *testing.T) {
	t.Parallel()
	server, _, fleet := fleetOn(t)
	if _, err := fleet.Find(t.Context(), "nowhere"); !cluster.IsNotFound(err) {
		t.Errorf("a cluster that IKS does not know: %v", err)
	}
	server.Fail(fakeiks.Fault{Path: "/v2/getCluster", Status: http.StatusForbidden})
	if _, err := fleet.Find(t.Context(), "alpha"); err == nil || cluster.IsNotFound(err) {
		t.Errorf("a cluster that could not be asked for: %v", err)
	}
}

// A hundred resources of one cluster cost one lookup and one kubeconfig.
func TestManyCallersShareOneConnection(t *testing.T) {
	t.Parallel()
	server, _, fleet := fleetOn(t)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			c, err := fleet.Find(t.Context(), "alpha")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Kube(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for path, want := range map[string]int{"/v2/getCluster": 1, "/v2/applyRBACAndGetKubeconfig": 1, "/identity/token": 3} {
		if got := server.Count("", path); got > want {
			t.Errorf("%s was requested %d times, want at most %d", path, got, want)
		}
	}
}

// One caller that gives up does not take the answer away from the others.
func TestCancelledCallerLeavesTheFlight(t *testing.T) {
	t.Parallel()
	server, _, fleet := fleetOn(t)
	server.Fail(fakeiks.Fault{Path: "/v2/getCluster", Delay: 300 * time.Millisecond, Times: 1})
	impatient, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := fleet.Find(impatient, "alpha")
		first <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the impatient caller got %v", err)
	}
	if _, err := fleet.Find(t.Context(), "alpha"); err != nil {
		t.Errorf("the patient caller got %v", err)
	}
}

func TestDirectClusterNeedsNoIKS(t *testing.T) {
	t.Parallel()
	var uid atomic.Pointer[string]
	identify := func(as string) { uid.Store(&as) }
	identify("first-uid")
	plane := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write([]byte(`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system","uid":"` + *uid.Load() + `"}}`))
	}))
	t.Cleanup(plane.Close)
	newFleet := func() *cluster.Fleet {
		return cluster.NewFleet(cluster.Options{
			IKS: func() (*iks.Client, error) { return nil, errors.New("IKS was asked for") },
			Direct: map[string]func() (kube.Access, error){
				"kind": func() (kube.Access, error) { return kube.Access{Host: plane.URL}, nil },
			},
		})
	}
	c, err := newFleet().Find(t.Context(), "kind")
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "first-uid" {
		t.Errorf("ID is %q", c.ID)
	}
	if _, _, err := c.IKS("iks_alb_state"); err == nil || !strings.Contains(err.Error(), "iks_alb_state") {
		t.Errorf("what only IKS can do: %v", err)
	}
	if _, err := c.Subnets(t.Context()); err == nil {
		t.Error("it has subnets")
	}
	if _, err := c.LoadBalancers(t.Context()); err == nil {
		t.Error("it has load balancers of a VPC")
	}
	identify("second-uid")
	if _, err := newFleet().FindByID(t.Context(), "first-uid", "kind"); !cluster.IsNotFound(err) {
		t.Errorf("another cluster under the same name: %v", err)
	}
}

// A cluster is not called gone because it is looked for in the wrong place.
func TestOtherWayIsNoProof(t *testing.T) {
	t.Parallel()
	server, info, fleet := fleetOn(t)
	server.ResetRequests()
	uid := "3f2b9c1e-0000-4000-8000-000000000001"
	if _, err := fleet.FindByID(t.Context(), uid, "kind"); err == nil || cluster.IsNotFound(err) || !strings.Contains(err.Error(), "cluster_access") {
		t.Errorf("an entry of cluster_access that was taken away: %v", err)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("IKS was asked %d times for a cluster that it never knew", n)
	}
	direct := cluster.NewFleet(cluster.Options{Direct: map[string]func() (kube.Access, error){
		"alpha": func() (kube.Access, error) { return kube.Access{}, errors.New("not reached") },
	}})
	if _, err := direct.FindByID(t.Context(), info.ID, "alpha"); err == nil || cluster.IsNotFound(err) || !strings.Contains(err.Error(), "through IKS") {
		t.Errorf("an entry of cluster_access that was added: %v", err)
	}
}
