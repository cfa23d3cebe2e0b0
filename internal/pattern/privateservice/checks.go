package privateservice

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// together checks what attributes mean for each other, as far as they are known.
func (r *reader) together(m *model, d declaration) {
	if !m.Selector.IsUnknown() && len(m.Selector.Elements()) == 0 {
		r.wrong(path.Root("selector"), "it is empty, and a Service without one leads to no pod; for addresses outside of the cluster there is iks_remote_service")
	}
	if !m.Ports.IsUnknown() && len(m.Ports.Elements()) == 0 {
		r.wrong(path.Root("ports"), "it is empty; a Service has at least one port")
	}
	r.portsTogether(m.Ports)
	r.versions(m)
	if !m.VPC.IsNull() && !m.VPC.IsUnknown() {
		r.vpcTogether(m, d)
	}
}

// portsTogether finds ports that collide, and those without the name that more than one port needs.
func (r *reader) portsTogether(v types.List) {
	names, numbers, nodePorts := map[string]int{}, map[string]int{}, map[string]int{}
	unique := func(seen map[string]int, key string, i int, attribute, what string) {
		if first, there := seen[key]; there {
			r.wrong(path.Root("ports").AtListIndex(i).AtName(attribute), "%s is that of entry %d already", what, first)
			return
		}
		seen[key] = i
	}
	for i, element := range v.Elements() {
		o, _ := element.(types.Object)
		name, number := field[types.String](o, "name"), field[types.Int64](o, "port")
		protocol, nodePort := field[types.String](o, "protocol"), field[types.Int64](o, "node_port")
		if name.IsNull() && !o.IsUnknown() && len(v.Elements()) > 1 {
			r.wrong(path.Root("ports").AtListIndex(i).AtName("name"), "a Service with more than one port needs a name for each")
		}
		if name.ValueString() != "" {
			unique(names, name.ValueString(), i, "name", fmt.Sprintf("the name %q", name.ValueString()))
		}
		if protocol.IsUnknown() {
			continue
		}
		of := protocol.ValueString()
		if protocol.IsNull() {
			of = protocolTCP
		}
		if number.ValueInt64() != 0 {
			key := fmt.Sprintf("%s %d", of, number.ValueInt64())
			unique(numbers, key, i, "port", "port "+key)
		}
		if nodePort.ValueInt64() != 0 {
			key := fmt.Sprintf("%s %d", of, nodePort.ValueInt64())
			unique(nodePorts, key, i, "node_port", "node port "+key)
		}
	}
}

// versions checks what the versions of a classic NLB need.
func (r *reader) versions(m *model) {
	if m.NLBVersion.IsUnknown() {
		return
	}
	two := m.NLBVersion.ValueString() == nlbTwo
	if !two && !m.Scheduler.IsNull() && !m.Scheduler.IsUnknown() {
		r.wrong(path.Root("scheduler"), "only an NLB of version 2.0 has a scheduler; set `nlb_version = \"2.0\"` or leave it out")
	}
	if two && !m.ExternalPolicy.IsUnknown() && m.ExternalPolicy.ValueString() != policyLocal {
		r.wrong(path.Root("external_traffic_policy"), "an NLB of version 2.0 needs `external_traffic_policy = \"Local\"`")
	}
}

// vpcTogether checks the VPC's settings, and that none of a classic cluster's stand beside them.
func (r *reader) vpcTogether(m *model, d declaration) {
	for attribute, value := range map[string]types.String{"load_balancer_ip": m.LoadBalancerIP, "vlan_id": m.VLAN, "nlb_version": m.NLBVersion, "scheduler": m.Scheduler} {
		if !value.IsNull() && !value.IsUnknown() {
			r.wrong(path.Root(attribute), "it is for classic clusters, and `vpc` for VPC clusters; no cluster is both")
		}
	}
	at := path.Root("vpc").AtName("features")
	if slices.Contains(d.vpc.features, featureALB) && slices.Contains(d.vpc.features, featureNLB) {
		r.wrong(at, "a load balancer is either `alb` or `nlb`")
	}
	if features := field[types.Set](m.VPC, "features"); !features.IsUnknown() && !partlyUnknown(features) {
		r.udpNeedsNLB(d, at)
	}
	h, at := d.vpc.health, path.Root("vpc").AtName("health_check")
	health := field[types.Object](m.VPC, "health_check")
	if h.path != "" && !field[types.String](health, "protocol").IsUnknown() && h.protocol != "http" && h.protocol != "https" {
		r.wrong(at.AtName("path"), "only health checks over `http` or `https` have a path")
	}
	// 5 and 2 seconds are IBM's defaults.
	delay, timeout := orElse(h.delay, 5), orElse(h.timeout, 2)
	unknown := field[types.Int64](health, "delay").IsUnknown() || field[types.Int64](health, "timeout").IsUnknown()
	if !unknown && timeout >= delay {
		r.wrong(at.AtName("timeout"), "a timeout of %d s has to be shorter than the delay of %d s between two checks", timeout, delay)
	}
}

// udpNeedsNLB refuses UDP on a VPC's application load balancer.
func (r *reader) udpNeedsNLB(d declaration, at path.Path) {
	udp := slices.ContainsFunc(d.ports, func(p port) bool { return p.protocol == protocolUDP })
	if udp && (d.vpc == nil || !slices.Contains(d.vpc.features, featureNLB)) {
		r.wrong(at, "a VPC's application load balancer has no UDP; ports with that protocol need `vpc = { features = [\"nlb\"] }`")
	}
}

func partlyUnknown(s types.Set) bool {
	for _, element := range s.Elements() {
		if element.IsUnknown() {
			return true
		}
	}
	return false
}

func orElse(value, byDefault int64) int64 {
	if value == 0 {
		return byDefault
	}
	return value
}

// misplaced refuses what the cluster's infrastructure does not have, and names
// what it has instead.
func misplaced(m *model, d declaration, onVPC bool) error {
	var problems []framework.Problem
	refuse := func(attribute string, set bool, detail string) {
		if set {
			problems = append(problems, framework.Problem{Path: path.Root(attribute), Summary: "The cluster's infrastructure does not have this", Detail: detail})
		}
	}
	if !onVPC {
		refuse("vpc", !m.VPC.IsNull() && !m.VPC.IsUnknown(),
			"The cluster runs on classic infrastructure, where load balancers are NLBs with a portable IP. Leave `vpc` out; an address, zone or VLAN is chosen with `load_balancer_ip`, `zone` and `vlan_id`, NLB 2.0 with `nlb_version`.")
	} else {
		refuse("load_balancer_ip", set(m.LoadBalancerIP),
			"The cluster runs on VPC, where a load balancer has a hostname (`hostname`) and its addresses cannot be chosen. Leave `load_balancer_ip` out; `vpc.subnets` says which subnets they are from, and `vpc.name` makes the load balancer, and with it the hostname, outlive the Service.")
		refuse("vlan_id", set(m.VLAN), "The cluster runs on VPC, which has no VLANs. Leave `vlan_id` out; `vpc.subnets` and `zone` say where the load balancer is.")
		refuse("nlb_version", set(m.NLBVersion), "The cluster runs on VPC. Leave `nlb_version` out; `vpc = { features = [\"nlb\"] }` gives a network load balancer, the default is an application load balancer.")
		refuse("scheduler", set(m.Scheduler), "The cluster runs on VPC, whose load balancers have no IPVS scheduler. Leave `scheduler` out.")
		if m.VPC.IsNull() {
			var r reader
			r.udpNeedsNLB(d, path.Root("ports"))
			problems = append(problems, r.problems...)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &framework.Refusal{Problems: problems}
}

func set(v types.String) bool { return !v.IsNull() && !v.IsUnknown() }
