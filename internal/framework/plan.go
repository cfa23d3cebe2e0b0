package framework

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// previewDeadline bounds all that a plan asks of a cluster for one resource.
const previewDeadline = 15 * time.Second

// ModifyPlan decides what an apply will change: from configuration, state and
// plan alone, because Terraform calls it again inside apply and refuses a plan
// that has changed by then. What it sees of the cluster becomes warnings.
func (e *engine[M, P]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if e.provider == nil || req.Plan.Raw.IsNull() {
		return
	}
	var want, config M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &want)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), driftList(nil))...)
		e.preview(ctx, resp, PreviewRequest[M]{Want: &want, Config: &config, Replaces: e.replaces(ctx, resp, &want)})
		return
	}

	var prior M
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	owner, d := readOwner(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	before, after := P(&prior).CommonAttributes(), P(&want).CommonAttributes()

	moves, err := e.clusterMoves(ctx, before, after, owner)
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), "The cluster could not be looked up", err)...)
		return
	}
	switch {
	case moves == replaces:
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("cluster"))
		resp.Diagnostics.Append(forget(ctx, &resp.Plan)...)
		return
	case e.replacement(ctx, req.State, resp, &prior, &want):
		return
	case moves == unknown:
		resp.Diagnostics.Append(forget(ctx, &resp.Plan)...)
	case !before.Ready.ValueBool() || len(before.Drift.Elements()) > 0:
		resp.Diagnostics.Append(forget(ctx, &resp.Plan, "cluster_id")...)
		resp.Diagnostics.Append(e.keepStable(ctx, &resp.Plan, req.State, &prior, &want)...)
	case declaresTheSame(req.Plan, req.State):
		// Terraform's framework has marked what is computed as unknown, because the
		// configuration spells something in another way.
		resp.Plan.Raw = req.State.Raw
		return
	default:
		if !after.Ready.IsUnknown() {
			// Only a plan modifier of the part's tells the plan from the state, after
			// Terraform's framework has marked what is computed.
			resp.Diagnostics.Append(forget(ctx, &resp.Plan, "cluster_id")...)
		}
		resp.Diagnostics.Append(e.keepStable(ctx, &resp.Plan, req.State, &prior, &want)...)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("drift"), driftList(nil))...)
	e.preview(ctx, resp, PreviewRequest[M]{Want: &want, Config: &config, Prior: &prior, Owner: owner})
}

// declaresTheSame tells whether a plan sets every argument as the state has it.
func declaresTheSame(plan tfsdk.Plan, state tfsdk.State) bool {
	var after, before map[string]tftypes.Value
	if plan.Raw.As(&after) != nil || state.Raw.As(&before) != nil {
		return false
	}
	for name, attribute := range plan.Schema.GetAttributes() {
		argument := !attribute.IsComputed() || attribute.IsOptional()
		if argument && !after[name].Equal(before[name]) {
			return false
		}
	}
	return true
}

// move is what a change of the `cluster` argument means.
type move int

const (
	stays    move = iota
	replaces      // it leads to another cluster
	unknown       // it is not known before apply
)

// clusterMoves compares clusters by ID; a name is only another spelling.
func (e *engine[M, P]) clusterMoves(ctx context.Context, before, after *Common, owner Owner) (move, error) {
	switch {
	case after.Cluster.IsUnknown():
		return unknown, nil
	case after.Cluster.Equal(before.Cluster), after.Cluster.Equal(before.ClusterID):
		return stays, nil
	}
	c, err := e.provider.Fleet.Find(ctx, after.Cluster.ValueString())
	switch {
	case cluster.IsNotFound(err) && e.provider.refreshed.Load():
		// Still to be made in this run, so it cannot be the one we are on.
		return replaces, nil
	case err != nil:
		return stays, err
	case c.ID == before.ClusterID.ValueString():
		return stays, nil
	}
	if e.provider.refreshed.Load() {
		return replaces, nil
	}
	// Nothing was refreshed in this process, so this is most likely the apply
	// of a plan in which the cluster was still unknown: an update. It must not
	// turn into a replacement now.
	if err := e.gone(ctx, before, owner, changedAfterPlanning(before)); err != nil {
		return stays, err
	}
	return unknown, nil
}

// preview lets the part look at the cluster and speak of what it sees. A
// cluster that is not there yet, or cannot be reached, leaves the plan as it is.
func (e *engine[M, P]) preview(ctx context.Context, resp *resource.ModifyPlanResponse, r PreviewRequest[M]) {
	name := P(r.Want).CommonAttributes().Cluster
	if name.IsUnknown() || e.provider.Fleet.Applying() {
		return
	}
	ctx, cancel := WithinPlan(ctx, previewDeadline)
	defer cancel()
	r.Owner, r.Charts = e.provider.with(r.Owner), e.provider.Charts
	warnings, err := e.look(ctx, name, r)
	if len(warnings) > 0 {
		resp.Diagnostics.AddWarning(fmt.Sprintf("What applying %s will touch in cluster %s", e.typeName(), name.ValueString()), list(warnings))
	}
	switch {
	case err == nil:
	case fatalInPlan(err):
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), "The plan cannot be applied", err)...)
	case e.provider.once("unchecked/" + name.ValueString()):
		resp.Diagnostics.AddAttributeWarning(path.Root("cluster"), fmt.Sprintf("The plan could not be checked against cluster %s", name.ValueString()),
			explain(err)+"\n\nThe plan itself does not depend on it. Applying it checks again before it changes anything.")
	}
}

func (e *engine[M, P]) look(ctx context.Context, name types.String, r PreviewRequest[M]) ([]string, error) {
	c, err := e.provider.Fleet.Find(ctx, name.ValueString())
	if err != nil {
		return nil, err
	}
	return e.part.Preview(ctx, c, r)
}

// fatalInPlan tells the errors that no apply can get over: our own refusals,
// credentials that are wrong, and a dry run that the API server found invalid.
func fatalInPlan(err error) bool {
	if _, ok := AsRefusal(err); ok {
		return true
	}
	if iks.IsUnauthorized(err) {
		return true
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) || strings.Contains(status.Error(), "admission webhook") {
		return false
	}
	invalid := apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
	return invalid && status.ErrStatus.Details != nil && len(status.ErrStatus.Details.Causes) > 0
}
