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
