package privateingress

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// classByDefault plans the class that a configuration leaves out: the one of the
// state, unless the last refresh found something changed. Then it is found anew,
// because the ALBs may serve another class now.
type classByDefault struct{}

// Description implements planmodifier.Describer.
func (classByDefault) Description(context.Context) string {
	return "the class that the private ALBs serve, where it is left out"
}

// MarkdownDescription implements planmodifier.Describer.
func (c classByDefault) MarkdownDescription(ctx context.Context) string { return c.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (classByDefault) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.ConfigValue.IsNull() || req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	var drift types.List
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("drift"), &drift)...)
	var cluster, planned types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("cluster"), &cluster)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("cluster"), &planned)...)
	switch {
	case len(drift.Elements()) > 0 || !planned.Equal(cluster):
		resp.PlanValue = types.StringUnknown()
	default:
		resp.PlanValue = req.StateValue
	}
}
