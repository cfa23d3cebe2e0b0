package remoteservice

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func portOf(change func(map[string]attr.Value)) attr.Value {
	values := map[string]attr.Value{
		"name": types.StringNull(), "port": types.Int64Value(443), "target_port": types.Int64Value(443),
		"protocol": types.StringValue("TCP"), "app_protocol": types.StringNull(),
	}
	if change != nil {
		change(values)
	}
	return types.ObjectValueMust(portType().AttrTypes, values)
}

// planned is a model as a plan has it.
func planned(change func(*model)) *model {
	m := &model{
		Namespace: types.StringValue("shop"), Name: types.StringValue("api"),
		Ports:     types.ListValueMust(portType(), []attr.Value{portOf(nil)}),
		Endpoints: endpoints("10.0.0.1"), Hostname: types.StringNull(),
		Labels: types.MapNull(types.StringType), Annotations: types.MapNull(types.StringType), Force: types.BoolValue(false),
	}
	if change != nil {
		change(m)
	}
	return m
}

func endpoints(texts ...string) types.Set {
	var out []attr.Value
	for _, text := range texts {
		out = append(out, types.StringValue(text))
	}
	return types.SetValueMust(types.StringType, out)
}

func ports(values ...attr.Value) types.List { return types.ListValueMust(portType(), values) }

func TestReadingOfTheModel(t *testing.T) {
	t.Parallel()
	type change = func(*model)
	labels := func(key, value string) types.Map {
		return types.MapValueMust(types.StringType, map[string]attr.Value{key: types.StringValue(value)})
	}
	for name, test := range map[string]struct {
		change change
		at     string // path of the problem, "" for none
		says   string
	}{
		"good":                  {nil, "", ""},
		"no choice":             {func(m *model) { m.Endpoints = types.SetNull(types.StringType) }, "endpoints", "neither endpoints nor hostname"},
		"both choices":          {func(m *model) { m.Hostname = types.StringValue("lb.example.com") }, "hostname", "both set"},
		"no endpoint":           {func(m *model) { m.Endpoints = endpoints() }, "endpoints", "empty"},
		"null endpoint":         {func(m *model) { m.Endpoints = types.SetValueMust(types.StringType, []attr.Value{types.StringNull()}) }, "endpoints[Value(<null>)]", "on VPC it has a hostname"},
		"bad endpoint":          {func(m *model) { m.Endpoints = endpoints("127.0.0.1") }, `endpoints[Value("127.0.0.1")]`, "loopback"},
		"one address, two ways": {func(m *model) { m.Endpoints = endpoints("fd00::1", "FD00::1") }, "", "two ways"},
		"bad name":              {func(m *model) { m.Name = types.StringValue("Api") }, "name", "Api"},
		"bad namespace":         {func(m *model) { m.Namespace = types.StringValue("a.b") }, "namespace", "a.b"},
		"port 0": {func(m *model) {
			m.Ports = ports(portOf(func(p map[string]attr.Value) { p["port"] = types.Int64Value(0) }))
		}, "ports[0].port", "1 to 65535"},
		"target port too large": {func(m *model) {
			m.Ports = ports(portOf(func(p map[string]attr.Value) { p["target_port"] = types.Int64Value(65536) }))
		}, "ports[0].target_port", "65536"},
		"port without a name": {func(m *model) {
			m.Ports = ports(portOf(nil), portOf(func(p map[string]attr.Value) { p["name"] = types.StringValue("b"); p["port"] = types.Int64Value(80) }))
		}, "ports[0].name", "several ports"},
		"bad port name": {func(m *model) {
			m.Ports = ports(portOf(func(p map[string]attr.Value) { p["name"] = types.StringValue("a_b") }))
		}, "ports[0].name", "a_b"},
		"bad app protocol": {func(m *model) {
			m.Ports = ports(portOf(func(p map[string]attr.Value) { p["app_protocol"] = types.StringValue("a b") }))
		}, "ports[0].app_protocol", "a b"},
		"name twice":          {func(m *model) { m.Ports = ports(portOf(named("a", 1)), portOf(named("a", 2))) }, "ports[1].name", `"a"`},
		"port twice":          {func(m *model) { m.Ports = ports(portOf(named("a", 1)), portOf(named("b", 1))) }, "ports[1].port", "TCP 1 is there twice"},
		"label of ours":       {func(m *model) { m.Labels = labels("kubernetes.io/service-name", "x") }, `labels["kubernetes.io/service-name"]`, "provider's own"},
		"bad label":           {func(m *model) { m.Labels = labels("a b", "x") }, `labels["a b"]`, "a b"},
		"annotation of ours":  {func(m *model) { m.Annotations = labels(framework.OwnerAnnotation, "x") }, `annotations["` + framework.OwnerAnnotation + `"]`, "provider's own"},
		"alias of itself":     {alias("api.shop.svc.cluster.local"), "hostname", "own name"},
		"alias that is an IP": {alias("10.0.0.1"), "hostname", "endpoints"},
		"alias with another port": {func(m *model) {
			alias("lb.example.com")(m)
			m.Ports = ports(portOf(func(p map[string]attr.Value) { p["target_port"] = types.Int64Value(8443) }))
		}, "ports[0].target_port", "rewrites no port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := planned(test.change).read(t.Context())
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refusal, ok := framework.AsRefusal(err)
			if !ok {
				t.Fatalf("error is %v", err)
			}
			for _, p := range refusal.Problems {
				if strings.Contains(p.Detail, test.says) || strings.Contains(strings.ToLower(p.Detail), strings.ToLower(test.says)) {
					if test.at != "" && p.Path.String() != test.at {
						t.Errorf("the path is %s, want %s", p.Path, test.at)
					}
					return
				}
			}
			t.Errorf("no problem says %q: %v", test.says, err)
		})
	}
}

func named(name string, number int64) func(map[string]attr.Value) {
	return func(p map[string]attr.Value) {
		p["name"], p["port"] = types.StringValue(name), types.Int64Value(number)
	}
}

func alias(hostname string) func(*model) {
	return func(m *model) {
		m.Endpoints, m.Hostname = types.SetNull(types.StringType), types.StringValue(hostname)
	}
}

// What is not known yet is no problem, and says that the model is not known.
func TestUnknownsAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*model){
		"endpoints": func(m *model) { m.Endpoints = types.SetUnknown(types.StringType) },
		"an endpoint": func(m *model) {
			m.Endpoints = types.SetValueMust(types.StringType, []attr.Value{types.StringUnknown()})
		},
		"either of two": func(m *model) { m.Endpoints, m.Hostname = types.SetUnknown(types.StringType), types.StringUnknown() },
		"namespace":     func(m *model) { m.Namespace = types.StringUnknown() },
		"ports":         func(m *model) { m.Ports = types.ListUnknown(portType()) },
		"a port":        func(m *model) { m.Ports = ports(types.ObjectUnknown(portType().AttrTypes)) },
		"a number": func(m *model) {
			m.Ports = ports(portOf(func(p map[string]attr.Value) {
				p["port"], p["target_port"] = types.Int64Unknown(), types.Int64Unknown()
			}))
		},
		"labels": func(m *model) { m.Labels = types.MapUnknown(types.StringType) },
		"a label": func(m *model) {
			m.Labels = types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringUnknown()})
		},
		"force": func(m *model) { m.Force = types.BoolUnknown() },
	} {
		m := planned(change)
		_, known, problems := m.remote(t.Context())
		if known || len(problems) > 0 || len(m.choice()) > 0 {
			t.Errorf("%s: known is %t, problems %v, choice %v", name, known, problems, m.choice())
		}
	}
}

func TestDeclare(t *testing.T) {
	t.Parallel()
	service := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api", Labels: map[string]string{"team": "shop", "foreign": "x"}, ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:team":{}}}}`)},
		}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(443), Protocol: corev1.ProtocolTCP}}},
	}
	objects := ownership.Object[corev1.Service]{Manager: manager}
	m := &model{Namespace: types.StringValue("shop"), Name: types.StringValue("api")}
	live := scene{service: &service, slices: []discoveryv1.EndpointSlice{sliceOf("a", "", "10.0.0.1"), sliceOf("b", "", "fd00::1")}}
	if err := m.declare(live, objects, framework.Owner{}); err != nil {
		t.Fatal(err)
	}
	m.Drift = types.ListNull(types.StringType)
	want := planned(func(m *model) {
		m.Drift = types.ListNull(types.StringType)
		m.Endpoints = endpoints("10.0.0.1", "fd00::1")
		m.Labels = types.MapValueMust(types.StringType, map[string]attr.Value{"team": types.StringValue("shop")})
	})
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, test := range map[string]struct {
		change func(*corev1.ServiceSpec)
		says   string
	}{
		"selector": {func(s *corev1.ServiceSpec) { s.Selector = map[string]string{"a": "b"} }, "selects pods"},
		"balanced": {func(s *corev1.ServiceSpec) { s.Type = corev1.ServiceTypeLoadBalancer }, "LoadBalancer"},
		"headless": {func(s *corev1.ServiceSpec) { s.ClusterIP = corev1.ClusterIPNone }, "headless"},
		"no port":  {func(s *corev1.ServiceSpec) { s.Ports = nil }, "no ports"},
		"named port": {func(s *corev1.ServiceSpec) {
			s.Ports = []corev1.ServicePort{{Port: 1, TargetPort: intstr.FromString("web")}}
		}, `"web"`},
	} {
		other := service
		test.change(&other.Spec)
		err := (&model{}).declare(scene{service: &other, slices: live.slices}, objects, framework.Owner{})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if err := (&model{}).declare(scene{service: &service}, objects, framework.Owner{}); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("without slices: %v", err)
	}
}
