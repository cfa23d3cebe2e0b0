package nodeportguard

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestSamePorts(t *testing.T) {
	t.Parallel()
	list := func(texts ...string) types.List {
		return types.ListValueMust(types.StringType, stringValues(texts...))
	}
	sorted := list("80", "30000:32767")
	for name, test := range map[string]struct {
		state, plan types.List
		kept        bool
	}{
		"the same":              {sorted, list("80", "30000:32767"), true},
		"in another order":      {sorted, list("30000:32767", "80"), true},
		"in other ranges":       {sorted, list("30000:30099", "30100:32767", "80:80"), true},
		"one more":              {sorted, list("30000:32767", "80", "443"), false},
		"one less":              {sorted, list("30000:32767"), false},
		"not known":             {sorted, types.ListUnknown(types.StringType), false},
		"an element not known":  {sorted, types.ListValueMust(types.StringType, []attr.Value{types.StringUnknown()}), false},
		"no range":              {sorted, list("eighty"), false},
		"nothing in the state":  {types.ListNull(types.StringType), list("80"), false},
		"wrong both in the end": {list("x"), list("y"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := planmodifier.ListResponse{PlanValue: test.plan}
			samePorts{}.PlanModifyList(t.Context(), planmodifier.ListRequest{StateValue: test.state, PlanValue: test.plan}, &resp)
			want := test.plan
			if test.kept {
				want = test.state
			}
			if !resp.PlanValue.Equal(want) {
				t.Errorf("planned %s, want %s", resp.PlanValue, want)
			}
		})
	}
}
