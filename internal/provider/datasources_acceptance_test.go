package provider_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The values of all data sources, on both infrastructures, against what is
// there.
func TestAccDataSources(t *testing.T) { acctest.UnderEachCLI(t, dataSources) }

func dataSources(t *testing.T) {
	e := acctest.Environment(t)
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+fmt.Sprintf(`
data "iks_cluster" "it" {
  cluster = %[1]q
}
data "iks_worker_pools" "it" {
  cluster = %[1]q
}
data "iks_albs" "it" {
  cluster = %[1]q
}
data "iks_albs" "private" {
  cluster = %[1]q
  type    = "private"
}
data "iks_edge_nodes" "marked" {
  cluster = %[1]q
}
data "iks_edge_nodes" "pool" {
  cluster     = %[1]q
  worker_pool = "edge"
}
`, name))
			w.MustApply()
			info, _ := e.IKS.Cluster(name)
			for source, want := range map[string]map[string]any{
				"iks_cluster.it":        wantCluster(e, info),
				"iks_worker_pools.it":   wantPools(e, info),
				"iks_albs.it":           wantALBs(e, info, "public", "private"),
				"iks_albs.private":      wantALBs(e, info, "private"),
				"iks_edge_nodes.marked": {"nodes": []any{}},
				"iks_edge_nodes.pool":   wantNodes(e, info),
			} {
				got := w.Attributes("data." + source)
				if got["cluster_id"] != info.ID {
					t.Errorf("%s: cluster_id is %v, want %s", source, got["cluster_id"], info.ID)
				}
				for attribute, value := range want {
					if diff := gocmp.Diff(value, forget(got[attribute])); diff != "" {
						t.Errorf("%s: %s (-want +got):\n%s", source, attribute, diff)
					}
				}
			}
		})
	}
}

// forget leaves out what nobody can know beforehand: when a node joined, and
// what IKS adds by itself.
func forget(v any) any {
	if list, ok := v.([]any); ok {
		for _, element := range list {
			if object, ok := element.(map[string]any); ok {
				delete(object, "created_at")
				delete(object, "system_labels")
			}
		}
	}
	return v
}

func wantCluster(e *localiks.Environment, c fakeiks.Cluster) map[string]any {
	zones := []any{}
	for _, z := range c.Zones {
		zones = append(zones, z.ID)
	}
	vpcs := []any{}
	if c.VPCID != "" {
		vpcs = append(vpcs, c.VPCID)
	}
	return map[string]any{
		"name": c.Name, "type": "kubernetes", "infrastructure": string(c.Provider), "region": c.Region, "zones": zones,
		"resource_group_id": c.ResourceGroupID, "state": "normal", "master_status": "Ready", "worker_count": float64(len(e.IKS.Workers(c.ID))),
		"pod_subnet": c.PodSubnet, "service_subnet": c.ServiceSubnet, "vpcs": vpcs,
	}
}

func wantPools(e *localiks.Environment, c fakeiks.Cluster) map[string]any {
	pools := []any{}
	for _, p := range e.IKS.Pools(c.ID) {
		zones := []any{}
		for _, zone := range p.Zones {
			zones = append(zones, map[string]any{"id": zone, "worker_count": float64(p.PerZone)})
		}
		pools = append(pools, map[string]any{
			"id": p.ID, "name": p.Name, "state": "active", "flavor": p.Flavor,
			"labels": map[string]any{}, "taints": []any{}, "workers_per_zone": float64(p.PerZone), "autoscaled": false, "zones": zones,
		})
	}
	return map[string]any{"pools": pools}
}

func wantALBs(e *localiks.Environment, c fakeiks.Cluster, kinds ...string) map[string]any {
	albs := []any{}
	all := e.IKS.ALBs(c.ID)
	slices.SortFunc(all, func(a, b fakeiks.ALB) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range all {
		if !slices.Contains(kinds, a.Type) {
			continue
		}
		albs = append(albs, map[string]any{
			"id": a.ID, "type": a.Type, "zone": a.Zone, "enabled": a.Enabled, "state": a.State, "status": orNull(a.Status),
			"controller": string(a.Controller), "ingress_class": a.IngressClass(), "address": orNull(a.Address), "build": orNull(a.Build),
		})
	}
	return map[string]any{"albs": albs}
}

func wantNodes(e *localiks.Environment, c fakeiks.Cluster) map[string]any {
	nodes := []any{}
	workers := e.IKS.Workers(c.ID)
	slices.SortFunc(workers, func(a, b fakeiks.Worker) int {
		return netip.MustParseAddr(a.PrivateIP).Compare(netip.MustParseAddr(b.PrivateIP))
	})
	for _, w := range workers {
		if w.PoolName != "edge" {
			continue
		}
		nodes = append(nodes, map[string]any{
			"name": w.PrivateIP, "zone": w.Zone, "worker_pool": w.PoolName, "internal_ip": w.PrivateIP, "external_ip": w.PublicIP,
			"ready": true, "schedulable": true, "edge": false, "taints": []any{},
		})
	}
	return map[string]any{"nodes": nodes}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
