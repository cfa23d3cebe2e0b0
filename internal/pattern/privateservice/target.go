package privateservice

import (
	"context"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// targetByDefault plans the number of the port itself where no target port is
// declared, so that a Service has the same state whether its author wrote that
// number down or not.
type targetByDefault struct{}

func (targetByDefault) Description(context.Context) string {
	return "Without a target port the port's own number is taken."
}

func (m targetByDefault) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

func (targetByDefault) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.ConfigValue.IsNull() {
		return
	}
	var number types.Int64
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, req.Path.ParentPath().AtName("port"), &number)...)
	switch {
	case resp.Diagnostics.HasError():
	case number.IsUnknown():
		resp.PlanValue = types.StringUnknown()
	default:
		resp.PlanValue = types.StringValue(strconv.FormatInt(number.ValueInt64(), 10))
	}
}
