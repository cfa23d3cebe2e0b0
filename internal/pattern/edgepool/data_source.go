package edgepool

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// NewDataSource makes the data source iks_edge_nodes.
func NewDataSource() func() datasource.DataSource {
	return framework.NewDataSource(framework.Lookup[nodesModel]{
		Name: "edge_nodes", Schema: nodesSchema(), Read: readNodes,
	})
}

type nodesModel struct {
	framework.CommonData
	WorkerPool types.String `tfsdk:"worker_pool"`
	Nodes      []nodeModel  `tfsdk:"nodes"`
}

type nodeModel struct {
	Name        string   `tfsdk:"name"`
	Zone        string   `tfsdk:"zone"`
	WorkerPool  string   `tfsdk:"worker_pool"`
	InternalIP  string   `tfsdk:"internal_ip"`
	ExternalIP  string   `tfsdk:"external_ip"`
	Ready       bool     `tfsdk:"ready"`
	Schedulable bool     `tfsdk:"schedulable"`
	Edge        bool     `tfsdk:"edge"`
	Taints      []string `tfsdk:"taints"`
	CreatedAt   string   `tfsdk:"created_at"`
}

func nodesSchema() schema.Schema {
	text := func(what string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: what}
	}
	flag := func(what string) schema.BoolAttribute {
		return schema.BoolAttribute{Computed: true, MarkdownDescription: what}
	}
	return schema.Schema{
		MarkdownDescription: "The edge nodes of a cluster, one by one. Classic and VPC clusters.",
		Attributes: map[string]schema.Attribute{
			"worker_pool": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name or ID of a worker pool, all of whose nodes are given, whether they bear the label or not. Without it, all nodes of the cluster are given that bear the label `dedicated=edge`.",
				Validators:          []validator.String{stringvalidator.LengthBetween(1, 253)},
			},
			"nodes": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The nodes, sorted by name; names that are IP addresses, by number.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name":        text("Name of the node; on IBM Cloud its private IP address."),
					"zone":        text("Zone, such as `dal10` or `us-south-1`; `" + noZone + "` if the node says none."),
					"worker_pool": text("Name of its worker pool; empty for nodes that IKS does not run."),
					"internal_ip": text("Private IP address."),
					"external_ip": text("Public IP address; empty on VPC and on nodes without a public VLAN."),
					"ready":       flag("Whether it is ready."),
					"schedulable": flag("Whether it takes new pods; `false` for a node that is cordoned."),
					"edge":        flag("Whether it bears the label `dedicated=edge`."),
					"taints":      schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "All of its taints as `key=value:effect`, whoever set them."},
					"created_at":  text("When it joined the cluster, as RFC 3339 in UTC."),
				}},
			},
		},
	}
}

// readNodes lists the nodes: one LIST, and one GET of the pool if one is named.
func readNodes(ctx context.Context, c *cluster.Cluster, m *nodesModel) error {
	s := scope{selector: map[string]string{markKey: markValue}}
	if pool := m.WorkerPool.ValueString(); pool != "" {
		var err error
		s, err = scopeOf(ctx, c, declaration{pool: pool})
		if iks.IsNotFound(err) {
			return framework.Refuse(path.Root("worker_pool"), "The worker pool does not exist", fmt.Sprintf("Cluster %s has no worker pool %q.", c.Name, pool))
		}
		if err != nil {
			return err
		}
	}
	conn, err := c.Kube(ctx)
	if err != nil {
		return err
	}
	found, err := kube.CachedList(ctx, conn, kube.Nodes, s.listOptions())
	if err != nil {
		return fmt.Errorf("listing edge nodes: %w", err)
	}
	m.Nodes = []nodeModel{}
	for _, n := range s.nodes(found) {
		m.Nodes = append(m.Nodes, nodeOf(n))
	}
	return nil
}

func nodeOf(n *corev1.Node) nodeModel {
	out := nodeModel{
		Name: n.Name, Zone: zoneOf(n), WorkerPool: n.Labels[poolNameLabel],
		InternalIP: addressOf(n, corev1.NodeInternalIP), ExternalIP: addressOf(n, corev1.NodeExternalIP),
		Ready: ready(n), Schedulable: !n.Spec.Unschedulable, Edge: isEdge(n),
		Taints: []string{}, CreatedAt: n.CreationTimestamp.UTC().Format(time.RFC3339),
	}
	for i := range n.Spec.Taints {
		out.Taints = append(out.Taints, n.Spec.Taints[i].ToString())
	}
	return out
}
