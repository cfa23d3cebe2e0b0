package fakeiks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// vpcAnswer is what the VPC API answers with.
type vpcAnswer struct {
	Next          struct{ Href string }
	TotalCount    int `json:"total_count"`
	LoadBalancers []struct {
		Name, Hostname string
		IsPublic       bool                       `json:"is_public"`
		PrivateIPs     []struct{ Address string } `json:"private_ips"`
	} `json:"load_balancers"`
	Subnets []struct {
		ID   string
		CIDR string `json:"ipv4_cidr_block"`
	}
	Errors []struct{ Code, Message string }
}

// askVPC reads a path of the VPC API as a key's owner.
func askVPC(t *testing.T, s *fakeiks.Server, key, path string) (int, vpcAnswer) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+tokenFor(t, s, key))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer vpcAnswer
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return response.StatusCode, answer
}

const spoken = "?version=2025-06-30&generation=2"

func TestVPCLoadBalancers(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s) // its public ALBs share one load balancer
	for i := range 4 {
		_, err := s.CreateLoadBalancer(cluster.ID, fakeiks.LoadBalancer{Name: fmt.Sprintf("lb-%d", i), Owner: "test", Public: i == 3, Network: i == 0})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreateLoadBalancer(cluster.ID, fakeiks.LoadBalancer{Name: "lb-0"}); err == nil {
		t.Error("a name was given twice")
	}
	seen, path := map[string]bool{}, s.VPCURL()+"/load_balancers"+spoken+"&limit=2"
	addresses, pages := []string{}, 0
	for path != "" {
		status, page := askVPC(t, s, viewerKey, path)
		if status != http.StatusOK || len(page.LoadBalancers) > 2 || page.TotalCount != 5 {
			t.Fatalf("%d, %+v", status, page)
		}
		pages++
		for _, b := range page.LoadBalancers {
			seen[b.Name] = b.IsPublic
			for _, ip := range b.PrivateIPs {
				addresses = append(addresses, ip.Address)
			}
			if !strings.HasSuffix(b.Hostname, "-us-south.lb.appdomain.cloud") {
				t.Errorf("%s has the host name %q", b.Name, b.Hostname)
			}
		}
		path = ""
		if page.Next.Href != "" {
			path = page.Next.Href + "&" + spoken[1:]
		}
	}
	if pages != 3 || len(seen) != 5 || seen["lb-0"] || !seen["lb-3"] {
		t.Errorf("%d pages, public: %v", pages, seen)
	}
	slices.Sort(addresses)
	if len(addresses) != 9 || len(slices.Compact(addresses)) != 9 {
		t.Errorf("addresses %v, want 9 different ones", addresses)
	}
	status, page := askVPC(t, s, viewerKey, s.VPCURL()+"/subnets"+spoken)
	if status != http.StatusOK || len(page.Subnets) != 2 || page.Subnets[0].CIDR != cluster.Zones[0].PrivateCIDR {
		t.Errorf("%d, %+v", status, page)
	}
	if n := s.Count(http.MethodGet, "/vpc/v1/load_balancers"); n != 3 {
		t.Errorf("%d requests were recorded", n)
	}
	s.RemoveCluster(cluster.ID)
	if _, page := askVPC(t, s, viewerKey, s.VPCURL()+"/load_balancers"+spoken); len(page.LoadBalancers) != 0 {
		t.Errorf("load balancers of a cluster that is gone: %+v", page)
	}
}

func TestVPCErrors(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	addVPC(t, s)
	s.Fail(fakeiks.Fault{Path: "/vpc/v1/load_balancers?limit=9", Status: http.StatusServiceUnavailable})
	for name, test := range map[string]struct {
		key, path string
		want      int
		code      string
	}{
		"no token":      {path: "/load_balancers" + spoken, want: 401, code: "not_authorized"},
		"no role":       {key: nobodyKey, path: "/load_balancers" + spoken, want: 403, code: "forbidden"},
		"no version":    {key: viewerKey, path: "/load_balancers?generation=2", want: 400, code: "invalid_version"},
		"no generation": {key: viewerKey, path: "/load_balancers?version=2025-06-30", want: 400, code: "invalid_generation"},
		"too many":      {key: viewerKey, path: "/load_balancers" + spoken + "&limit=101", want: 400, code: "invalid_limit"},
		"not there":     {key: viewerKey, path: "/load_balancers/x" + spoken, want: 404, code: "not_found"},
		"a fault":       {key: viewerKey, path: "/load_balancers" + spoken + "&limit=9", want: 503, code: "internal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := askVPC(t, s, test.key, s.VPCURL()+test.path)
			if status != test.want || len(answer.Errors) != 1 || answer.Errors[0].Code != test.code {
				t.Errorf("%d, %+v; want %d %s", status, answer.Errors, test.want, test.code)
			}
		})
	}
}

// Persistent load balancers outlive their cluster and can be taken over.
func TestPersistentLoadBalancer(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	first := addVPC(t, s)
	made, err := s.CreateLoadBalancer(first.ID, fakeiks.LoadBalancer{Name: "mine", Owner: "service one", Persistent: true})
	if err != nil {
		t.Fatal(err)
	}
	second := add(t, s, fakeiks.Cluster{Name: "vpc-two", Provider: fakeiks.VPC, VPCID: first.VPCID, Kubernetes: access()})
	if _, found := s.AttachLoadBalancer(second.ID, "mine", "service two"); found {
		t.Error("it was taken away from its owner")
	}
	s.RemoveCluster(first.ID)
	attached, found := s.AttachLoadBalancer(second.ID, "mine", "service two")
	if !found || attached.Hostname != made.Hostname || attached.ClusterID != second.ID {
		t.Errorf("%v %+v", found, attached)
	}
	if !s.DeleteLoadBalancer(made.ID) || s.DeleteLoadBalancer(made.ID) {
		t.Error("it was not deleted once")
	}
}

func TestPortableAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	changes, cancel := s.Subscribe()
	defer cancel()
	free := func() (list []string) {
		for _, a := range s.PortableAddresses(cluster.ID) {
			if a.Owner == "" && a.Public && a.Zone == "dal10" {
				list = append(list, a.Address)
			}
		}
		return list
	}
	before := free()
	if len(before) != 4 { // five, one of them the public ALB's
		t.Fatalf("free: %v", before)
	}
	if err := s.TakeAddress(cluster.ID, before[0], "me"); err != nil || slices.Contains(free(), before[0]) {
		t.Errorf("%v, free: %v", err, free())
	}
	for name, address := range map[string]string{"taken": before[0], "of nobody": "192.0.2.1"} {
		if err := s.TakeAddress(cluster.ID, address, "you"); err == nil {
			t.Errorf("an address %s was given", name)
		}
	}
	s.ReleaseAddress(cluster.ID, before[0])
	if err := s.AddPortableSubnet(cluster.ID, "dal10", "169.254.8.8/29", true); err != nil || len(free()) != 9 {
		t.Errorf("%v, free: %v", err, free())
	}
	if err := s.AddPortableSubnet(cluster.ID, "wdc04", "169.254.8.16/29", true); err == nil {
		t.Error("a subnet in a zone that the cluster is not in")
	}
	for _, want := range []fakeiks.ChangeKind{fakeiks.AddressReleased, fakeiks.SubnetAdded} {
		if got := <-changes; got.Kind != want {
			t.Errorf("change %v, want %v", got, want)
		}
	}
}

// The visibility of the classic subnets, where IKS shows it.
func TestSubnetVisibility(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	if err := s.AddPortableSubnet(cluster.ID, "dal10", "10.9.9.0/29", true); err != nil { // brought along, and public
		t.Fatal(err)
	}
	found, err := clientV1(t, config(s, viewerKey)).Clusters().Find(url.PathEscape(cluster.ID), containerv1.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
	public := map[string]bool{}
	for _, vlan := range found.Vlans {
		for _, subnet := range vlan.Subnets {
			public[subnet.Cidr] = subnet.IsPublic
		}
	}
	zone := cluster.Zones[0]
	if len(public) != 5 || !public["10.9.9.0/29"] || public[zone.PortablePrivate[0]] || !public[zone.PortablePublic[0]] {
		t.Errorf("%v", public)
	}
}
