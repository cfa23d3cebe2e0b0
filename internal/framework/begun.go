package framework

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// An update that fails half way keeps the earlier state, which does not say what
// the update has made already: a worker pool that was labelled, a policy under
// its new name. So what it was about to declare is kept in the private state
// until an update succeeds. The next update starts from there as well as from
// the state, and a removal removes both.
const begunKey = "begun"

// begunDrift is what a state says of an update that was cut off.
const begunDrift = "an update was cut off half way: the next apply finishes it or takes back what it did"

// mostBegun bounds how many different updates are remembered that failed one
// after the other.
const mostBegun = 8

// readBegun gives the declarations of updates that failed half way, oldest first.
func readBegun[M any](ctx context.Context, private privateReader, s schema.Schema) ([]*M, diags) {
	raw, d := private.GetKey(ctx, begunKey)
	if d.HasError() || len(raw) == 0 {
		return nil, d
	}
	var kept [][]byte
	if err := json.Unmarshal(raw, &kept); err != nil {
		d.AddError("The private state is damaged", "What an earlier update was about could not be read: "+err.Error())
		return nil, d
	}
	var out []*M
	for _, packed := range kept {
		value, err := (&tfprotov6.DynamicValue{MsgPack: packed}).Unmarshal(s.Type().TerraformType(ctx))
		if err != nil {
			// A schema of another version: the state alone has to do.
			continue
		}
		var m M
		d.Append((&tfsdk.State{Schema: s, Raw: value}).Get(ctx, &m)...)
		out = append(out, &m)
	}
	return out, d
}

// addBegun remembers one more. An update that was tried before takes the place of
// its earlier try.
func addBegun(ctx context.Context, before privateReader, private privateWriter, s schema.Schema, model any) diags {
	raw, d := before.GetKey(ctx, begunKey)
	var kept [][]byte
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &kept); err != nil {
			kept = nil
		}
	}
	state := tfsdk.State{Schema: s}
	d.Append(save(ctx, &state, model)...)
	if d.HasError() {
		return d
	}
	packed, err := tfprotov6.NewDynamicValue(s.Type().TerraformType(ctx), state.Raw)
	if err != nil {
		d.AddError("The private state cannot be written", err.Error())
		return d
	}
	kept = slices.DeleteFunc(kept, func(earlier []byte) bool {
		value, err := (&tfprotov6.DynamicValue{MsgPack: earlier}).Unmarshal(s.Type().TerraformType(ctx))
		return err == nil && declaresTheSame(tfsdk.Plan{Schema: s, Raw: value}, state)
	})
	kept = append(kept, packed.MsgPack)
	if raw, err = json.Marshal(kept[max(0, len(kept)-mostBegun):]); err != nil {
		d.AddError("The private state cannot be written", err.Error())
		return d
	}
	d.Append(private.SetKey(ctx, begunKey, raw)...)
	return d
}

// record copies what Apply itself has noted into a state that is kept.
func (e *engine[M, P]) record(ctx context.Context, state *tfsdk.State, want any) diags {
	from := tfsdk.State{Schema: state.Schema}
	out := save(ctx, &from, want)
	var values map[string]tftypes.Value
	if err := from.Raw.As(&values); err != nil {
		out.AddError("The state could not be saved", err.Error())
		return out
	}
	for _, name := range e.about.Recorded {
		out.Append(setRaw(ctx, state, state.Schema.GetAttributes()[name].GetType(), name, values[name])...)
	}
	return out
}
