package strongswan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// importID reads `[namespace/]name`, or the two one after the other.
func importID(parts []string) (map[string]string, error) {
	if len(parts) == 1 {
		if namespace, name, both := strings.Cut(parts[0], "/"); both {
			parts = []string{namespace, name}
		} else {
			parts = []string{defaultOf("namespace"), parts[0]}
		}
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return nil, fmt.Errorf("%q does not name a release, the form is \"cluster,name\" or \"cluster,namespace/name\"", strings.Join(parts, ","))
	}
	return map[string]string{"namespace": parts[0], "name": parts[1]}, nil
}

// imported tells a model that has nothing but its key yet.
func (m *model) imported() bool { return m.Remote.IsNull() }

// adopt fills an imported model with what the release says.
func (m *model) adopt(now *helm.Release) error {
	if now.Chart != chartName {
		return framework.Refuse(path.Root("name"), "The release is of another chart",
			fmt.Sprintf("Release %s/%s is of chart %s %s, and a tunnel is one of chart %s.", now.Namespace, now.Name, now.Chart, now.ChartVersion, chartName))
	}
	if ofBuiltin(now) {
		m.declare(builtinTunnelOf(now.Namespace, now.Name, now.Values))
		return nil
	}
	t, err := ibmTunnelOf(now)
	if err != nil {
		return err
	}
	m.declare(t)
	return nil
}

// declare sets the arguments that stand for a tunnel. What is as it is by
// default and has no default in the schema is null.
func (m *model) declare(t tunnel) {
	s := attributes()
	m.Chart = objectOf(s["chart"], map[string]attr.Value{"source": types.StringValue(t.source), "version": framework.StringOrNull(t.version)})
	m.Image, m.Initiate = framework.StringOrNull(t.image), types.BoolValue(t.initiate)
	m.Remote = objectOf(s["remote"], map[string]attr.Value{
		"gateway": types.StringValue(t.remote.gateway), "subnets": setOf(t.remote.subnets),
		"id": types.StringValue(t.remote.id), "ping_address": framework.StringOrNull(t.remote.ping),
	})
	m.Local = objectOf(s["local"], map[string]attr.Value{
		"subnets": setOf(t.local.subnets), "id": types.StringValue(t.local.id),
		"zone_subnets": mapOf(t.local.zoneSubnets), "non_cluster_subnets": setOf(t.local.nonCluster),
	})
	m.IKE = objectOf(s["ike"], map[string]attr.Value{
		"version": types.StringValue(t.ike.version), "proposals": listOf(t.ike.proposals), "lifetime": types.StringValue(t.ike.lifetime),
	})
	m.ESP = objectOf(s["esp"], map[string]attr.Value{
		"proposals": listOf(t.esp.proposals), "lifetime": types.StringValue(t.esp.lifetime), "margin": types.StringValue(t.esp.margin),
	})
	m.Key, m.KeyVersion = types.StringNull(), types.Int64Null()
	m.KeySecret = types.ObjectNull(kindsOf(s["preshared_key_secret"]))
	if t.keySecret != "" {
		m.KeySecret = objectOf(s["preshared_key_secret"], map[string]attr.Value{"name": types.StringValue(t.keySecret), "key": types.StringValue(t.keyKey)})
	} else if t.keyVersion != 0 {
		m.KeyVersion = types.Int64Value(t.keyVersion)
	}
	m.DPDAction, m.CloseAction, m.KeyingTries = types.StringValue(t.dpdAction), types.StringValue(t.closeAction), types.StringValue(t.keyingTries)
	m.ExtraOptions = listOf(t.extraOptions)
	m.LocalNAT, m.RemoteNAT = mapOf(t.localNAT), mapOf(t.remoteNAT)
	m.SingleSourceIP, m.PodSNAT = types.BoolValue(t.singleSourceIP), types.StringValue(t.podSNAT)
	m.ServiceType = types.StringValue(cmp.Or(t.serviceType, defaultOf("service_type")))
	m.BalancerIP, m.ZoneBalancers, m.ServiceSourceIP = framework.StringOrNull(t.balancerIP), mapOf(t.zoneBalancers), types.BoolValue(t.serviceSourceIP)
	m.ConnectUsing = types.StringValue(cmp.Or(t.connectUsing, defaultOf("connect_using_load_balancer_ip")))
	m.NodeSelector, m.Zone, m.ZoneRoutes = mapOf(t.nodeSelector), framework.StringOrNull(t.zone), types.BoolValue(t.zoneRoutes)
	m.Validate, m.Privileged, m.WaitFor = types.StringValue(cmp.Or(t.validate, defaultOf("validate"))), types.BoolValue(t.privileged), types.StringValue(defaultOf("wait_for"))
	m.declareObjects(t, s)
}

func (m *model) declareObjects(t tunnel, s map[string]schema.Attribute) {
	tolerationKind := types.ObjectType{AttrTypes: kindsOf(s["tolerations"])}
	m.Tolerations = types.ListNull(tolerationKind)
	var tolerations []attr.Value
	for _, one := range t.tolerations {
		tolerations = append(tolerations, types.ObjectValueMust(tolerationKind.AttrTypes, map[string]attr.Value{
			"key": framework.StringOrNull(one.key), "operator": framework.StringOrNull(one.operator),
			"value": framework.StringOrNull(one.value), "effect": framework.StringOrNull(one.effect),
		}))
	}
	if len(tolerations) > 0 {
		m.Tolerations = types.ListValueMust(tolerationKind, tolerations)
	}
	m.Monitoring = types.ObjectNull(kindsOf(s["monitoring"]))
	if of := t.monitoring; of != nil {
		m.Monitoring = objectOf(s["monitoring"], map[string]attr.Value{
			"cluster_name": framework.StringOrNull(of.clusterName), "private_ips": setOf(of.privateIPs), "http_endpoints": setOf(of.endpoints),
			"timeout": numberOrNull(of.timeout), "delay": numberOrNull(of.delay),
		})
	}
	m.Logging = types.MapNull(types.Int64Type)
	if t.logging != nil {
		levels := map[string]attr.Value{}
		for part, level := range t.logging {
			levels[part] = types.Int64Value(level)
		}
		m.Logging = types.MapValueMust(types.Int64Type, levels)
	}
	m.ExtraValues = types.StringNull()
	if raw, err := json.Marshal(t.extraValues); err == nil && len(t.extraValues) > 0 {
		m.ExtraValues = types.StringValue(string(raw))
	}
}

// kindsOf are the types of what is in an object, or in the objects of a list.
func kindsOf(attribute schema.Attribute) map[string]attr.Type {
	kind := attribute.GetType()
	if list, is := kind.(types.ListType); is {
		kind = list.ElemType
	}
	if object, is := kind.(types.ObjectType); is {
		return object.AttrTypes
	}
	return nil
}

func objectOf(attribute schema.Attribute, values map[string]attr.Value) types.Object {
	return types.ObjectValueMust(kindsOf(attribute), values)
}

// valuesOf are texts as Terraform has them.
func valuesOf(texts []string) []attr.Value {
	out := make([]attr.Value, len(texts))
	for i, text := range texts {
		out[i] = types.StringValue(text)
	}
	return out
}

// setOf, listOf and mapOf are null for nothing.
func setOf(texts []string) types.Set {
	if len(texts) == 0 {
		return types.SetNull(types.StringType)
	}
	return types.SetValueMust(types.StringType, valuesOf(texts))
}

func listOf(texts []string) types.List {
	if len(texts) == 0 {
		return types.ListNull(types.StringType)
	}
	return types.ListValueMust(types.StringType, valuesOf(texts))
}

func mapOf(pairs map[string]string) types.Map {
	if len(pairs) == 0 {
		return types.MapNull(types.StringType)
	}
	out := map[string]attr.Value{}
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		out[key] = types.StringValue(pairs[key])
	}
	return types.MapValueMust(types.StringType, out)
}

func numberOrNull(n int64) types.Int64 {
	if n == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}
