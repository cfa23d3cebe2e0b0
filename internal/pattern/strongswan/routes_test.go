package strongswan

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charon"
)

// TestRoutesOfAWorker lets the host of the cluster's site be a worker whose VPN
// pod is the gateway.
func TestRoutesOfAWorker(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*tunnel)
	}{
		{name: "as it is", change: func(*tunnel) {}},
		{name: "another address than the pods'", change: func(c *tunnel) { c.podSNAT = snatOn }},
		{name: "single source", change: func(c *tunnel) { c.singleSourceIP, c.local.subnets = true, []string{"10.10.0.1/32"} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			cluster, _ := ends()
			test.change(&cluster)
			a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, mirror(cluster))
			b.start()
			b.listens()
			a.start()
			a.isReady()

			g, err := l.Cluster.Beside(configuration(t, cluster))
			if err != nil {
				t.Fatal(err)
			}
			g.Capabilities = []string{"net_admin"}
			g.Env = []string{"VPN_CONFIG=" + g.Files(), "VPN_TABLE=20001", "VPN_POD=172.30.0.1", "NODE_ADDRESS=" + charon.ClusterHost}
			worker := gateway{Gateway: g, t: t}
			before := worker.network()
			if _, err := worker.Do(t.Context(), "ip", "route", "delete", "default"); err != nil {
				t.Fatal(err)
			}
			if err := l.Cluster.Ping(charon.OfficeHost, time.Second); err == nil || !strings.Contains(err.Error(), "unreachable") {
				t.Fatalf("there is a way without the routes: %v", err)
			}
			if err := worker.Start("sh", filepath.Join(worker.Files(), "routes.sh")); err != nil {
				t.Fatal(err)
			}
			l.reaches(l.Cluster, charon.OfficeHost)
			if err := worker.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := worker.Do(t.Context(), "ip", "route", "add", "default", "via", "172.30.0.1"); err != nil {
				t.Fatal(err)
			}
			if after := worker.network(); after != before {
				t.Errorf("the worker is left changed:\n%s\nbefore:\n%s\n%s", after, before, worker.Log())
			}
		})
	}
}

// Where the tunnel carries the pods' own addresses, pods keep them.
func TestPodsKeepTheirAddresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		subnets []string
		nat     map[string]string
		snat    string
		keep    bool
	}{
		"the pod subnet":               {subnets: []string{"172.30.0.0/16", "172.21.0.0/16"}, keep: true},
		"a network around it":          {subnets: []string{"172.16.0.0/12"}, keep: true},
		"a network beside it":          {subnets: []string{"172.31.0.0/16"}},
		"a part of it":                 {subnets: []string{"172.30.0.0/17"}},
		"an address":                   {subnets: []string{"172.30.0.0/32"}},
		"shown as another one":         {subnets: []string{"10.50.0.0/16"}, nat: map[string]string{"172.30.0.0/16": "10.50.0.0/16"}, keep: true},
		"shown as one, with others":    {subnets: []string{"10.48.0.0/12"}, nat: map[string]string{"172.16.0.0/12": "10.48.0.0/12"}, keep: true},
		"around it, and never":         {subnets: []string{"172.16.0.0/12"}, snat: snatOn},
		"something else, but in there": {subnets: []string{"10.50.0.0/16"}, snat: snatOff, keep: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := onPrem()
			cluster.local.subnets, cluster.localNAT = test.subnets, test.nat
			if test.snat != "" {
				cluster.podSNAT = test.snat
			}
			rules := configuration(t, cluster)["node.nft"]
			if keep := !strings.Contains(rules, "ip saddr 172.30.0.0/16 ip daddr { 10.91.152.128/26 } snat to NODE_ADDRESS"); keep != test.keep {
				t.Errorf("pods keep their addresses: %v\n%s", keep, rules)
			}
		})
	}
}

// network is all that routes and translates packets.
func (g gateway) network() string {
	g.t.Helper()
	var out []string
	for _, argv := range [][]string{{"ip", "-4", "rule"}, {"ip", "-4", "route", "show", "table", "all"}, {"nft", "list", "ruleset"}} {
		text, err := g.Do(g.t.Context(), argv...)
		if err != nil {
			g.t.Fatal(err)
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}
