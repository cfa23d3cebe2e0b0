package nodeportguard

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// orderByDefault plans the order that a configuration leaves out: the default
// one, or none for a policy that is evaluated last. So the state has the order
// that the policy has, whether the configuration writes it out or not.
type orderByDefault struct{}

// Description implements planmodifier.Describer.
func (orderByDefault) Description(context.Context) string {
	return "1100 where it is left out, and none with evaluate_last = true"
}

// MarkdownDescription implements planmodifier.Describer.
func (o orderByDefault) MarkdownDescription(ctx context.Context) string { return o.Description(ctx) }

// PlanModifyFloat64 implements planmodifier.Float64.
func (orderByDefault) PlanModifyFloat64(ctx context.Context, req planmodifier.Float64Request, resp *planmodifier.Float64Response) {
	if !req.ConfigValue.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var last types.Bool
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("evaluate_last"), &last)...)
	resp.PlanValue = defaultOrderUnless(last)
}

// defaultOrderUnless is the order of a policy for which none is declared.
func defaultOrderUnless(last types.Bool) types.Float64 {
	switch {
	case last.IsUnknown():
		return types.Float64Unknown()
	case last.ValueBool():
		return types.Float64Null()
	}
	return types.Float64Value(defaultOrder)
}
