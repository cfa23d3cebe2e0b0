package cluster_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// evidence is what tells whether a load balancer is public.
func evidence(t *testing.T, c *cluster.Cluster) (subnets []iks.Subnet, balancers []iks.LoadBalancer) {
	t.Helper()
	var err error
	if subnets, err = c.Subnets(t.Context()); err != nil {
		t.Error(err)
	}
	if balancers, err = c.LoadBalancers(t.Context()); err != nil {
		t.Error(err)
	}
	return subnets, balancers
}

func onVPC(t *testing.T) (*fakeiks.Server, *cluster.Fleet) {
	t.Helper()
	server, _, fleet := fleetOn(t)
	if _, err := server.AddCluster(fakeiks.Cluster{Name: "beta", Provider: fakeiks.VPC}); err != nil {
		t.Fatal(err)
	}
	return server, fleet
}

func find(t *testing.T, fleet *cluster.Fleet, name string) *cluster.Cluster {
	t.Helper()
	c, err := fleet.Find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A hundred resources share one request; in an apply each asks anew.
func TestEvidenceIsShared(t *testing.T) {
	t.Parallel()
	server, fleet := onVPC(t)
	beta := find(t, fleet, "beta")
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if subnets, balancers := evidence(t, beta); len(subnets) != 1 || len(balancers) != 1 {
				t.Errorf("%d subnets, %d load balancers", len(subnets), len(balancers))
			}
		})
	}
	wg.Wait()
	counts := func(want int) {
		t.Helper()
		for _, path := range []string{"/v2/vpc/getSubnets", "/vpc/v1/load_balancers"} {
			if n := server.Count(http.MethodGet, path); n != want {
				t.Errorf("%s was requested %d times, want %d", path, n, want)
			}
		}
	}
	counts(1)
	fleet.BeginApply()
	for range 2 {
		evidence(t, beta)
	}
	counts(3)
}

// Rights on the VPC API are rights of their own: that they lack is asked once.
func TestForbiddenEvidenceIsShared(t *testing.T) {
	t.Parallel()
	server, fleet := onVPC(t)
	server.Fail(fakeiks.Fault{Path: "/vpc/v1/...", Status: http.StatusForbidden})
	beta := find(t, fleet, "beta")
	for range 3 {
		if list, err := beta.LoadBalancers(t.Context()); !iks.IsForbidden(err) || list != nil {
			t.Errorf("%v, %v", list, err)
		}
	}
	if n := server.Count(http.MethodGet, "/vpc/v1/load_balancers"); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestNoEvidence(t *testing.T) {
	t.Parallel()
	_, _, fleet := fleetOn(t)
	alpha := find(t, fleet, "alpha") // classic
	if subnets, err := alpha.Subnets(t.Context()); err != nil || len(subnets) != 2 {
		t.Errorf("%+v, %v", subnets, err)
	}
	if _, err := alpha.LoadBalancers(t.Context()); err == nil {
		t.Error("VPC load balancers of a classic cluster")
	}
}
