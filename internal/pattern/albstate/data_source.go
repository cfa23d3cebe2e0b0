package albstate

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// listModel is the data source iks_albs.
type listModel struct {
	framework.CommonData
	Type types.String `tfsdk:"type"`
	Zone types.String `tfsdk:"zone"`
	ALBs types.List   `tfsdk:"albs"`
}

// NewDataSource makes the data source iks_albs.
func NewDataSource() func() datasource.DataSource {
	return framework.NewDataSource(framework.Lookup[listModel]{
		Name:   "albs",
		Schema: listSchema(),
		Read:   readList,
	})
}

func listSchema() schema.Schema {
	attributes := map[string]schema.Attribute{}
	for name, description := range albDescriptions() {
		if name == "enabled" {
			attributes[name] = schema.BoolAttribute{Computed: true, MarkdownDescription: description}
			continue
		}
		attributes[name] = schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return schema.Schema{
		MarkdownDescription: "Lists the Ingress ALBs of a cluster, the disabled ones and those that run a controller of your own as well. Works on classic and on VPC clusters; the address is an IP on classic and a hostname on VPC.",
		Attributes: map[string]schema.Attribute{
			"type": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only ALBs of this type, `public` or `private`. Default: both.",
				Validators:          []validator.String{stringvalidator.OneOf(iks.ALBPublic, iks.ALBPrivate)},
			},
			"zone": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only ALBs of this zone, for example `dal10` (classic) or `us-south-1` (VPC). Default: every zone.",
				Validators:          []validator.String{stringvalidator.LengthBetween(1, 63)},
			},
			"albs": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The ALBs, sorted by ID. Empty if there is none.",
				NestedObject:        schema.NestedAttributeObject{Attributes: attributes},
			},
		},
	}
}

func readList(ctx context.Context, c *cluster.Cluster, m *listModel) error {
	all, err := c.ALBs(ctx)
	if err != nil {
		return err
	}
	var albs []iks.ALB
	for _, a := range all {
		if (m.Type.IsNull() || a.Type == m.Type.ValueString()) && (m.Zone.IsNull() || a.Zone == m.Zone.ValueString()) {
			albs = append(albs, a)
		}
	}
	m.ALBs = albList(sorted(albs))
	return nil
}
