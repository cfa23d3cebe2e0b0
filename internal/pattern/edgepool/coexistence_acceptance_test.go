package edgepool_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func poolInIKS(t *testing.T, e *localiks.Environment, cluster, name string) fakeiks.WorkerPool {
	t.Helper()
	for _, p := range e.IKS.Pools(cluster) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("cluster %s has no worker pool %s", cluster, name)
	return fakeiks.WorkerPool{}
}

// Somebody who writes a pool's whole maps, as IBM's worker pool resources do
// without ignore_changes, takes our key away. Plan names it, apply brings it
// back and leaves the rest of the maps to its owner, also when it goes.
func TestAccMapsOfAnotherOwner(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, poolOf(e, "  worker_pool = \"edge\"\n  relocate_load_balancers = false"))
	w.MustApply()
	set := func(labels, taints map[string]string) {
		t.Helper()
		acctest.CallIKS(t, e, "POST", "/v2/setWorkerPoolLabels", map[string]any{"cluster": acctest.Classic, "workerpool": "edge", "labels": labels})
		acctest.CallIKS(t, e, "POST", "/v2/setWorkerPoolTaints", map[string]any{"cluster": acctest.Classic, "workerpool": "edge", "taints": taints})
	}
	labels, taints := map[string]string{"team": "net"}, map[string]string{"tier": "front:PreferNoSchedule"}
	t.Cleanup(func() {
		set(map[string]string{}, map[string]string{})
		acctest.Eventually(t, "the nodes are as they were", func() error {
			if !e.Cluster(acctest.Classic).Cloud.Settled() {
				return errors.New("IKS is still bringing it")
			}
			return nil
		})
	})
	set(labels, taints)

	w.Run("refresh")
	drift := fmt.Sprint(w.Attributes(edgePool)["drift"])
	for _, want := range []string{"worker pool edge: label dedicated=edge missing", "worker pool edge: taint dedicated=edge:NoExecute missing"} {
		if !strings.Contains(drift, want) {
			t.Errorf("drift says %s, want %q", drift, want)
		}
	}
	w.MustApply()
	w.MustPlanEmpty()
	pool := poolInIKS(t, e, acctest.Classic, "edge")
	if pool.Labels["team"] != "net" || pool.Labels["dedicated"] != "edge" || pool.Taints["tier"] != "front:PreferNoSchedule" || pool.Taints["dedicated"] != "edge:NoExecute" {
		t.Errorf("the pool has labels %v and taints %v", pool.Labels, pool.Taints)
	}
	w.MustDestroy()
	pool = poolInIKS(t, e, acctest.Classic, "edge")
	if !maps.Equal(pool.Labels, labels) || !maps.Equal(pool.Taints, taints) {
		t.Errorf("destroy left labels %v and taints %v, want %v and %v", pool.Labels, pool.Taints, labels, taints)
	}
}

// Beside IBM's own worker pool resources, both providers in one configuration:
// with ignore_changes both plans are empty, without it IBM's resource takes our
// key away, and our next plan says so.
func TestAccBesideIBMsProvider(t *testing.T) {
	e := acctest.Environment(t)
	for _, test := range []struct {
		cluster, resource string
		block             func(fakeiks.Cluster) string
	}{
		{acctest.Classic, "ibm_container_worker_pool", classicPool},
		{acctest.VPC, "ibm_container_vpc_worker_pool", vpcPool},
	} {
		t.Run(test.cluster, func(t *testing.T) {
			info, _ := e.IKS.Cluster(test.cluster)
			config := func(lifecycle string) string {
				return acctest.ProviderBlock(e) + "provider \"ibm\" {}\n" + strings.Replace(test.block(info), "LIFECYCLE", lifecycle, 1) + fmt.Sprintf(`
resource "iks_edge_pool" "it" {
  cluster                 = %q
  worker_pool             = %s.it.worker_pool_name
  relocate_load_balancers = false
  depends_on              = [terraform_data.attached]
}
`, test.cluster, test.resource)
			}
			w := acctest.NewWorkspaceWithIBM(t, e, config("lifecycle {\n    ignore_changes = [labels, taints]\n  }"))
			w.MustApply()
			w.MustPlanEmpty()
			pool := poolInIKS(t, e, test.cluster, "shared")
			if pool.Labels["team"] != "net" || pool.Labels["dedicated"] != "edge" || pool.Taints["dedicated"] != "edge:NoExecute" {
				t.Errorf("the pool has labels %v and taints %v", pool.Labels, pool.Taints)
			}

			w.Write(config(""))
			w.MustApply()
			pool = poolInIKS(t, e, test.cluster, "shared")
			if _, left := pool.Labels["dedicated"]; left {
				t.Error("IBM's resource left our label alone: the guide says otherwise")
			}
			// It writes taints only where its configuration has some.
			if _, left := pool.Taints["dedicated"]; !left {
				t.Error("IBM's resource took our taint away: the guide says otherwise")
			}
			w.Run("refresh")
			if drift := fmt.Sprint(w.Attributes(edgePool)["drift"]); !strings.Contains(drift, "worker pool shared: label dedicated=edge missing") {
				t.Errorf("drift says %s", drift)
			}

			w.Write(config("lifecycle {\n    ignore_changes = [labels, taints]\n  }"))
			w.MustApply()
			w.MustPlanEmpty()
			w.MustDestroy()
		})
	}
}

func classicPool(c fakeiks.Cluster) string {
	out := `
resource "ibm_container_worker_pool" "it" {
  cluster          = "classic"
  worker_pool_name = "shared"
  machine_type     = "b3c.4x16"
  size_per_zone    = 2
  labels           = { team = "net" }
  LIFECYCLE
}
`
	var attached []string
	for i, zone := range c.Zones {
		out += fmt.Sprintf(`
resource "ibm_container_worker_pool_zone_attachment" "zone%d" {
  cluster         = "classic"
  worker_pool     = ibm_container_worker_pool.it.worker_pool_id
  zone            = %q
  private_vlan_id = %q
  public_vlan_id  = %q
}
`, i, zone.ID, zone.PrivateVLAN, zone.PublicVLAN)
		attached = append(attached, fmt.Sprintf("ibm_container_worker_pool_zone_attachment.zone%d.id", i))
	}
	return out + fmt.Sprintf("resource \"terraform_data\" \"attached\" {\n  input = [%s]\n}\n", strings.Join(attached, ", "))
}

func vpcPool(c fakeiks.Cluster) string {
	zones := ""
	for _, zone := range c.Zones {
		zones += fmt.Sprintf("  zones {\n    name      = %q\n    subnet_id = %q\n  }\n", zone.ID, zone.SubnetID)
	}
	return fmt.Sprintf(`
resource "ibm_container_vpc_worker_pool" "it" {
  cluster          = "vpc"
  worker_pool_name = "shared"
  flavor           = "bx2.4x16"
  vpc_id           = %q
  worker_count     = 2
  labels           = { team = "net" }
%s  LIFECYCLE
}
resource "terraform_data" "attached" {
  input = ibm_container_vpc_worker_pool.it.id
}
`, c.VPCID, zones)
}
