package framework

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Replacing is a Part some of whose changes cannot be made in place.
type Replacing[M any] interface {
	// Replaces says which changes from prior to want need the object to be
	// removed and made anew: a warning at the attribute of each, with the reason.
	// It goes by its arguments alone; values in want may be unknown.
	Replaces(prior, want *M) []Problem
}

// replacement plans a replacement where the part wants one, and says why. done
// is false where an update will do.
func (e *engine[M, P]) replacement(ctx context.Context, state attributeGetter, resp *resource.ModifyPlanResponse, prior, want *M) (done bool) {
	part, ok := e.part.(Replacing[M])
	if !ok {
		return false
	}
	reasons := part.Replaces(prior, want)
	for _, reason := range reasons {
		resp.RequiresReplace = append(resp.RequiresReplace, reason.Path)
		resp.Diagnostics.Append(reason.diagnostic())
	}
	if len(reasons) == 0 {
		return false
	}
	// Under another key it comes to where the one that goes has never been.
	if place := e.place(ctx, resp.Plan, P(want)); place == e.place(ctx, state, P(want)) {
		e.provider.replaced.Store(place, true)
	}
	resp.Diagnostics.Append(forget(ctx, &resp.Plan)...)
	return true
}

// replaces tells whether a new object comes in the place of one that this very
// run removes first: Terraform plans the two halves one after the other.
func (e *engine[M, P]) replaces(ctx context.Context, resp *resource.ModifyPlanResponse, want *M) bool {
	_, there := e.provider.replaced.Load(e.place(ctx, resp.Plan, P(want)))
	return there
}

// place is the cluster as it is written and the key of an object.
func (e *engine[M, P]) place(ctx context.Context, from attributeGetter, want P) string {
	parts := []string{e.about.Name, want.CommonAttributes().Cluster.ValueString()}
	for _, key := range e.about.Key {
		var value types.String
		if d := from.GetAttribute(ctx, path.Root(key), &value); d.HasError() {
			continue
		}
		parts = append(parts, value.ValueString())
	}
	return strings.Join(parts, ",")
}
