package nodeportguard

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestOrderByDefault(t *testing.T) {
	t.Parallel()
	var described resource.SchemaResponse
	NewResource()().Schema(t.Context(), resource.SchemaRequest{}, &described)
	for name, test := range map[string]struct {
		config types.Float64
		last   types.Bool
		want   types.Float64
	}{
		"left out":                     {types.Float64Null(), types.BoolValue(false), types.Float64Value(1100)},
		"written out":                  {types.Float64Value(1100), types.BoolValue(false), types.Float64Value(1100)},
		"another one":                  {types.Float64Value(900), types.BoolValue(false), types.Float64Value(900)},
		"not known":                    {types.Float64Unknown(), types.BoolValue(false), types.Float64Unknown()},
		"evaluated last":               {types.Float64Null(), types.BoolValue(true), types.Float64Null()},
		"nobody knows whether it's so": {types.Float64Null(), types.BoolUnknown(), types.Float64Unknown()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := tfsdk.Plan{Schema: described.Schema, Raw: tftypes.NewValue(described.Schema.Type().TerraformType(t.Context()), nil)}
			if d := plan.SetAttribute(t.Context(), path.Root("evaluate_last"), test.last); d.HasError() {
				t.Fatal(d)
			}
			// What the state had before does not matter.
			resp := planmodifier.Float64Response{PlanValue: types.Float64Value(7)}
			if !test.config.IsNull() {
				resp.PlanValue = test.config
			}
			orderByDefault{}.PlanModifyFloat64(t.Context(), planmodifier.Float64Request{ConfigValue: test.config, PlanValue: resp.PlanValue, Plan: plan}, &resp)
			if resp.Diagnostics.HasError() || !resp.PlanValue.Equal(test.want) {
				t.Errorf("planned is %v, want %v; %v", resp.PlanValue, test.want, resp.Diagnostics)
			}
		})
	}
}
