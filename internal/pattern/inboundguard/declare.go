package inboundguard

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// declare fills an imported model with what the policies say, and with the
// defaults for what is not part of them.
func (m *model) declare(g guard) {
	m.Name, m.Order = types.StringValue(g.name), types.Float64PointerValue(g.order)
	m.Roles = hostguard.StringSet(g.roles)
	m.Sources = hostguard.StringSet(networkTexts(g.sources))
	m.Monitors = hostguard.StringSet(networkTexts(g.monitors))
	if len(g.monitors) == 0 {
		m.Monitors = types.SetValueMust(types.StringType, nil)
	}
	m.Management = types.BoolValue(g.management)
	m.Pass, m.Log = trafficValues(g.passes), trafficValues(g.logs)
	m.Balancers = types.ListNull(balancerType())
	if len(g.balancers) > 0 {
		var elements []attr.Value
		for _, b := range g.balancers {
			elements = append(elements, types.ObjectValueMust(balancerType().AttrTypes, map[string]attr.Value{
				"address": types.StringValue(b.address.String()), "protocol": types.StringValue(b.protocol), "ports": hostguard.StringSet(b.ports.Texts()),
			}))
		}
		m.Balancers = types.ListValueMust(balancerType(), elements)
	}
	m.WhenNone, m.SafetyChecks = types.StringValue(hostguard.WhenNoneError), types.StringValue(hostguard.ChecksEnforce)
	m.Force = types.BoolValue(false)
}

// trafficValues writes a list of traffic; nothing gives null.
func trafficValues(list []traffic) types.List {
	if len(list) == 0 {
		return types.ListNull(trafficType())
	}
	var elements []attr.Value
	for _, t := range list {
		elements = append(elements, types.ObjectValueMust(trafficType().AttrTypes, map[string]attr.Value{
			"source_cidrs": hostguard.StringSet(networkTexts(t.sources)), "destination_cidrs": hostguard.StringSet(networkTexts(t.destinations)),
			"protocol": framework.StringOrNull(t.protocol), "ports": hostguard.StringSet(t.ports.Texts()),
		}))
	}
	return types.ListValueMust(trafficType(), elements)
}

func trafficType() types.ObjectType {
	texts := types.SetType{ElemType: types.StringType}
	return types.ObjectType{AttrTypes: map[string]attr.Type{"source_cidrs": texts, "destination_cidrs": texts, "protocol": types.StringType, "ports": texts}}
}

func balancerType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"address": types.StringType, "protocol": types.StringType, "ports": types.SetType{ElemType: types.StringType},
	}}
}

// observe writes down what was found in the cluster.
func (m *model) observe(s hostguard.Scene, g guard) {
	m.HostEndpoints = types.Int64Value(int64(s.Matching(g.roles)))
	m.NotCovered = framework.StringList(hostguard.Texts(s.FailsafeAmong(closes)))
	m.API = types.StringValue(s.API)
}

// locate takes the name in an import ID, which may have the default tier before
// a dot.
func (m *model) locate() {
	m.Name = types.StringValue(strings.TrimPrefix(m.Name.ValueString(), "default."))
}
