package privateservice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// adoptable refuses to import what is no private load balancer: the first apply
// would take it from those who use it now.
func adoptable(live corev1.Service) error {
	name := live.Namespace + "/" + live.Name
	switch {
	case live.Spec.Type != corev1.ServiceTypeLoadBalancer:
		return framework.Refuse(path.Root("name"), "The Service is no load balancer",
			fmt.Sprintf("Service %s is of type %s. Only those of type LoadBalancer can be imported.", name, live.Spec.Type))
	case live.Annotations[ipTypeNote] != ipTypePrivate:
		return framework.Refuse(path.Root("name"), "The Service is not declared private",
			fmt.Sprintf("Service %s lacks the annotation %s: %q. If its address is private already, annotate it and import it then; if it is public, whoever uses it would lose it, so make a private one beside it.", name, ipTypeNote, ipTypePrivate))
	}
	return nil
}

// adopt fills an imported model with what the Service says, and with the
// defaults for what is not part of it.
func (m *model) adopt(live corev1.Service, owner framework.Owner, onVPC bool) {
	spec, notes := live.Spec, live.Annotations
	m.Selector = stringMap(spec.Selector, nil)
	m.Ports = portList(spec.Ports)
	m.LoadBalancerIP = framework.StringOrNull(spec.LoadBalancerIP)
	m.Zone, m.VLAN = framework.StringOrNull(notes[zoneNote]), framework.StringOrNull(notes[vlanNote])
	m.NLBVersion, m.Scheduler = types.StringNull(), framework.StringOrNull(notes[schedulerNote])
	features := split(notes[featuresNote])
	if slices.Contains(features, featureIPVS) {
		m.NLBVersion = types.StringValue(nlbTwo)
		features = nil
	}
	m.VPC = adoptVPC(notes, features, onVPC)
	m.ExternalPolicy = types.StringValue(string(spec.ExternalTrafficPolicy))
	m.InternalPolicy = types.StringValue(policyCluster)
	if spec.InternalTrafficPolicy != nil {
		m.InternalPolicy = types.StringValue(string(*spec.InternalTrafficPolicy))
	}
	m.SessionAffinity = types.StringValue(string(spec.SessionAffinity))
	m.SourceRanges = stringSet(spec.LoadBalancerSourceRanges)
	labels, annotations := live.Labels, notes
	if services().Stamp(live) != "" { // a resource of this type has made it
		labels, annotations = services().Declared(live, owner)
	}
	m.Labels = stringMap(labels, func(key string) bool { return key == framework.ManagedByLabel })
	m.Annotations = stringMap(annotations, func(key string) bool { return checkAnnotation(key, "") != nil })
	m.Wait, m.Force = types.BoolValue(true), types.BoolValue(false)
}

func portList(ports []corev1.ServicePort) types.List {
	elements := make([]attr.Value, len(ports))
	for i, p := range ports {
		elements[i] = types.ObjectValueMust(portTypes(), map[string]attr.Value{
			"name": framework.StringOrNull(p.Name), "port": types.Int64Value(int64(p.Port)),
			"target_port": types.StringValue(portText(p.TargetPort, p.Port)), "protocol": types.StringValue(string(p.Protocol)),
			// Whether its author or the cluster has chosen it cannot be told.
			"node_port": types.Int64Null(), "app_protocol": types.StringPointerValue(p.AppProtocol),
		})
	}
	return types.ListValueMust(types.ObjectType{AttrTypes: portTypes()}, elements)
}

// adoptVPC reads the annotations for VPC load balancers; null where there is none.
func adoptVPC(notes map[string]string, features []string, onVPC bool) types.Object {
	own := func(key string) bool {
		return strings.HasPrefix(key, balancerPrefix+"vpc-") && strings.HasPrefix(attributeOf()[key], "vpc.")
	}
	some := onVPC && len(features) > 0
	for key := range notes {
		some = some || own(key)
	}
	if !some {
		return types.ObjectNull(vpcTypes())
	}
	values := map[string]attr.Value{
		"features": stringSet(features), "subnets": stringSet(split(notes[subnetsNote])), "security_groups": stringSet(split(notes[securityGroupsNote])),
		"name": framework.StringOrNull(notes[nameNote]), "idle_timeout": numberOrNull(notes[idleTimeoutNote]),
		"health_check": types.ObjectNull(healthTypes()),
	}
	if slices.ContainsFunc(healthNotes(), func(key string) bool { return notes[key] != "" }) {
		values["health_check"] = types.ObjectValueMust(healthTypes(), map[string]attr.Value{
			"protocol": framework.StringOrNull(notes[healthProtocolNote]), "path": framework.StringOrNull(notes[healthPathNote]),
			"port": numberOrNull(notes[healthPortNote]), "delay": numberOrNull(notes[healthDelayNote]), "timeout": numberOrNull(notes[healthTimeoutNote]),
			"retries": numberOrNull(notes[healthRetriesNote]), "udp_port": numberOrNull(notes[healthUDPNote]),
		})
	}
	return types.ObjectValueMust(vpcTypes(), values)
}

func healthNotes() []string {
	return []string{healthProtocolNote, healthPathNote, healthPortNote, healthDelayNote, healthTimeoutNote, healthRetriesNote, healthUDPNote}
}

func portTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"name": types.StringType, "port": types.Int64Type, "target_port": types.StringType,
		"protocol": types.StringType, "node_port": types.Int64Type, "app_protocol": types.StringType,
	}
}

func vpcTypes() map[string]attr.Type {
	texts := types.SetType{ElemType: types.StringType}
	return map[string]attr.Type{
		"features": texts, "subnets": texts, "security_groups": texts, "name": types.StringType, "idle_timeout": types.Int64Type,
		"health_check": types.ObjectType{AttrTypes: healthTypes()},
	}
}

func healthTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"protocol": types.StringType, "path": types.StringType, "port": types.Int64Type, "delay": types.Int64Type,
		"timeout": types.Int64Type, "retries": types.Int64Type, "udp_port": types.Int64Type,
	}
}

// split takes a list apart that stands in an annotation.
func split(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func numberOrNull(text string) types.Int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}

// stringSet makes a set; nothing gives null.
func stringSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.StringValue(v)
	}
	return types.SetValueMust(types.StringType, elements)
}

// stringMap makes a map of what is not left out; nothing gives null.
func stringMap(values map[string]string, leaveOut func(key string) bool) types.Map {
	elements := map[string]attr.Value{}
	for key, value := range values {
		if leaveOut == nil || !leaveOut(key) {
			elements[key] = types.StringValue(value)
		}
	}
	if len(elements) == 0 {
		return types.MapNull(types.StringType)
	}
	return types.MapValueMust(types.StringType, elements)
}
