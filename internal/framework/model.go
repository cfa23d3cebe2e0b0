package framework

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Common are the attributes that every resource has. A part embeds it in its model.
type Common struct {
	Cluster   types.String   `tfsdk:"cluster"`
	ClusterID types.String   `tfsdk:"cluster_id"`
	Ready     types.Bool     `tfsdk:"ready"`
	Drift     types.List     `tfsdk:"drift"`
	Timeouts  timeouts.Value `tfsdk:"timeouts"`
}

// CommonAttributes gives the engine access to the embedded attributes.
func (c *Common) CommonAttributes() *Common { return c }

// ModelOf is a pointer to a model M that embeds Common.
type ModelOf[M any] interface {
	*M
	CommonAttributes() *Common
}

// maxDrift is how many drift sentences a state carries: more than a person
// reads, few enough for a plan of a thousand nodes to stay readable.
const maxDrift = 50

// driftList shortens the sentences to maxDrift and says how many are left out.
func driftList(sentences []string) types.List {
	elements := make([]attr.Value, 0, min(len(sentences), maxDrift+1))
	for i, s := range sentences {
		if i == maxDrift {
			elements = append(elements, types.StringValue(fmt.Sprintf("and %d more", len(sentences)-maxDrift)))
			break
		}
		elements = append(elements, types.StringValue(s))
	}
	return types.ListValueMust(types.StringType, elements)
}

// Strings reads a list or set of strings that is wholly known; null gives nil.
func Strings(ctx context.Context, v interface {
	ElementsAs(context.Context, any, bool) diags
	IsNull() bool
},
) ([]string, error) {
	if v.IsNull() {
		return nil, nil
	}
	var out []string
	if d := v.ElementsAs(ctx, &out, false); d.HasError() {
		return nil, fmt.Errorf("%s: %s", d.Errors()[0].Summary(), d.Errors()[0].Detail())
	}
	return out, nil
}

// StringList makes a list of strings; nil gives an empty list, never null.
func StringList(values []string) types.List {
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.StringValue(v)
	}
	return types.ListValueMust(types.StringType, elements)
}

// StringOrNull makes a string of what an API left out: "" gives null.
func StringOrNull(value string) types.String {
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}
