package clusterinfo

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// find starts a fake IKS with one cluster and looks that up.
func find(t *testing.T, spec fakeiks.Cluster) (*cluster.Cluster, fakeiks.Cluster) {
	t.Helper()
	fake, err := fakeiks.Start(fakeiks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	fake.AddAPIKey("a-viewers-key", fakeiks.Viewer)
	added, err := fake.AddCluster(spec)
	if err != nil {
		t.Fatal(err)
	}
	fleet := cluster.NewFleet(cluster.Options{IKS: sync.OnceValues(func() (*iks.Client, error) {
		return iks.New(iks.Config{APIKey: "a-viewers-key", Endpoint: fake.URL(), IAMEndpoint: fake.IAMURL()})
	})})
	c, err := fleet.Find(t.Context(), added.Name)
	if err != nil {
		t.Fatal(err)
	}
	return c, added
}

// fits checks that a model can be written by the schema of its data source.
func fits(t *testing.T, d datasource.DataSource, model any) {
	t.Helper()
	var resp datasource.SchemaResponse
	d.Schema(t.Context(), datasource.SchemaRequest{}, &resp)
	if d := resp.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Fatal(d)
	}
	state := tfsdk.State{Schema: resp.Schema, Raw: tftypes.NewValue(resp.Schema.Type().TerraformType(t.Context()), nil)}
	if d := state.Set(t.Context(), model); d.HasError() {
		t.Error(d)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]fakeiks.Cluster{
		"classic": {
			Name: "old", Provider: fakeiks.Classic, Zones: []fakeiks.Zone{{ID: "dal12"}, {ID: "dal10"}},
			Endpoints: fakeiks.Endpoints{Public: fakeiks.Endpoint{Enabled: true}},
		},
		"vpc": {
			Name: "new", Provider: fakeiks.VPC, Zones: []fakeiks.Zone{{ID: "us-south-2"}, {ID: "us-south-1"}},
			Endpoints: fakeiks.Endpoints{Private: fakeiks.Endpoint{Enabled: true}, VPE: fakeiks.Endpoint{Enabled: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, added := find(t, spec)
			var m clusterModel
			if err := readCluster(t.Context(), c, &m); err != nil {
				t.Fatal(err)
			}
			fits(t, NewClusterDataSource()(), &m)
			for attribute, pair := range map[string][2]string{
				"name":              {m.Name.ValueString(), added.Name},
				"infrastructure":    {m.Infrastructure.ValueString(), string(added.Provider)},
				"type":              {m.Type.ValueString(), "kubernetes"},
				"region":            {m.Region.ValueString(), "us-south"},
				"resource_group_id": {m.ResourceGroupID.ValueString(), added.ResourceGroupID},
				"state":             {m.State.ValueString(), "normal"},
				"master_status":     {m.MasterStatus.ValueString(), "Ready"},
				"pod_subnet":        {m.PodSubnet.ValueString(), added.PodSubnet},
				"service_subnet":    {m.ServiceSubnet.ValueString(), added.ServiceSubnet},
				"zones":             {m.Zones.String(), strings.ReplaceAll(`["`+added.Zones[1].ID+`","`+added.Zones[0].ID+`"]`, " ", "")},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", attribute, pair[0], pair[1])
				}
			}
			if !strings.HasPrefix(m.Version.ValueString(), added.Version) || m.WorkerCount.ValueInt64() != 4 ||
				m.CRN.IsNull() || m.IngressHostname.IsNull() {
				t.Errorf("version %s, %s workers, CRN %s, ingress %s", m.Version, m.WorkerCount, m.CRN, m.IngressHostname)
			}
			onVPC := added.Provider == fakeiks.VPC
			if len(m.VPCs.Elements()) > 0 != onVPC {
				t.Errorf("vpcs: %v", m.VPCs)
			}
			for name, want := range map[string]bool{"public": !onVPC, "private": onVPC, "vpe": onVPC} {
				if m.Endpoints.Attributes()[name].IsNull() == want {
					t.Errorf("endpoint %s: %s", name, m.Endpoints.Attributes()[name])
				}
			}
		})
	}
}

func TestWorkerPools(t *testing.T) {
	t.Parallel()
	for _, provider := range []fakeiks.Provider{fakeiks.Classic, fakeiks.VPC} {
		t.Run(string(provider), func(t *testing.T) {
			t.Parallel()
			c, added := find(t, fakeiks.Cluster{
				Provider: provider, Zones: []fakeiks.Zone{{ID: "z2"}, {ID: "z1"}},
				Pools: []fakeiks.WorkerPool{
					{Name: "work", PerZone: 1, Zones: []string{"z1"}, Autoscale: true},
					{
						Name: "edge", PerZone: 3, Labels: map[string]string{"dedicated": "edge"},
						Taints: map[string]string{"dedicated": "edge:NoExecute", "alone": ":NoSchedule"},
					},
				},
			})
			var m poolsModel
			if err := readPools(t.Context(), c, &m); err != nil {
				t.Fatal(err)
			}
			fits(t, NewWorkerPoolsDataSource()(), &m)
			if len(m.Pools) != 2 {
				t.Fatalf("got %+v", m.Pools)
			}
			edge, work := m.Pools[0], m.Pools[1]
			text := types.StringValue
			if want := []taintModel{{text("alone"), text(""), text("NoSchedule")}, {text("dedicated"), text("edge"), text("NoExecute")}}; !reflect.DeepEqual(edge.Taints, want) {
				t.Errorf("taints: %+v, want %+v", edge.Taints, want)
			}
			three := types.Int64Value(3)
			if want := []zoneModel{{text("z1"), three}, {text("z2"), three}}; !reflect.DeepEqual(edge.Zones, want) {
				t.Errorf("zones: %+v, want %+v", edge.Zones, want)
			}
			if edge.Name != text("edge") || edge.WorkersPerZone != three || edge.Autoscaled.ValueBool() ||
				!reflect.DeepEqual(edge.Labels, map[string]string{"dedicated": "edge"}) || edge.ID != text(added.Pools[1].ID) {
				t.Errorf("edge: %+v", edge)
			}
			if work.Name != text("work") || !work.Autoscaled.ValueBool() || len(work.Taints) != 0 || len(work.Labels) != 0 || len(work.Zones) != 1 {
				t.Errorf("work: %+v", work)
			}
		})
	}
}
