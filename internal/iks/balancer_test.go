package iks

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const balancerPage = `{"limit":100,"next":{"href":"https://eu-de.iaas.cloud.ibm.com/v1/load_balancers?start=two&limit=100"},"load_balancers":[
 {"id":"r010-1","name":"kube-x-1","hostname":"a1-eu-de.lb.appdomain.cloud","is_public":false,"private_ips":[{"address":"10.243.0.9"},{"address":""}],"subnets":[{"id":"02c7-1"}]}]}`

var onVPC = Cluster{ID: labCluster, Name: "prod", Region: "eu-de", Infrastructure: VPC}

func TestLoadBalancersPageByPage(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return plainAnswer(200, balancerPage)
		}
		return plainAnswer(200, `{"load_balancers":[{"id":"r010-2","hostname":"a2-eu-de.lb.appdomain.cloud","is_public":true}]}`)
	})
	found, err := client.LoadBalancers(t.Context(), onVPC)
	mustNot(t, err)
	if len(found) != 2 || found[0].Public || !found[1].Public || found[0].Name != "kube-x-1" || found[0].Hostname != "a1-eu-de.lb.appdomain.cloud" ||
		!slices.Equal(found[0].PrivateIPs, []netip.Addr{netip.MustParseAddr("10.243.0.9")}) || !slices.Equal(found[0].Subnets, []string{"02c7-1"}) {
		t.Errorf("%+v", found)
	}
	requests := l.requests()
	count(t, "requests", len(requests), 2)
	for i, want := range []string{"generation=2&limit=100&version=2025-06-30", "generation=2&limit=100&start=two&version=2025-06-30"} {
		r := requests[i]
		if r.path != "/v1/load_balancers" || r.query != want || r.header.Get("Authorization") != "Bearer token-1" {
			t.Errorf("asked %s?%s", r.path, r.query)
		}
	}
}

// What is no evidence is an error, and never taken for private.
func TestLoadBalancersThatTellNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		says   string
	}{
		"no visibility": {`{"load_balancers":[{"id":"r010-1","hostname":"a"}]}`, "whether a load balancer is public"},
		"no ID":         {`{"load_balancers":[{"is_public":false}]}`, "whether a load balancer is public"},
		"no way on":     {`{"load_balancers":[],"next":{"href":"https://x/v1/load_balancers?limit=1"}}`, "how to go on"},
		"a circle":      {`{"load_balancers":[],"next":{"href":"https://x/v1/load_balancers?start=same"}}`, "how to go on"},
		"another shape": {`{"load_balancers":{}}`, "not as the VPC API gives it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, tt.answer) })
			if got, err := client.LoadBalancers(t.Context(), onVPC); err == nil || !strings.Contains(err.Error(), tt.says) || got != nil {
				t.Errorf("%+v, %v; want %q", got, err, tt.says)
			}
		})
	}
}

func TestLoadBalancersWithoutEnd(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
		return plainAnswer(200, fmt.Sprintf(`{"load_balancers":[],"next":{"href":"https://x/?start=%d"}}`, n))
	})
	if _, err := client.LoadBalancers(t.Context(), onVPC); err == nil || !strings.Contains(err.Error(), "no end") {
		t.Errorf("error %v", err)
	}
	count(t, "requests", len(l.requests()), maxBalancerPages)
}

func TestLoadBalancersRefusals(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) {
		return plainAnswer(403, `{"errors":[{"code":"forbidden","message":"You may not list load balancers."}],"trace":"t-1"}`)
	})
	if _, err := client.LoadBalancers(t.Context(), onVPC); !IsForbidden(err) || !strings.Contains(err.Error(), "You may not list load balancers.") {
		t.Errorf("error %v", err)
	}
	count(t, "requests", len(l.requests()), 1)
	for name, c := range map[string]Cluster{
		"classic":         {ID: labCluster, Infrastructure: Classic, Region: "us-south"},
		"no region":       {ID: labCluster, Infrastructure: VPC},
		"an evil region":  {ID: labCluster, Infrastructure: VPC, Region: "evil.example.test/"},
		"an evil region2": {ID: labCluster, Infrastructure: VPC, Region: "us-south@evil.example.test#"},
	} {
		if _, err := client.LoadBalancers(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	count(t, "requests", len(l.requests()), 1)
}

func TestVPCEndpoints(t *testing.T) {
	t.Parallel()
	const file = `{"IBMCLOUD_IS_NG_API_ENDPOINT":{"public":{"us-south":"https://file.example.test/v1"},"private":{"us-south":"http://bad.example.test"}}}`
	for name, tt := range map[string]struct {
		config Config
		env    map[string]string
		region string
		want   string
		says   string
	}{
		"public":            {region: "eu-de", want: "https://eu-de.iaas.cloud.ibm.com/v1"},
		"private":           {config: Config{Visibility: "private"}, region: "eu-de", want: "https://eu-de.private.iaas.cloud.ibm.com/v1"},
		"both":              {config: Config{Visibility: "public-and-private"}, region: "br-sao", want: "https://br-sao.private.iaas.cloud.ibm.com/v1"},
		"the cluster's":     {config: Config{Region: "us-south"}, region: "eu-de", want: "https://eu-de.iaas.cloud.ibm.com/v1"},
		"configured":        {config: Config{VPCEndpoint: "https://a.example.test/v1/"}, env: map[string]string{"IBMCLOUD_IS_NG_API_ENDPOINT": "https://b.example.test"}, region: "eu-de", want: "https://a.example.test/v1"},
		"environment":       {env: map[string]string{"IBMCLOUD_IS_NG_API_ENDPOINT": "http://127.0.0.1:1/vpc"}, want: "http://127.0.0.1:1/vpc/v1"},
		"file":              {env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/e.json"}, region: "us-south", want: "https://file.example.test/v1"},
		"file, other":       {env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/e.json"}, region: "eu-de", want: "https://eu-de.iaas.cloud.ibm.com/v1"},
		"file, without TLS": {config: Config{Visibility: "private"}, env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/e.json"}, region: "us-south", says: "https://"},
		"without TLS":       {config: Config{VPCEndpoint: "http://a.example.test"}, says: "https://"},
		"no region":         {says: "cannot be a region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := resolveVPC(tt.config, func(k string) string { return tt.env[k] }, func(name string) ([]byte, error) {
				if name == "/e.json" {
					return []byte(file), nil
				}
				return nil, fs.ErrNotExist
			})
			got := ""
			if err == nil {
				got, err = v.at(tt.region)
			}
			if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q, %v; want %q, error %q", got, err, tt.want, tt.says)
			}
		})
	}
}
