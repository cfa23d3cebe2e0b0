package networkpolicy

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// described is the part of plan modifiers that says what they do.
type described string

// Description implements planmodifier.Describer.
func (d described) Description(context.Context) string { return string(d) }

// MarkdownDescription implements planmodifier.Describer.
func (d described) MarkdownDescription(context.Context) string { return string(d) }

// sameName keeps the name as the state spells it: with or without the prefix of
// its tier.
type sameName struct{ described }

// PlanModifyString implements planmodifier.String.
func (sameName) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.PlanValue.Equal(req.StateValue) || req.StateValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	var before, after types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("tier"), &before)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("tier"), &after)...)
	same := calico.PolicyName(before.ValueString(), req.StateValue.ValueString()) == calico.PolicyName(after.ValueString(), req.PlanValue.ValueString())
	if same && before.Equal(after) {
		resp.PlanValue = req.StateValue
	}
}

// sameSelector keeps a selector as the state spells it.
type sameSelector struct{ described }

// PlanModifyString implements planmodifier.String.
func (sameSelector) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	known := !req.StateValue.IsNull() && !req.PlanValue.IsNull() && !req.PlanValue.IsUnknown()
	if known && calico.SameSelector(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}

// sameRules keeps each rule as the state spells it that means the same. An
// import cannot know how a configuration spells them.
type sameRules struct{ described }

// PlanModifyList implements planmodifier.List.
func (sameRules) PlanModifyList(_ context.Context, req planmodifier.ListRequest, resp *planmodifier.ListResponse) {
	if req.PlanValue.IsUnknown() || req.PlanValue.Equal(req.StateValue) {
		return
	}
	before, after := req.StateValue.Elements(), req.PlanValue.Elements()
	for i := range min(len(before), len(after)) {
		if sameRule(before[i], after[i]) {
			after[i] = before[i]
		}
	}
	list, d := types.ListValue(ruleType(), after)
	resp.Diagnostics.Append(d...)
	resp.PlanValue = list
}

// sameRule tells whether two rules mean the same and say it with the same
// attributes: Terraform takes an earlier spelling of a value for a later one,
// but no value for none.
func sameRule(a, b attr.Value) bool {
	var r reader
	rules := [2]v3.Rule{r.rule(path.Empty(), a), r.rule(path.Empty(), b)}
	if r.unknown || len(r.problems) > 0 || !sayTheSame(a, b) {
		return false
	}
	return calico.Equal(calico.Spec{Ingress: rules[:1]}, calico.Spec{Ingress: rules[1:]})
}

// sayTheSame tells whether two values have the same attributes set.
func sayTheSame(a, b attr.Value) bool {
	if a.IsNull() != b.IsNull() {
		return false
	}
	one, isObject := a.(types.Object)
	other, _ := b.(types.Object)
	if !isObject {
		return true
	}
	fields := other.Attributes()
	for name, value := range one.Attributes() {
		if !sayTheSame(value, fields[name]) {
			return false
		}
	}
	return true
}

// typesByDefault plans the types that a configuration leaves out, as Calico
// fills them in.
type typesByDefault struct{ described }

// PlanModifySet implements planmodifier.Set. It only counts the rules: turning
// them into attributes is most of what a plan of many policies costs.
func (typesByDefault) PlanModifySet(_ context.Context, req planmodifier.SetRequest, resp *planmodifier.SetResponse) {
	if !req.ConfigValue.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var fields map[string]tftypes.Value
	var ingress, egress []tftypes.Value
	if req.Plan.Raw.As(&fields) != nil || !fields["ingress"].IsKnown() || !fields["egress"].IsKnown() ||
		fields["ingress"].As(&ingress) != nil || fields["egress"].As(&egress) != nil {
		return
	}
	spec := calico.Defaulted(calico.Spec{Ingress: make([]v3.Rule, len(ingress)), Egress: make([]v3.Rule, len(egress))})
	resp.PlanValue = typesValue(spec.Types)
}
