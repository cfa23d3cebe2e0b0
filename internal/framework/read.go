package framework

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// Read observes. It removes the state only on proof that the object, or its
// cluster, is gone.
func (e *engine[M, P]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m M
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	owner, d := readOwner(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	e.provider.refreshed.Store(true)
	common := P(&m).CommonAttributes()
	if resp.Identity != nil {
		// Also what is removed from the state has to have an identity.
		resp.Diagnostics.Append(e.setIdentity(ctx, resp.Identity, &req.State, cmp.Or(common.ClusterID.ValueString(), common.Cluster.ValueString()))...)
	}

	c, err := e.clusterOf(ctx, common)
	err = e.proven(ctx, err, common, owner)
	switch {
	case cluster.IsNotFound(err):
		resp.Diagnostics.AddAttributeWarning(path.Root("cluster"), "The cluster is gone",
			fmt.Sprintf("%s. The %s in it is removed from the state.", capitalised(err.Error()), e.typeName()))
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Cluster %s could not be looked up", common.Cluster.ValueString()), err)...)
		return
	case common.ClusterID.ValueString() != "" && c.ID != common.ClusterID.ValueString():
		if err := e.gone(ctx, common, owner, ledElsewhere(common, c)); err != nil {
			resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("Cluster %s is not the one of the state", common.Cluster.ValueString()), err)...)
			return
		}
		resp.Diagnostics.AddAttributeWarning(path.Root("cluster"), "The cluster is another one now",
			fmt.Sprintf("%q led to the cluster with ID %s and leads to %s now. The %s of the old cluster is removed from the state, nothing was touched in the new one.",
				common.Cluster.ValueString(), common.ClusterID.ValueString(), c.ID, e.typeName()))
		resp.State.RemoveResource(ctx)
		return
	}

	observed, err := e.part.Observe(ctx, c, &m, e.provider.with(owner))
	if err != nil {
		resp.Diagnostics.Append(Diagnose(path.Root("cluster"), fmt.Sprintf("The state of %s in cluster %s could not be read", e.typeName(), common.Cluster.ValueString()), err)...)
		return
	}
	begun, _ := req.Private.GetKey(ctx, begunKey)
	if observed.Gone && len(begun) == 0 {
		resp.State.RemoveResource(ctx)
		return
	}
	if len(observed.Unseen) > 0 {
		resp.Diagnostics.AddAttributeWarning(path.Root("cluster"), fmt.Sprintf("Not all of %s in cluster %s could be looked at", e.typeName(), common.Cluster.ValueString()),
			list(observed.Unseen)+"\n\nWhat may have changed there does not show in this plan. The rights guide lists what the identity needs to see it.")
	}
	if len(begun) > 0 {
		// Where the object itself is gone, what the update made may be there: only
		// this state knows of it.
		observed.Drift = append(observed.Drift, begunDrift)
	}
	if owner.Stamp == "" || owner.Account != c.Account() {
		if !owner.Known {
			owner = Owner{Stamp: observed.Stamp, Known: true}
		}
		if owner.Stamp == "" {
			owner = owner.stamping(newStamp()) // known before it is written, whatever becomes of that
		}
		resp.Diagnostics.Append(writeOwner(ctx, resp.Private, owner.of(c))...)
	}
	common.ClusterID = types.StringValue(c.ID)
	common.Drift = driftList(observed.Drift)
	common.Ready = types.BoolValue(observed.settled())
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	if observed.Gone {
		resp.Diagnostics.Append(e.dropStable(ctx, &resp.State)...)
	}
	if resp.Identity != nil {
		resp.Diagnostics.Append(e.setIdentity(ctx, resp.Identity, &resp.State, c.ID)...)
	}
}

// ledElsewhere is why a state is kept whose cluster is there, though its name
// leads to another one: in another account, resource group or region.
func ledElsewhere(common *Common, c *cluster.Cluster) error {
	return Refuse(path.Root("cluster"), "The name leads to another cluster",
		fmt.Sprintf("%q leads to the cluster with ID %s, and the one of the state, with ID %s, is there as well. Check resource_group_id, region and the account of the credentials, or give the ID for the name.",
			common.Cluster.ValueString(), c.ID, common.ClusterID.ValueString()))
}

// clusterOf finds the cluster of a state: by what the user wrote, so that a
// cluster reborn under its name is noticed, and by ID where that leads nowhere.
func (e *engine[M, P]) clusterOf(ctx context.Context, common *Common) (*cluster.Cluster, error) {
	name, id := common.Cluster.ValueString(), common.ClusterID.ValueString()
	if err := e.provider.Fleet.CheckWay(id, name); err != nil {
		return nil, err
	}
	c, err := e.provider.Fleet.Find(ctx, name)
	if cluster.IsNotFound(err) && id != "" && id != name {
		return e.provider.Fleet.FindByID(ctx, id, name)
	}
	return c, err
}

// proven gives the outcome of a lookup, but does not take IKS's word that the
// cluster of a state does not exist where another account was asked.
func (e *engine[M, P]) proven(ctx context.Context, err error, common *Common, owner Owner) error {
	if !cluster.IsNotFound(err) {
		return err
	}
	if other := e.provider.Fleet.CheckAccount(ctx, common.Cluster.ValueString(), owner.Account); other != nil {
		return other
	}
	return err
}

func (o Observation) settled() bool { return !o.Gone && len(o.Drift) == 0 && len(o.Missing) == 0 }
