package nodeportguard

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// samePorts keeps the ports as the state spells them where the configuration
// means the same ones: in another order, or divided into other ranges. An
// import cannot know how they are spelled.
type samePorts struct{}

// Description implements planmodifier.Describer.
func (samePorts) Description(context.Context) string {
	return "the same ports in another order are no change"
}

// MarkdownDescription implements planmodifier.Describer.
func (s samePorts) MarkdownDescription(ctx context.Context) string { return s.Description(ctx) }

// PlanModifyList implements planmodifier.List.
func (samePorts) PlanModifyList(_ context.Context, req planmodifier.ListRequest, resp *planmodifier.ListResponse) {
	before, ok := readPorts(req.StateValue)
	if !ok {
		return
	}
	if after, ok := readPorts(req.PlanValue); ok && slices.Equal(before, after) {
		resp.PlanValue = req.StateValue
	}
}

// readPorts reads a list of port ranges. ok is false where it is null, not
// wholly known, or wrong.
func readPorts(list types.List) (set hostguard.Ports, ok bool) {
	if list.IsNull() || list.IsUnknown() {
		return nil, false
	}
	var ranges []hostguard.PortRange
	for _, element := range list.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsNull() || text.IsUnknown() {
			return nil, false
		}
		r, err := hostguard.ParsePortRange(text.ValueString())
		if err != nil {
			return nil, false
		}
		ranges = append(ranges, r)
	}
	return hostguard.PortsOf(ranges), true
}
