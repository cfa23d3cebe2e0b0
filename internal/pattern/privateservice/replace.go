package privateservice

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Replaces implements framework.Replacing: what IBM cannot change on a load
// balancer that is there, with the reasons for it.
func (part) Replaces(prior, want *model) []framework.Problem {
	var out []framework.Problem
	replace := func(at path.Path, what string, before, after attr.Value) {
		out = append(out, framework.Problem{
			Path: at, Summary: prior.title() + " is replaced", Warning: true,
			Detail: fmt.Sprintf("%s goes from %s to %s, which cannot be changed on a load balancer that is there. The Service is removed and made anew: nothing answers in between, its address (%s) goes back to IBM, and it may come up with another one.",
				what, before, after, addressText(prior)),
		})
	}
	for _, a := range []struct {
		name          string
		before, after types.String
	}{
		{"namespace", prior.Namespace, want.Namespace},
		{"name", prior.Name, want.Name},
		{"zone", prior.Zone, want.Zone},
		{"vlan_id", prior.VLAN, want.VLAN},
		{"nlb_version", versionOf(prior.NLBVersion), versionOf(want.NLBVersion)},
	} {
		if !a.after.Equal(a.before) {
			replace(path.Root(a.name), a.name, a.before, a.after)
		}
	}
	if before := wishedIP(prior); !want.LoadBalancerIP.IsNull() && !want.LoadBalancerIP.Equal(before) && !want.LoadBalancerIP.Equal(prior.LoadBalancerIP) {
		replace(path.Root("load_balancer_ip"), "load_balancer_ip", before, want.LoadBalancerIP)
	}
	before, after := lastingOf(prior.VPC), lastingOf(want.VPC)
	for _, name := range []string{"features", "subnets", "name"} {
		if !after[name].Equal(before[name]) {
			replace(path.Root("vpc").AtName(name), "vpc."+name, before[name], after[name])
		}
	}
	return out
}

// versionOf is the version that an NLB has: the default where none is declared.
func versionOf(v types.String) types.String {
	if v.IsNull() {
		return types.StringValue(nlbOne)
	}
	return v
}

// wishedIP is the address that a load balancer has or, while it has none, is to have.
func wishedIP(m *model) types.String {
	if !m.IP.IsNull() {
		return m.IP
	}
	return m.LoadBalancerIP
}

// lastingOf are those of a VPC load balancer's settings that last as long as it does.
func lastingOf(vpc types.Object) map[string]attr.Value {
	if vpc.IsUnknown() {
		return map[string]attr.Value{"features": types.StringUnknown(), "subnets": types.SetUnknown(types.StringType), "name": types.StringUnknown()}
	}
	subnets, features := field[types.Set](vpc, "subnets"), field[types.Set](vpc, "features")
	kind := types.StringValue(featureALB)
	switch {
	case features.IsUnknown() || partlyUnknown(features):
		kind = types.StringUnknown()
	case slices.ContainsFunc(features.Elements(), func(v attr.Value) bool { return v.Equal(types.StringValue(featureNLB)) }):
		kind = types.StringValue(featureNLB)
	}
	if subnets.IsNull() {
		subnets = types.SetNull(types.StringType) // which the zero value is not equal to
	}
	return map[string]attr.Value{"features": kind, "subnets": subnets, "name": field[types.String](vpc, "name")}
}

func addressText(m *model) string {
	for _, v := range []types.String{m.IP, m.Hostname} {
		if set(v) {
			return v.ValueString()
		}
	}
	return "none so far"
}

// Upsets implements framework.Unsteady: a load balancer that is not proven to
// be private may be made anew, with another address.
func (part) Upsets(prior, _ *model) []string {
	if prior.Exposure.ValueString() != string(isPrivate) {
		return []string{"ip", "hostname"}
	}
	return nil
}
