package framework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// Create applies a new object. Once something was written it does not fail: an
// error from Create with a state taints the resource, and the next apply would
// tear down what has only been slow.
func (e *engine[M, P]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var want, config M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &want)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	common := P(&want).CommonAttributes()
	ctx, cancel := within(ctx, common.Timeouts.Create, e.about.CreateTimeout, &resp.Diagnostics)
	defer cancel()

	c, err := e.beginApply(ctx, common)
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Cluster %s could not be looked up", common.Cluster.ValueString()), err)...)
		return
	}
	r := ApplyRequest[M]{Want: &want, Config: &config, Owner: e.provider.with(Owner{}), Stamp: newStamp(), Warn: resp.Diagnostics.AddWarning}
	left, err := e.bringAbout(ctx, c, r)
	if err != nil && left != something {
		resp.Diagnostics.Append(Diagnose(path.Empty(), fmt.Sprintf("Creating %s in cluster %s failed", e.typeName(), common.Cluster.ValueString()), err)...)
		return
	}
	if err != nil {
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s in cluster %s is not ready", e.typeName(), common.Cluster.ValueString()),
			explain(err)+"\n\nWhat was done so far is kept (ready = false); the next apply carries on. Resources that must wait for it need a postcondition on `ready`.")
	}
	common.settle(c, err == nil)
	resp.Diagnostics.Append(save(ctx, &resp.State, &want)...)
	resp.Diagnostics.Append(writeOwner(ctx, resp.Private, Owner{Stamp: r.Stamp, Known: true}.of(c))...)
	if resp.Identity != nil {
		resp.Diagnostics.Append(e.setIdentity(ctx, resp.Identity, &resp.State, c.ID)...)
	}
}

// Update brings a changed, drifted or unfinished object to what is planned. It
// may fail: that does not taint.
func (e *engine[M, P]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var want, config, prior M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &want)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	owner, d := readOwner(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	s := e.schema(ctx)
	begun, d := readBegun[M](ctx, req.Private, s)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	common, before := P(&want).CommonAttributes(), P(&prior).CommonAttributes()
	ctx, cancel := within(ctx, common.Timeouts.Update, e.about.UpdateTimeout, &resp.Diagnostics)
	defer cancel()

	c, err := e.beginApply(ctx, common)
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Cluster %s could not be looked up", common.Cluster.ValueString()), err)...)
		return
	}
	r := ApplyRequest[M]{Want: &want, Config: &config, Prior: &prior, Owner: e.provider.with(owner), Stamp: owner.Stamp, Warn: resp.Diagnostics.AddWarning}
	if c.ID != before.ClusterID.ValueString() {
		err := changedAfterPlanning(before)
		if common.ClusterID.IsUnknown() {
			err = e.gone(ctx, before, owner, err)
		}
		if err != nil {
			resp.Diagnostics.Append(Diagnose(path.Root("cluster"), "The cluster changed after planning", err)...)
			return
		}
		r.Prior, r.Owner, r.Stamp, begun = nil, e.provider.with(Owner{}), "", nil
	}
	if r.Stamp == "" {
		r.Stamp = newStamp()
	}

	left, err := e.bringAbout(ctx, c, r, begun...)
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Empty(), fmt.Sprintf("Updating %s in cluster %s failed", e.typeName(), common.Cluster.ValueString()), err)...)
	}
	if err != nil && !written(err) && r.Prior != nil {
		// The earlier state still tells best what stands in the cluster.
		if left == untouched {
			return
		}
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("ready"), false)...)
		if left == something {
			resp.Diagnostics.Append(e.record(ctx, &resp.State, &want)...)
			resp.Diagnostics.Append(writeOwner(ctx, resp.Private, owner.stamping(r.Stamp).of(c))...)
			resp.Diagnostics.Append(addBegun(ctx, req.Private, resp.Private, s, &want)...)
		}
		return
	}
	if err != nil && left != something {
		return
	}
	common.settle(c, err == nil)
	resp.Diagnostics.Append(save(ctx, &resp.State, &want)...)
	resp.Diagnostics.Append(asPlanned(req.Plan, &resp.State)...)
	resp.Diagnostics.Append(writeOwner(ctx, resp.Private, Owner{Stamp: r.Stamp, Known: true}.of(c))...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, begunKey, nil)...)
	if resp.Identity != nil {
		resp.Diagnostics.Append(e.setIdentity(ctx, resp.Identity, &resp.State, c.ID)...)
	}
}

// Delete removes what is ours. A cluster that is gone took everything with it.
func (e *engine[M, P]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m M
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	owner, d := readOwner(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	begun, d := readBegun[M](ctx, req.Private, e.schema(ctx))
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	common := P(&m).CommonAttributes()
	ctx, cancel := within(ctx, common.Timeouts.Delete, e.about.DeleteTimeout, &resp.Diagnostics)
	defer cancel()
	e.provider.Fleet.BeginApply()

	c, err := e.provider.Fleet.FindByID(ctx, common.ClusterID.ValueString(), common.Cluster.ValueString())
	if err = e.proven(ctx, err, common, owner); cluster.IsNotFound(err) {
		resp.Diagnostics.AddAttributeWarning(path.Root("cluster"), fmt.Sprintf("Nothing of %s was removed", e.typeName()),
			fmt.Sprintf("%s. The %s in it is removed from the state alone.", capitalised(err.Error()), e.typeName()))
		return
	}
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Cluster %s could not be looked up", common.Cluster.ValueString()), err)...)
		return
	}
	var warnings []string
	for _, declared := range append(begun, &m) {
		var more []string
		if more, err = e.part.Remove(ctx, c, declared, e.provider.with(owner)); err != nil {
			break
		}
		warnings = append(warnings, more...)
	}
	if len(warnings) > 0 {
		resp.Diagnostics.AddWarning(fmt.Sprintf("Removing %s from cluster %s", e.typeName(), common.Cluster.ValueString()), list(warnings))
	}
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Empty(), fmt.Sprintf("Removing %s from cluster %s failed", e.typeName(), common.Cluster.ValueString()), err)...)
	}
}

// bringAbout acts, then observes until nothing is missing. What somebody undoes
// meanwhile is done once more, and then left. begun are declarations that
// earlier updates were about to bring about. wrote tells whether anything of
// ours stands in the cluster.
func (e *engine[M, P]) bringAbout(ctx context.Context, c *cluster.Cluster, r ApplyRequest[M], begun ...*M) (left trace, err error) {
	r.wrote, r.undone = func() { left = something }, func() { left = takenBack }
	r.Charts = e.provider.Charts
	owner := e.provider.with(Owner{Stamp: r.Stamp, Known: true})
	for again := false; ; again = true {
		for _, from := range append(begun, r.Prior) {
			r.Prior = from
			if err := e.part.Apply(ctx, c, r); err != nil {
				return left, err
			}
		}
		left = something
		var undone *UndoneError
		err := e.settle(ctx, c, r.Want, owner)
		if again || !errors.As(err, &undone) {
			return left, err
		}
	}
}

// trace is what an apply has left in the cluster.
type trace int

const (
	untouched trace = iota
	takenBack       // what it wrote is gone again
	something
)

func (e *engine[M, P]) beginApply(ctx context.Context, common *Common) (*cluster.Cluster, error) {
	e.provider.Fleet.BeginApply()
	return e.provider.Fleet.Find(ctx, common.Cluster.ValueString())
}

// gone makes sure that the cluster of the state does not exist any more, so
// that starting over on another one leaves nothing behind; there is the error if
// it does.
func (e *engine[M, P]) gone(ctx context.Context, before *Common, owner Owner, there error) error {
	_, err := e.provider.Fleet.FindByID(ctx, before.ClusterID.ValueString(), before.Cluster.ValueString())
	switch err = e.proven(ctx, err, before, owner); {
	case cluster.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return there
}

func changedAfterPlanning(before *Common) error {
	return Refuse(path.Root("cluster"), "The cluster changed after planning",
		fmt.Sprintf("The plan was made for the cluster with ID %s, and `cluster` leads to another one now. Run plan again, with refresh: it will replace the resource, removing it from the old cluster first.", before.ClusterID.ValueString()))
}

func within(ctx context.Context, timeout func(context.Context, time.Duration) (time.Duration, diags), byDefault time.Duration, out *diags) (context.Context, context.CancelFunc) {
	limit, d := timeout(ctx, byDefault)
	out.Append(d...)
	return context.WithTimeoutCause(ctx, limit, timeoutsError{})
}

// settle writes what every apply ends with.
func (c *Common) settle(on *cluster.Cluster, ready bool) {
	c.ClusterID = types.StringValue(on.ID)
	c.Drift = driftList(nil)
	c.Ready = types.BoolValue(ready)
}

// written tells the errors that came after everything was written.
func written(err error) bool {
	var unsettled *UnsettledError
	var undone *UndoneError
	return errors.As(err, &unsettled) || errors.As(err, &undone)
}

// save writes the model to the state. What could not be observed is null: a
// state must be wholly known.
func save(ctx context.Context, state *tfsdk.State, model any) diags {
	d := state.Set(ctx, model)
	if d.HasError() {
		return d
	}
	known, err := tftypes.Transform(state.Raw, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if !v.IsKnown() {
			return tftypes.NewValue(v.Type(), nil), nil
		}
		return v, nil
	})
	if err != nil {
		d.AddError("The state could not be saved", err.Error())
		return d
	}
	state.Raw = known
	return d
}
