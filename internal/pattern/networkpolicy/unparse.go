package networkpolicy

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// rulesValue writes rules as a state has them. What these attributes cannot say
// is left out; comparing what they mean with the policy shows it.
func rulesValue(rules []v3.Rule) types.List {
	elements := make([]attr.Value, len(rules))
	for i, rule := range rules {
		icmp := types.ObjectNull(icmpType().AttrTypes)
		if rule.ICMP != nil && (rule.ICMP.Type != nil || rule.ICMP.Code != nil) {
			icmp = types.ObjectValueMust(icmpType().AttrTypes, map[string]attr.Value{"type": numberValue(rule.ICMP.Type), "code": numberValue(rule.ICMP.Code)})
		}
		elements[i] = types.ObjectValueMust(ruleType().AttrTypes, map[string]attr.Value{
			"action": types.StringValue(string(rule.Action)), "protocol": protocolValue(rule.Protocol), "not_protocol": protocolValue(rule.NotProtocol), "ip_version": numberValue(rule.IPVersion),
			"icmp": icmp, "source": entityValue(rule.Source), "destination": entityValue(rule.Destination),
		})
	}
	return types.ListValueMust(ruleType(), elements)
}

func entityValue(e v3.EntityRule) types.Object {
	fields := map[string]attr.Value{
		"nets": textsValue(e.Nets), "not_nets": textsValue(e.NotNets), "ports": textsValue(portTexts(e.Ports)), "not_ports": textsValue(portTexts(e.NotPorts)),
		"selector": textValue(e.Selector), "not_selector": textValue(e.NotSelector), "namespace_selector": textValue(e.NamespaceSelector),
	}
	for _, field := range fields {
		if !field.IsNull() {
			return types.ObjectValueMust(entityType().AttrTypes, fields)
		}
	}
	return types.ObjectNull(entityType().AttrTypes)
}

// textValue writes a string; what says nothing is null.
func textValue(s string) types.String { return framework.StringOrNull(strings.TrimSpace(s)) }

func textsValue(list []string) types.List {
	if len(list) == 0 {
		return types.ListNull(types.StringType)
	}
	return framework.StringList(list)
}

func portTexts(ports []numorstring.Port) []string {
	var out []string
	for _, port := range ports {
		out = append(out, port.String())
	}
	return out
}

func protocolValue(p *numorstring.Protocol) types.String {
	if p == nil {
		return types.StringNull()
	}
	text := p.String()
	if named, err := parseProtocol(text); err == nil {
		text = named.String()
	}
	return types.StringValue(text)
}

func numberValue(n *int) types.Int64 {
	if n == nil {
		return types.Int64Null()
	}
	return types.Int64Value(int64(*n))
}
