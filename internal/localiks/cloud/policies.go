package cloud

import (
	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Orders of the default policies. IBM's documentation gives none; these keep
// the documented relations: the published guards and the isolation policies
// (up to 1850 public, 99900 private) come first.
const (
	orderEarly   = 1500.0
	orderGeneral = 1900.0
	orderManage  = 1950.0
	orderPrivate = 100_000.0
)

// ibmPolicies are the default GlobalNetworkPolicies of a classic cluster, by
// name, without their tier.
func ibmPolicies() map[string]apiv3.GlobalNetworkPolicySpec {
	public := "ibm.role == '" + rolePublic + "'"
	private := "ibm.role == '" + rolePrivate + "'"
	allow := apiv3.Rule{Action: apiv3.Allow}
	protocol := func(name string) *numorstring.Protocol {
		p := numorstring.ProtocolFromString(name)
		return &p
	}
	vrrp := numorstring.ProtocolFromInt(112)
	bigfix := apiv3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(52311)}}
	policy := func(order float64, selector string, ingress, egress []apiv3.Rule) apiv3.GlobalNetworkPolicySpec {
		spec := apiv3.GlobalNetworkPolicySpec{Order: &order, Selector: selector, Ingress: ingress, Egress: egress}
		if ingress != nil {
			spec.Types = append(spec.Types, apiv3.PolicyTypeIngress)
		}
		if egress != nil {
			spec.Types = append(spec.Types, apiv3.PolicyTypeEgress)
		}
		return spec
	}
	nodePorts := policy(orderEarly, public, []apiv3.Rule{{
		Action: apiv3.Allow, Destination: apiv3.EntityRule{Selector: "projectcalico.org/orchestrator == 'k8s'"},
	}}, nil)
	nodePorts.ApplyOnForward = true
	return map[string]apiv3.GlobalNetworkPolicySpec{
		"allow-all-outbound":        policy(orderGeneral, public, nil, []apiv3.Rule{allow}),
		"allow-all-private-default": policy(orderPrivate, private, []apiv3.Rule{allow}, []apiv3.Rule{allow}),
		"allow-bigfix-port": policy(orderGeneral, public, []apiv3.Rule{
			{Action: apiv3.Allow, Protocol: protocol("TCP"), Destination: bigfix},
			{Action: apiv3.Allow, Protocol: protocol("UDP"), Destination: bigfix},
		}, nil),
		"allow-icmp":           policy(orderEarly, public, []apiv3.Rule{{Action: apiv3.Allow, Protocol: protocol("ICMP")}}, nil),
		"allow-node-port-dnat": nodePorts,
		"allow-sys-mgmt": policy(orderManage, public, []apiv3.Rule{{
			Action: apiv3.Allow, Source: apiv3.EntityRule{Nets: []string{"10.0.64.0/19", "10.200.80.0/20", "10.3.160.0/20", "10.201.0.0/20"}},
		}}, nil),
		"allow-vrrp": policy(orderEarly, public,
			[]apiv3.Rule{{Action: apiv3.Allow, Protocol: &vrrp}}, []apiv3.Rule{{Action: apiv3.Allow, Protocol: &vrrp}}),
	}
}
