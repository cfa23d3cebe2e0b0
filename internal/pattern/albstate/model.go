package albstate

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// model is iks_alb_state in a configuration, plan or state.
type model struct {
	framework.Common
	ALBID                types.String `tfsdk:"alb_id"`
	Type                 types.String `tfsdk:"type"`
	Zone                 types.String `tfsdk:"zone"`
	Enabled              types.Bool   `tfsdk:"enabled"`
	OnDestroy            types.String `tfsdk:"on_destroy"`
	AllowNoALB           types.Bool   `tfsdk:"allow_no_alb"`
	AllowPublicOnDestroy types.Bool   `tfsdk:"allow_public_on_destroy"`
	ALBs                 types.List   `tfsdk:"albs"`
	Previous             types.Map    `tfsdk:"previous"`

	// settled are the ALBs, by ID, that were what is declared before the apply
	// that this model is planned for, and that it did not switch.
	settled map[string]bool
}

// known tells whether all that decides which ALBs are switched, and how, is known.
func (m *model) known() bool {
	return !m.ALBID.IsUnknown() && !m.Type.IsUnknown() && !m.Zone.IsUnknown() && !m.Enabled.IsUnknown() &&
		!m.OnDestroy.IsUnknown() && !m.AllowNoALB.IsUnknown() && !m.AllowPublicOnDestroy.IsUnknown()
}

// selection reads which ALBs of the cluster with that ID are meant. It checks
// again what validation had to leave open for values that were not known.
func (m *model) selection(clusterID string) (selection, error) {
	s := selection{id: m.ALBID.ValueString(), kind: m.Type.ValueString(), zone: m.Zone.ValueString()}
	switch {
	case s.id == "" && s.kind == "":
		return s, framework.Refuse(path.Root("alb_id"), "No ALB is chosen", "Set exactly one of alb_id and type.")
	case s.id != "" && (s.kind != "" || s.zone != ""):
		return s, framework.Refuse(path.Root("alb_id"), "ALBs are chosen in two ways", "Set alb_id alone, or type with or without zone.")
	case s.id == "":
		return s, nil
	}
	parsed, err := iks.ParseALBID(s.id)
	if err != nil {
		return s, framework.Refuse(path.Root("alb_id"), "The ALB ID is malformed", err.Error()+".")
	}
	if parsed.ClusterID != clusterID {
		return s, framework.Refuse(path.Root("alb_id"), "The ALB belongs to another cluster",
			fmt.Sprintf("%s is an ALB of the cluster with ID %s, and `cluster` leads to the one with ID %s. Correct one of the two; `ibmcloud ks ingress alb ls` lists a cluster's ALBs.", s.id, parsed.ClusterID, clusterID))
	}
	return s, nil
}

// settle notes which ALBs an apply does not have to wait for: those of a ready
// state that it does not switch. What it has switched once it waits for, also
// when it acts anew because somebody undid it.
func (m *model) settle(prior *model, todo []step) {
	if m.settled == nil {
		m.settled = map[string]bool{}
		if prior != nil && prior.Ready.ValueBool() {
			for _, id := range albIDs(prior.ALBs) {
				m.settled[id] = true
			}
		}
	}
	for _, s := range todo {
		delete(m.settled, s.alb.ID)
	}
}

// Upsets implements framework.Unsteady: switching ALBs changes their state and
// their address, choosing others changes which they are. An update that does
// neither leaves the addresses to those that are built upon them.
func (p *part) Upsets(prior, want *model) []string {
	if prior.Ready.ValueBool() && want.ALBID.Equal(prior.ALBID) && want.Type.Equal(prior.Type) && want.Zone.Equal(prior.Zone) && want.Enabled.Equal(prior.Enabled) {
		return nil
	}
	return []string{"albs"}
}

// previous reads what the ALBs were before the first write.
func (m *model) previous(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	if m.Previous.IsNull() || m.Previous.IsUnknown() {
		return out, nil
	}
	if d := m.Previous.ElementsAs(ctx, &out, false); d.HasError() {
		return nil, fmt.Errorf("reading the attribute previous: %s", d.Errors()[0].Detail())
	}
	return out, nil
}

func (m *model) setPrevious(previous map[string]bool) {
	elements := make(map[string]attr.Value, len(previous))
	for id, enabled := range previous {
		elements[id] = types.BoolValue(enabled)
	}
	m.Previous = types.MapValueMust(types.BoolType, elements)
}

// forgetOthers leaves out of `previous` what other ALBs than these were.
func (m *model) forgetOthers(ctx context.Context, albs []iks.ALB) error {
	previous, err := m.previous(ctx)
	if err != nil {
		return err
	}
	m.setPrevious(trim(previous, albs))
	return nil
}

// adopt fills what an imported state has not got yet with what is there, so that a
// configuration that says the same makes no difference.
func (m *model) adopt(albs []iks.ALB) {
	if m.Enabled.IsNull() {
		enabled := false
		for _, a := range albs {
			enabled = enabled || a.Enabled
		}
		m.Enabled = types.BoolValue(enabled)
	}
	if m.OnDestroy.IsNull() {
		m.OnDestroy = types.StringValue(onDestroyLeave)
	}
	if m.AllowNoALB.IsNull() {
		m.AllowNoALB = types.BoolValue(false)
	}
	if m.AllowPublicOnDestroy.IsNull() {
		m.AllowPublicOnDestroy = types.BoolValue(false)
	}
	if m.Previous.IsNull() {
		m.setPrevious(nil)
	}
}

// albType is the shape of one element of `albs`.
func albType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"id":            types.StringType,
		"type":          types.StringType,
		"zone":          types.StringType,
		"enabled":       types.BoolType,
		"state":         types.StringType,
		"status":        types.StringType,
		"controller":    types.StringType,
		"ingress_class": types.StringType,
		"address":       types.StringType,
		"build":         types.StringType,
	}}
}

// albList makes the value of `albs`. What IKS does not say is null.
func albList(albs []iks.ALB) types.List {
	elements := make([]attr.Value, len(albs))
	for i, a := range albs {
		elements[i] = types.ObjectValueMust(albType().AttrTypes, map[string]attr.Value{
			"id":            types.StringValue(a.ID),
			"type":          types.StringValue(a.Type),
			"zone":          framework.StringOrNull(a.Zone),
			"enabled":       types.BoolValue(a.Enabled),
			"state":         framework.StringOrNull(a.State),
			"status":        framework.StringOrNull(a.Status),
			"controller":    types.StringValue(a.Controller()),
			"ingress_class": framework.StringOrNull(a.IngressClass()),
			"address":       framework.StringOrNull(a.Reached()),
			"build":         framework.StringOrNull(a.Build),
		})
	}
	return types.ListValueMust(albType(), elements)
}

// albIDs reads the IDs back, for a look at ALBs that the list of the cluster misses.
func albIDs(list types.List) []string {
	var out []string
	for _, element := range list.Elements() {
		if object, ok := element.(types.Object); ok {
			if id, ok := object.Attributes()["id"].(types.String); ok {
				out = append(out, id.ValueString())
			}
		}
	}
	return out
}
