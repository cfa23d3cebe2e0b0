package iks_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestFakeSubnets(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Viewer)
	// A range of the private ones that is public: only IKS can tell.
	ok(t, r.server.AddPortableSubnet(r.classic.ID, "dal12", "10.200.0.0/29", true))
	facts, err := r.client.Cluster(t.Context(), r.classic.ID)
	ok(t, err)
	subnets, err := r.client.Subnets(t.Context(), facts)
	ok(t, err)
	public := map[netip.Addr]bool{}
	for _, a := range r.server.PortableAddresses(r.classic.ID) {
		public[netip.MustParseAddr(a.Address)] = a.Public
	}
	for address, want := range public {
		seen := 0
		for _, s := range subnets {
			if s.CIDR.Contains(address) {
				seen++
				if s.Public != want || s.Zone == "" || s.VLAN == "" {
					t.Errorf("%s is public: %v; subnet %+v", address, want, s)
				}
			}
		}
		if seen != 1 {
			t.Errorf("%s is in %d subnets", address, seen)
		}
	}
	if len(public) != 25 || len(subnets) != 5 {
		t.Errorf("%d addresses in %d subnets, want 25 in 5", len(public), len(subnets))
	}

	facts, err = r.client.Cluster(t.Context(), r.vpc.ID)
	ok(t, err)
	subnets, err = r.client.Subnets(t.Context(), facts)
	ok(t, err)
	cluster, _ := r.server.Cluster(r.vpc.ID)
	if len(subnets) != 1 || subnets[0].Public || subnets[0].CIDR.String() != cluster.Zones[0].PrivateCIDR || subnets[0].ID != cluster.Zones[0].SubnetID {
		t.Errorf("%+v", subnets)
	}
}

func TestFakeLoadBalancers(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Viewer)
	want := map[string]bool{}
	for i := range 120 { // more than a page
		made, err := r.server.CreateLoadBalancer(r.vpc.ID, fakeiks.LoadBalancer{Name: fmt.Sprintf("lb-%d", i), Public: i%3 == 0})
		ok(t, err)
		want[made.Hostname] = made.Public
	}
	facts, err := r.client.Cluster(t.Context(), r.vpc.ID)
	ok(t, err)
	found, err := r.client.LoadBalancers(t.Context(), facts)
	ok(t, err)
	for _, b := range found {
		if public, made := want[b.Hostname]; made && public != b.Public || len(b.PrivateIPs) != 2 {
			t.Errorf("%+v", b)
		}
		delete(want, b.Hostname)
	}
	if len(want) > 0 {
		t.Errorf("%d are missing", len(want))
	}
	if n := r.server.Count(http.MethodGet, "/vpc/v1/load_balancers"); n != 2 {
		t.Errorf("%d requests for %d load balancers", n, len(found))
	}

	for name, fault := range map[string]fakeiks.Fault{
		"forbidden": {Status: http.StatusForbidden}, "throttled once": {Status: http.StatusTooManyRequests, Times: 1}, "cut short once": {Truncate: true, Times: 1},
	} {
		fault.Path = "/vpc/v1/load_balancers"
		remove := r.server.Fail(fault)
		again, err := r.client.LoadBalancers(t.Context(), facts)
		if heals := fault.Times == 1; heals != (err == nil && len(again) == len(found)) || !heals && !iks.IsForbidden(err) {
			t.Errorf("%s: %d, %v", name, len(again), err)
		}
		remove()
	}
}
