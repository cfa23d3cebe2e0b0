package edgepool

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// effectsByMode plans the default of taint_effects, which depends on how the
// nodes are selected. It stays unknown where that is.
type effectsByMode struct{}

// Description says what it does.
func (effectsByMode) Description(context.Context) string {
	return "defaults to NoExecute with worker_pool, to both effects otherwise"
}

// MarkdownDescription says what it does.
func (e effectsByMode) MarkdownDescription(ctx context.Context) string { return e.Description(ctx) }

// PlanModifySet plans the default.
func (effectsByMode) PlanModifySet(ctx context.Context, req planmodifier.SetRequest, resp *planmodifier.SetResponse) {
	if !req.ConfigValue.IsNull() {
		return
	}
	var pool types.String
	var names types.Set
	var selector types.Map
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("worker_pool"), &pool)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("node_names"), &names)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("node_selector"), &selector)...)
	if resp.Diagnostics.HasError() {
		return
	}
	byPool := !pool.IsNull()
	if pool.IsUnknown() {
		if names.IsUnknown() || selector.IsUnknown() {
			return // any of them may turn out to be null
		}
		byPool = names.IsNull() && selector.IsNull()
	}
	var m model
	m.setEffects(defaultEffects(byPool))
	resp.PlanValue = m.TaintEffects
}

// duration accepts what time.ParseDuration does, above zero.
type duration struct{}

// Description says what is accepted.
func (duration) Description(context.Context) string {
	return "a duration above zero, such as 10m or 1h30m"
}

// MarkdownDescription says what is accepted.
func (d duration) MarkdownDescription(ctx context.Context) string { return d.Description(ctx) }

// ValidateString checks the duration.
func (d duration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if v, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || v <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "This is not a duration",
			fmt.Sprintf("%q is not %s.", req.ConfigValue.ValueString(), d.Description(ctx)))
	}
}
