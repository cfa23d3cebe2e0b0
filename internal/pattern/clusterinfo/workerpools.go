package clusterinfo

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// poolsModel is the data source iks_worker_pools.
type poolsModel struct {
	framework.CommonData
	Pools []poolModel `tfsdk:"pools"`
}

type poolModel struct {
	ID             types.String      `tfsdk:"id"`
	Name           types.String      `tfsdk:"name"`
	State          types.String      `tfsdk:"state"`
	Flavor         types.String      `tfsdk:"flavor"`
	Labels         map[string]string `tfsdk:"labels"`
	SystemLabels   map[string]string `tfsdk:"system_labels"`
	Taints         []taintModel      `tfsdk:"taints"`
	WorkersPerZone types.Int64       `tfsdk:"workers_per_zone"`
	Autoscaled     types.Bool        `tfsdk:"autoscaled"`
	Zones          []zoneModel       `tfsdk:"zones"`
}

type taintModel struct {
	Key    types.String `tfsdk:"key"`
	Value  types.String `tfsdk:"value"`
	Effect types.String `tfsdk:"effect"`
}

type zoneModel struct {
	ID          types.String `tfsdk:"id"`
	WorkerCount types.Int64  `tfsdk:"worker_count"`
}

// NewWorkerPoolsDataSource makes the data source iks_worker_pools.
func NewWorkerPoolsDataSource() func() datasource.DataSource {
	return framework.NewDataSource(framework.Lookup[poolsModel]{
		Name:   "worker_pools",
		Schema: poolsSchema(),
		Read:   readPools,
	})
}

func poolsSchema() schema.Schema {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	labels := func(description string) schema.MapAttribute {
		return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	pool := map[string]schema.Attribute{
		"id":            text("ID of the pool."),
		"name":          text("Name of the pool."),
		"state":         text("State of the pool in IKS's words, `normal` or `active` when all is well."),
		"flavor":        text("Machine type, for example `b3c.4x16` (classic) or `bx2.4x16` (VPC)."),
		"labels":        labels("Labels that users gave the pool; its nodes carry them."),
		"system_labels": labels("Labels that IKS gave the pool."),
		"taints": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "Taints of the pool, sorted by key; its nodes carry them. IKS keeps one effect for each key.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"key":    text("Key."),
				"value":  text("Value."),
				"effect": text("`NoSchedule`, `PreferNoSchedule` or `NoExecute`."),
			}},
		},
		"workers_per_zone": number("Number of workers that is asked for in each zone."),
		"autoscaled":       schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the cluster autoscaler moves `workers_per_zone`."},
		"zones": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "Zones of the pool, sorted by ID.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"id":           text("Zone, for example `dal10` (classic) or `us-south-1` (VPC)."),
				"worker_count": number("Number of workers in the zone."),
			}},
		},
	}
	return schema.Schema{
		MarkdownDescription: "Lists the worker pools of a cluster, classic or VPC, as IKS knows them. Needs a cluster that IKS runs, not one of the provider's `cluster_access`.",
		Attributes: map[string]schema.Attribute{
			"pools": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The worker pools, sorted by name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: pool},
			},
		},
	}
}

func readPools(ctx context.Context, c *cluster.Cluster, m *poolsModel) error {
	api, facts, err := c.IKS("the data source iks_worker_pools")
	if err != nil {
		return err
	}
	pools, err := api.WorkerPools(ctx, facts)
	if err != nil {
		return err
	}
	slices.SortFunc(pools, func(a, b iks.WorkerPool) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	m.Pools = make([]poolModel, len(pools))
	for i, p := range pools {
		m.Pools[i] = pool(p)
	}
	return nil
}

func pool(p iks.WorkerPool) poolModel {
	m := poolModel{
		ID:             types.StringValue(p.ID),
		Name:           types.StringValue(p.Name),
		State:          framework.StringOrNull(p.State),
		Flavor:         framework.StringOrNull(p.Flavor),
		Labels:         p.Labels,
		SystemLabels:   p.SystemLabels,
		Taints:         []taintModel{},
		WorkersPerZone: types.Int64Value(int64(p.WorkersPerZone)),
		Autoscaled:     types.BoolValue(p.Autoscaled),
		Zones:          []zoneModel{},
	}
	for _, key := range slices.Sorted(maps.Keys(p.Taints)) {
		t := p.Taints[key]
		m.Taints = append(m.Taints, taintModel{Key: types.StringValue(key), Value: types.StringValue(t.Value), Effect: framework.StringOrNull(t.Effect)})
	}
	slices.SortFunc(p.Zones, func(a, b iks.PoolZone) int { return cmp.Compare(a.ID, b.ID) })
	for _, z := range p.Zones {
		m.Zones = append(m.Zones, zoneModel{ID: types.StringValue(z.ID), WorkerCount: types.Int64Value(int64(z.WorkerCount))})
	}
	return m
}
