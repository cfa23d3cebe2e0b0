package privateservice

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func text(v string) types.String { return types.StringValue(v) }

func texts(values ...string) types.Set { return stringSet(values) }

func pairs(kv ...string) types.Map {
	out := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		out[kv[i]] = kv[i+1]
	}
	return stringMap(out, nil)
}

// values of an object; what is left out is null.
type values map[string]attr.Value

func object(kinds map[string]attr.Type, v values) types.Object {
	all := map[string]attr.Value{}
	for name, kind := range kinds {
		switch kind := kind.(type) {
		case types.SetType:
			all[name] = types.SetNull(kind.ElemType)
		case types.ObjectType:
			all[name] = types.ObjectNull(kind.AttrTypes)
		default:
			if kind.Equal(types.Int64Type) {
				all[name] = types.Int64Null()
			} else {
				all[name] = types.StringNull()
			}
		}
		if given, ok := v[name]; ok {
			all[name] = given
		}
	}
	return types.ObjectValueMust(kinds, all)
}

func ports(entries ...values) types.List {
	elements := make([]attr.Value, len(entries))
	for i, v := range entries {
		elements[i] = object(portTypes(), v)
	}
	return types.ListValueMust(types.ObjectType{AttrTypes: portTypes()}, elements)
}

func vpc(v values) types.Object { return object(vpcTypes(), v) }

func health(v values) values {
	return values{"health_check": object(healthTypes(), v)}
}

func n(v int64) types.Int64 { return types.Int64Value(v) }

// configured is a small configuration that is right, changed.
func configured(change func(*model)) *model {
	m := &model{
		Name: text("api"), Selector: pairs("app", "api"), Ports: ports(values{"port": n(443)}),
		VPC: types.ObjectNull(vpcTypes()), SourceRanges: types.SetNull(types.StringType),
		Labels: types.MapNull(types.StringType), Annotations: types.MapNull(types.StringType),
	}
	if change != nil {
		change(m)
	}
	return m
}

func TestCheck(t *testing.T) {
	t.Parallel()
	root := path.Root
	unknown := types.StringUnknown()
	for _, test := range []struct {
		name   string
		change func(*model)
		at     []path.Path // none: nothing is wrong
		says   string
	}{
		{name: "least"},
		{name: "classic, all of it", change: func(m *model) {
			m.Namespace, m.LoadBalancerIP, m.Zone, m.VLAN = text("shop"), text("10.48.192.3"), text("dal10"), text("2234945")
			m.NLBVersion, m.Scheduler, m.ExternalPolicy = text("2.0"), text("sh"), text("Local")
			m.Ports = ports(values{"name": text("https"), "port": n(443), "target_port": text("https"), "node_port": n(30443)}, values{"name": text("dns"), "port": n(443), "protocol": text("UDP")})
			m.SourceRanges, m.Labels, m.Annotations = texts("10.0.0.0/8", "fd00::/8"), pairs("team", "net"), pairs("prometheus.io/scrape", "true", balancerPrefix+"vpc-member-quota", "4")
		}},
		{name: "VPC, all of it", change: func(m *model) {
			m.Ports = ports(values{"port": n(53), "protocol": text("UDP")})
			v := health(values{"protocol": text("http"), "path": text("/ok"), "port": n(8080), "delay": n(10), "timeout": n(9), "retries": n(3), "udp_port": n(9)})
			v["features"], v["subnets"], v["name"] = texts("nlb"), texts("a", "b"), text("api")
			v["security_groups"], v["idle_timeout"] = texts("sg"), n(50)
			m.VPC = vpc(v)
		}},
		{name: "nothing known", change: func(m *model) {
			*m = model{
				Namespace: unknown, Name: unknown, Selector: types.MapUnknown(types.StringType), Ports: types.ListUnknown(types.ObjectType{AttrTypes: portTypes()}),
				LoadBalancerIP: unknown, Zone: unknown, VLAN: unknown, NLBVersion: unknown, Scheduler: unknown, VPC: types.ObjectUnknown(vpcTypes()),
				ExternalPolicy: unknown, InternalPolicy: unknown, SessionAffinity: unknown, SourceRanges: types.SetUnknown(types.StringType),
				Labels: types.MapUnknown(types.StringType), Annotations: types.MapUnknown(types.StringType), Wait: types.BoolUnknown(), Force: types.BoolUnknown(),
			}
		}},
		{name: "values not known", change: func(m *model) {
			m.Ports = ports(values{"port": types.Int64Unknown(), "name": unknown, "target_port": unknown, "protocol": unknown}, values{"port": n(80), "name": unknown})
			m.Selector = types.MapValueMust(types.StringType, map[string]attr.Value{"app": unknown})
			m.NLBVersion, m.ExternalPolicy = text("2.0"), unknown
			m.SourceRanges = types.SetValueMust(types.StringType, []attr.Value{unknown})
		}},
		{name: "scheduler of a version not known", change: func(m *model) { m.NLBVersion, m.Scheduler = unknown, text("rr") }},
		{name: "features not known", change: func(m *model) {
			m.Ports = ports(values{"port": n(53), "protocol": text("UDP")})
			m.VPC = vpc(values{"features": types.SetValueMust(types.StringType, []attr.Value{unknown})})
		}},

		{name: "bad name", change: func(m *model) { m.Name = text("9-api") }, at: []path.Path{root("name")}, says: "9-api"},
		{name: "bad namespace", change: func(m *model) { m.Namespace = text("a.b") }, at: []path.Path{root("namespace")}},
		{name: "empty selector", change: func(m *model) { m.Selector = types.MapValueMust(types.StringType, nil) }, at: []path.Path{root("selector")}, says: "iks_remote_service"},
		{name: "bad selector", change: func(m *model) { m.Selector = pairs("app", "a b") }, at: []path.Path{root("selector").AtMapKey("app")}},
		{name: "null in selector", change: func(m *model) {
			m.Selector = types.MapValueMust(types.StringType, map[string]attr.Value{"app": types.StringNull()})
		}, at: []path.Path{root("selector").AtMapKey("app")}, says: "null"},
		{name: "no ports", change: func(m *model) { m.Ports = ports() }, at: []path.Path{root("ports")}},
		{name: "port 0", change: func(m *model) { m.Ports = ports(values{"port": n(0)}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("port")}},
		{name: "port out of range", change: func(m *model) { m.Ports = ports(values{"port": n(65536)}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("port")}, says: "65536"},
		{name: "target port out of range", change: func(m *model) { m.Ports = ports(values{"port": n(1), "target_port": text("70000")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("target_port")}},
		{name: "target port of another spelling", change: func(m *model) { m.Ports = ports(values{"port": n(1), "target_port": text("0080")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("target_port")}, says: "80"},
		{name: "target port no name", change: func(m *model) { m.Ports = ports(values{"port": n(1), "target_port": text("Web_1")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("target_port")}},
		{name: "node port out of range", change: func(m *model) { m.Ports = ports(values{"port": n(1), "node_port": n(8080)}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("node_port")}, says: "30000"},
		{name: "ports without names", change: func(m *model) { m.Ports = ports(values{"port": n(1)}, values{"port": n(2), "name": text("b")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("name")}},
		{name: "same name twice", change: func(m *model) {
			m.Ports = ports(values{"port": n(1), "name": text("a")}, values{"port": n(2), "name": text("a")})
		}, at: []path.Path{root("ports").AtListIndex(1).AtName("name")}},
		{name: "same port twice", change: func(m *model) {
			m.Ports = ports(values{"port": n(1), "name": text("a")}, values{"port": n(1), "name": text("b"), "protocol": text("TCP")})
		}, at: []path.Path{root("ports").AtListIndex(1).AtName("port")}, says: "TCP 1"},
		{name: "same node port twice", change: func(m *model) {
			m.Ports = ports(values{"port": n(1), "name": text("a"), "node_port": n(30001)}, values{"port": n(2), "name": text("b"), "node_port": n(30001)})
		}, at: []path.Path{root("ports").AtListIndex(1).AtName("node_port")}},
		{name: "bad port name", change: func(m *model) { m.Ports = ports(values{"port": n(1), "name": text("A")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("name")}},
		{name: "bad app protocol", change: func(m *model) { m.Ports = ports(values{"port": n(1), "app_protocol": text("a b")}) }, at: []path.Path{root("ports").AtListIndex(0).AtName("app_protocol")}},
		{name: "not an address", change: func(m *model) { m.LoadBalancerIP = text("api.example") }, at: []path.Path{root("load_balancer_ip")}},
		{name: "empty address", change: func(m *model) { m.LoadBalancerIP = text("") }, at: []path.Path{root("load_balancer_ip")}},
		{name: "address of a service endpoint", change: func(m *model) { m.LoadBalancerIP = text("166.9.1.1") }, at: []path.Path{root("load_balancer_ip")}, says: "service endpoints"},
		{name: "VLAN number", change: func(m *model) { m.VLAN = text("dal10.fcr01.1234") }, at: []path.Path{root("vlan_id")}, says: "vlan ls"},
		{name: "empty zone", change: func(m *model) { m.Zone = text("") }, at: []path.Path{root("zone")}},
		{name: "bad CIDR", change: func(m *model) { m.SourceRanges = texts("10.0.0.0/33") }, at: []path.Path{root("source_ranges").AtSetValue(text("10.0.0.0/33"))}},
		{name: "CIDR of a host", change: func(m *model) { m.SourceRanges = texts("10.0.0.1/8") }, at: []path.Path{root("source_ranges").AtSetValue(text("10.0.0.1/8"))}, says: "10.0.0.0/8"},
		{name: "no CIDR", change: func(m *model) { m.SourceRanges = types.SetValueMust(types.StringType, nil) }, at: []path.Path{root("source_ranges")}, says: "empty"},
		{name: "scheduler without 2.0", change: func(m *model) { m.Scheduler = text("rr") }, at: []path.Path{root("scheduler")}},
		{name: "2.0 without Local", change: func(m *model) { m.NLBVersion = text("2.0") }, at: []path.Path{root("external_traffic_policy")}},
		{name: "2.0 and VPC", change: func(m *model) {
			m.NLBVersion, m.ExternalPolicy, m.VPC = text("2.0"), text("Local"), vpc(nil)
		}, at: []path.Path{root("nlb_version")}},
		{name: "address and VPC", change: func(m *model) { m.LoadBalancerIP, m.VPC = text("10.0.0.1"), vpc(nil) }, at: []path.Path{root("load_balancer_ip")}},
		{name: "alb and nlb", change: func(m *model) { m.VPC = vpc(values{"features": texts("alb", "nlb")}) }, at: []path.Path{root("vpc").AtName("features")}},
		{name: "UDP on an ALB", change: func(m *model) {
			m.Ports, m.VPC = ports(values{"port": n(53), "protocol": text("UDP")}), vpc(nil)
		}, at: []path.Path{root("vpc").AtName("features")}, says: "nlb"},
		{name: "no subnets", change: func(m *model) { m.VPC = vpc(values{"subnets": types.SetValueMust(types.StringType, nil)}) }, at: []path.Path{root("vpc").AtName("subnets")}},
		{name: "two subnets in one", change: func(m *model) { m.VPC = vpc(values{"subnets": texts("a,b")}) }, at: []path.Path{root("vpc").AtName("subnets").AtSetValue(text("a,b"))}},
		{name: "bad balancer name", change: func(m *model) { m.VPC = vpc(values{"name": text("API")}) }, at: []path.Path{root("vpc").AtName("name")}},
		{name: "idle timeout", change: func(m *model) { m.VPC = vpc(values{"idle_timeout": n(7201)}) }, at: []path.Path{root("vpc").AtName("idle_timeout")}},
		{name: "delay", change: func(m *model) { m.VPC = vpc(health(values{"delay": n(61)})) }, at: []path.Path{root("vpc").AtName("health_check").AtName("delay")}},
		{name: "retries", change: func(m *model) { m.VPC = vpc(health(values{"retries": n(11)})) }, at: []path.Path{root("vpc").AtName("health_check").AtName("retries")}},
		{name: "timeout not below the default delay", change: func(m *model) { m.VPC = vpc(health(values{"timeout": n(5)})) }, at: []path.Path{root("vpc").AtName("health_check").AtName("timeout")}, says: "5 s"},
		{name: "path for TCP", change: func(m *model) { m.VPC = vpc(health(values{"path": text("/x"), "protocol": text("tcp")})) }, at: []path.Path{root("vpc").AtName("health_check").AtName("path")}},
		{name: "no path", change: func(m *model) { m.VPC = vpc(health(values{"path": text("x"), "protocol": text("http")})) }, at: []path.Path{root("vpc").AtName("health_check").AtName("path")}},
		{name: "bad label", change: func(m *model) { m.Labels = pairs("a b", "c") }, at: []path.Path{root("labels").AtMapKey("a b")}},
		{name: "public by annotation", change: func(m *model) { m.Annotations = pairs(ipTypeNote, "public") }, at: []path.Path{root("annotations").AtMapKey(ipTypeNote)}, says: "always private"},
		{name: "zone by annotation", change: func(m *model) { m.Annotations = pairs(zoneNote, "dal10") }, at: []path.Path{root("annotations").AtMapKey(zoneNote)}, says: "`zone`"},
		{name: "features by annotation", change: func(m *model) { m.Annotations = pairs(featuresNote, "nlb") }, at: []path.Path{root("annotations").AtMapKey(featuresNote)}, says: "`vpc.features`"},
		{name: "IBM's own annotation", change: func(m *model) { m.Annotations = pairs(ingressPrefix+"public", "1.2.3.4") }, at: []path.Path{root("annotations").AtMapKey(ingressPrefix + "public")}},
		{name: "our own annotation", change: func(m *model) { m.Annotations = pairs(framework.OwnerAnnotation, "x") }, at: []path.Path{root("annotations").AtMapKey(framework.OwnerAnnotation)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems := part{}.Check(t.Context(), configured(test.change))
			var at []path.Path
			for _, p := range problems {
				at = append(at, p.Path)
				if !strings.Contains(p.Detail, test.says) {
					t.Errorf("%s: %q does not say %q", p.Path, p.Detail, test.says)
				}
			}
			if !slices.EqualFunc(at, test.at, path.Path.Equal) {
				t.Errorf("problems at %v, want %v: %+v", at, test.at, problems)
			}
		})
	}
}

func TestMisplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*model)
		onVPC  bool
		want   []string // attribute and alternative
	}{
		{name: "classic", change: func(m *model) {
			m.LoadBalancerIP, m.Zone, m.VLAN, m.NLBVersion = text("10.0.0.1"), text("dal10"), text("1"), text("1.0")
		}},
		{name: "UDP on classic", change: func(m *model) { m.Ports = ports(values{"port": n(53), "protocol": text("UDP")}) }},
		{name: "VPC's on classic", change: func(m *model) { m.VPC = vpc(nil) }, want: []string{"vpc", "nlb_version"}},
		{name: "VPC", change: func(m *model) { m.Zone, m.VPC = text("us-south-1"), vpc(nil) }, onVPC: true},
		{name: "address on VPC", change: func(m *model) { m.LoadBalancerIP = text("10.0.0.1") }, onVPC: true, want: []string{"load_balancer_ip", "vpc.subnets"}},
		{name: "VLAN on VPC", change: func(m *model) { m.VLAN = text("1") }, onVPC: true, want: []string{"vlan_id", "vpc.subnets"}},
		{name: "version on VPC", change: func(m *model) { m.NLBVersion = text("1.0") }, onVPC: true, want: []string{"nlb_version", "vpc = { features"}},
		{name: "UDP on VPC", change: func(m *model) { m.Ports = ports(values{"port": n(53), "protocol": text("UDP")}) }, onVPC: true, want: []string{"ports", "nlb"}},
		{name: "not known yet", change: func(m *model) { m.LoadBalancerIP = types.StringUnknown() }, onVPC: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := configured(test.change)
			d, _, _ := m.declaration()
			err := misplaced(m, d, test.onVPC)
			refusal, refused := framework.AsRefusal(err)
			if refused != (test.want != nil) {
				t.Fatalf("got %v", err)
			}
			if !refused {
				return
			}
			p := refusal.Problems[0]
			if len(refusal.Problems) != 1 || !p.Path.Equal(path.Root(test.want[0])) || !strings.Contains(p.Detail, test.want[1]) {
				t.Errorf("got %+v, want %q", refusal.Problems, test.want)
			}
		})
	}
}
