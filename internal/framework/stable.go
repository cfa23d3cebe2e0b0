package framework

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// forget marks what the apply will observe anew as unknown, but for what is kept.
func forget(ctx context.Context, plan *tfsdk.Plan, keep ...string) diags {
	var out diags
	for name, attribute := range plan.Schema.GetAttributes() {
		if name == "drift" || slices.Contains(keep, name) || !attribute.IsComputed() || attribute.IsOptional() {
			continue
		}
		out.Append(setRaw(ctx, plan, attribute.GetType(), name, unknownOf(ctx, attribute.GetType()))...)
	}
	return out
}

// keepStable plans the Stable attributes with the value that they have in the
// state, as far as the update leaves them alone and they have one, so that what
// is built upon them is not updated for nothing.
func (e *engine[M, P]) keepStable(ctx context.Context, plan *tfsdk.Plan, state tfsdk.State, prior, want *M) diags {
	var out diags
	var has map[string]tftypes.Value
	if err := state.Raw.As(&has); err != nil {
		out.AddError("The plan could not be made", err.Error())
		return out
	}
	var upset []string
	if part, ok := e.part.(Unsteady[M]); ok {
		upset = part.Upsets(prior, want)
	}
	for _, name := range e.about.Stable {
		value, kind := has[name], plan.Schema.GetAttributes()[name].GetType()
		if value.IsNull() || slices.Contains(upset, name) {
			value = unknownOf(ctx, kind)
		}
		out.Append(setRaw(ctx, plan, kind, name, value)...)
	}
	return out
}

// dropStable takes the Stable attributes out of a state whose object is gone: made
// anew, it has others.
func (e *engine[M, P]) dropStable(ctx context.Context, state *tfsdk.State) diags {
	var out diags
	for _, name := range e.about.Stable {
		kind := state.Schema.GetAttributes()[name].GetType()
		out.Append(setRaw(ctx, state, kind, name, tftypes.NewValue(kind.TerraformType(ctx), nil))...)
	}
	return out
}

// asPlanned gives every attribute that was planned as known that very value,
// whatever was observed: Terraform holds an update to it. What has become of it
// meanwhile is for the next refresh to tell.
func asPlanned(plan tfsdk.Plan, state *tfsdk.State) diags {
	var out diags
	var planned, saved map[string]tftypes.Value
	if err := plan.Raw.As(&planned); err != nil {
		out.AddError("The state could not be saved", err.Error())
		return out
	}
	if err := state.Raw.As(&saved); err != nil {
		out.AddError("The state could not be saved", err.Error())
		return out
	}
	for name, value := range planned {
		if value.IsFullyKnown() {
			saved[name] = value
		}
	}
	state.Raw = tftypes.NewValue(state.Raw.Type(), saved)
	return out
}

func unknownOf(ctx context.Context, t attr.Type) tftypes.Value {
	return tftypes.NewValue(t.TerraformType(ctx), tftypes.UnknownValue)
}

// setRaw sets one attribute, of that type, of a plan or a state.
func setRaw(ctx context.Context, of attributeSetter, kind attr.Type, name string, raw tftypes.Value) diags {
	value, err := kind.ValueFromTerraform(ctx, raw)
	if err != nil {
		var out diags
		out.AddAttributeError(path.Root(name), "An attribute could not be set", err.Error())
		return out
	}
	return of.SetAttribute(ctx, path.Root(name), value)
}
