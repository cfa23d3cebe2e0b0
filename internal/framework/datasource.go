package framework

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// CommonData are the attributes that every data source has.
type CommonData struct {
	Cluster   types.String `tfsdk:"cluster"`
	ClusterID types.String `tfsdk:"cluster_id"`

	warnings []Problem
}

// Warn shows a problem beside what is read: what a look-up could not find out,
// and why that is no error.
func (c *CommonData) Warn(p Problem) {
	p.Warning = true
	c.warnings = append(c.warnings, p)
}

// CommonAttributes gives the engine access to the embedded attributes.
func (c *CommonData) CommonAttributes() *CommonData { return c }

// DataModelOf is a pointer to a model M that embeds CommonData.
type DataModelOf[M any] interface {
	*M
	CommonAttributes() *CommonData
}

// Lookup is what a data source says of itself.
type Lookup[M any] struct {
	// Name without the provider's prefix.
	Name string
	// Schema holds its own attributes; cluster and cluster_id are added.
	Schema schema.Schema
	// Read fills the model from the cluster.
	Read func(ctx context.Context, c *cluster.Cluster, m *M) error
}

type lookupEngine[M any, P DataModelOf[M]] struct {
	lookup   Lookup[M]
	provider *Provider
}

// NewDataSource makes a Terraform data source of a lookup.
func NewDataSource[M any, P DataModelOf[M]](l Lookup[M]) func() datasource.DataSource {
	return func() datasource.DataSource { return &lookupEngine[M, P]{lookup: l} }
}

func (e *lookupEngine[M, P]) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "iks_" + e.lookup.Name
}

func (e *lookupEngine[M, P]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	s := e.lookup.Schema
	s.Attributes = maps.Clone(s.Attributes)
	s.Attributes["cluster"] = schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "Name or ID of the cluster.",
		Validators:          []validator.String{stringvalidator.LengthBetween(1, 253)},
	}
	s.Attributes["cluster_id"] = schema.StringAttribute{Computed: true, MarkdownDescription: "ID of the cluster."}
	resp.Schema = s
}

func (e *lookupEngine[M, P]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	provider, err := providerFrom(req.ProviderData)
	if err != nil {
		resp.Diagnostics.AddError("The provider is not configured", err.Error())
		return
	}
	e.provider = provider
}

func (e *lookupEngine[M, P]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m M
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	common := P(&m).CommonAttributes()
	c, err := e.provider.Fleet.Find(ctx, common.Cluster.ValueString())
	if err == nil {
		common.ClusterID = types.StringValue(c.ID)
		err = e.lookup.Read(ctx, c, &m)
	}
	for _, w := range common.warnings {
		resp.Diagnostics.Append(w.diagnostic())
	}
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Reading iks_%s of cluster %s failed", e.lookup.Name, common.Cluster.ValueString()), err)...)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
