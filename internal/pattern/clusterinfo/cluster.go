package clusterinfo

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// clusterModel is the data source iks_cluster.
type clusterModel struct {
	framework.CommonData
	Name            types.String `tfsdk:"name"`
	Type            types.String `tfsdk:"type"`
	Infrastructure  types.String `tfsdk:"infrastructure"`
	Region          types.String `tfsdk:"region"`
	Zones           types.List   `tfsdk:"zones"`
	ResourceGroupID types.String `tfsdk:"resource_group_id"`
	CRN             types.String `tfsdk:"crn"`
	Version         types.String `tfsdk:"version"`
	State           types.String `tfsdk:"state"`
	MasterStatus    types.String `tfsdk:"master_status"`
	WorkerCount     types.Int64  `tfsdk:"worker_count"`
	Endpoints       types.Object `tfsdk:"endpoints"`
	IngressHostname types.String `tfsdk:"ingress_hostname"`
	PodSubnet       types.String `tfsdk:"pod_subnet"`
	ServiceSubnet   types.String `tfsdk:"service_subnet"`
	VPCs            types.List   `tfsdk:"vpcs"`
}

// NewClusterDataSource makes the data source iks_cluster.
func NewClusterDataSource() func() datasource.DataSource {
	return framework.NewDataSource(framework.Lookup[clusterModel]{
		Name:   "cluster",
		Schema: clusterSchema(),
		Read:   readCluster,
	})
}

func clusterSchema() schema.Schema {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return schema.Schema{
		MarkdownDescription: "What IKS knows of a cluster, classic or VPC. Needs a cluster that IKS runs, not one of the provider's `cluster_access`.",
		Attributes: map[string]schema.Attribute{
			"name":              text("Name of the cluster."),
			"type":              text("`kubernetes` or `openshift`."),
			"infrastructure":    text("What the workers run on: `classic` or `vpc-gen2`."),
			"region":            text("Region, for example `us-south`."),
			"zones":             schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Zones that have workers, sorted: for example `dal10` (classic) or `us-south-1` (VPC)."},
			"resource_group_id": text("ID of the resource group."),
			"crn":               text("Cloud resource name."),
			"version":           text("Version of Kubernetes on the master with IKS's build, for example `1.33.4_1534`."),
			"state":             text("State of the cluster in IKS's words, `normal` when all is well."),
			"master_status":     text("Status of the master in IKS's words, `Ready` when all is well."),
			"worker_count":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of workers."},
			"endpoints": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Addresses of the API server, as URLs. Null where the endpoint is switched off.",
				Attributes: map[string]schema.Attribute{
					"public":  text("Public service endpoint."),
					"private": text("Private service endpoint, reached from IBM Cloud's private network."),
					"vpe":     text("Virtual private endpoint gateway (VPC only)."),
				},
			},
			"ingress_hostname": text("Ingress subdomain that IKS registered for the public ALBs. Null if there is none."),
			"pod_subnet":       text("CIDR of the pods."),
			"service_subnet":   text("CIDR of the services."),
			"vpcs":             schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "IDs of the VPCs that the workers are in; empty on classic."},
		},
	}
}

func readCluster(_ context.Context, c *cluster.Cluster, m *clusterModel) error {
	_, facts, err := c.IKS("the data source iks_cluster")
	if err != nil {
		return err
	}
	m.Name = types.StringValue(facts.Name)
	m.Type = framework.StringOrNull(facts.Type)
	m.Infrastructure = framework.StringOrNull(string(facts.Infrastructure))
	m.Region = framework.StringOrNull(facts.Region)
	m.Zones = sortedList(facts.Zones)
	m.ResourceGroupID = framework.StringOrNull(facts.ResourceGroupID)
	m.CRN = framework.StringOrNull(facts.CRN)
	m.Version = framework.StringOrNull(facts.Version)
	m.State = framework.StringOrNull(facts.State)
	m.MasterStatus = framework.StringOrNull(facts.MasterStatus)
	m.WorkerCount = types.Int64Value(int64(facts.WorkerCount))
	m.Endpoints = endpoints(facts.Endpoints)
	m.IngressHostname = framework.StringOrNull(facts.IngressHostname)
	m.PodSubnet = framework.StringOrNull(facts.PodSubnet)
	m.ServiceSubnet = framework.StringOrNull(facts.ServiceSubnet)
	m.VPCs = sortedList(facts.VPCs)
	return nil
}

// endpoints leaves out the URLs of endpoints that are switched off, which IKS
// shows as well.
func endpoints(e iks.Endpoints) types.Object {
	url := func(enabled bool, url string) attr.Value {
		if !enabled {
			return types.StringNull()
		}
		return framework.StringOrNull(url)
	}
	return types.ObjectValueMust(
		map[string]attr.Type{"public": types.StringType, "private": types.StringType, "vpe": types.StringType},
		map[string]attr.Value{
			"public":  url(e.PublicEnabled, e.PublicURL),
			"private": url(e.PrivateEnabled, e.PrivateURL),
			"vpe":     framework.StringOrNull(e.VPEURL),
		})
}

func sortedList(values []string) types.List {
	return framework.StringList(slices.Sorted(slices.Values(values)))
}
