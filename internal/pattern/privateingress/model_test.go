package privateingress

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// planned is a model as a plan has it.
func planned(change func(*model)) *model {
	m := &model{Namespace: types.StringValue("shop"), Name: types.StringValue("front")}
	m.declare(whole())
	if change != nil {
		change(m)
	}
	return m
}

// What is declared, and read again, is what it was.
func TestModelThereAndBack(t *testing.T) {
	t.Parallel()
	got, known, problems := planned(nil).ingress()
	want := whole()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ingress{}, rule{}, route{}, backend{}, certificate{})); diff != "" || !known || len(problems) > 0 {
		t.Errorf("known is %t, problems %v; -want +got:\n%s", known, problems, diff)
	}
}

func routed(b backend) types.List {
	return ruleValues([]rule{{host: "a.example.com", paths: []route{{path: "/", pathType: networkingv1.PathTypePrefix, backend: b}}}})
}

// changed is the list of rules with one attribute of its first path, or of the
// rule itself, changed.
func changed(path, name string, value attr.Value) types.List {
	list := routed(backend{"api", "443"})
	first, _ := list.Elements()[0].(types.Object)
	fields := first.Attributes()
	if path == "" {
		fields[name] = value
	} else {
		paths, _ := fields["paths"].(types.List)
		route, _ := paths.Elements()[0].(types.Object)
		inner := route.Attributes()
		inner[name] = value
		fields["paths"] = types.ListValueMust(pathType(), []attr.Value{types.ObjectValueMust(pathType().AttrTypes, inner)})
	}
	return types.ListValueMust(ruleType(), []attr.Value{types.ObjectValueMust(ruleType().AttrTypes, fields)})
}

func TestWrongModels(t *testing.T) {
	t.Parallel()
	text := types.StringValue
	for name, test := range map[string]struct {
		change   func(*model)
		at, says string
	}{
		"name":           {func(m *model) { m.Name = text("A b") }, "name", "name of an Ingress"},
		"namespace":      {func(m *model) { m.Namespace = text("a.b") }, "namespace", "name of a namespace"},
		"public class":   {func(m *model) { m.Class = text("public-iks-traefik") }, "ingress_class", "from the internet"},
		"bad class":      {func(m *model) { m.Class = text("A b") }, "ingress_class", "name of an IngressClass"},
		"service":        {func(m *model) { m.Rules = routed(backend{"A", "80"}) }, "rules[0].paths[0].backend.service_name", "name of a Service"},
		"port 0":         {func(m *model) { m.Rules = routed(backend{"a", "0"}) }, "rules[0].paths[0].backend.service_port", "1 to 65535"},
		"port too large": {func(m *model) { m.Rules = routed(backend{"a", "65536"}) }, "rules[0].paths[0].backend.service_port", "65536"},
		"port name":      {func(m *model) { m.Rules = routed(backend{"a", "not_a_port"}) }, "rules[0].paths[0].backend.service_port", "neither"},
		"path":           {func(m *model) { m.Rules = changed("path", "path", text("api")) }, "rules[0].paths[0].path", "slash"},
		"host":           {func(m *model) { m.Rules = changed("", "host", text("a b")) }, "rules[0].host", "not a host name"},
		"IP as host":     {func(m *model) { m.Rules = changed("", "host", text("10.0.0.1")) }, "rules[0].host", "IP address"},
		"wildcard":       {func(m *model) { m.Rules = changed("", "host", text("a.*.com")) }, "rules[0].host", "wildcard"},
		"no paths":       {func(m *model) { m.Rules = changed("", "paths", types.ListValueMust(pathType(), nil)) }, "rules[0].paths", "empty"},
		"host twice":     {func(m *model) { m.Rules = ruleValues([]rule{whole().rules[0], whole().rules[0]}) }, "rules[1].host", "already"},
		"null rule": {func(m *model) {
			m.Rules = types.ListValueMust(ruleType(), []attr.Value{types.ObjectNull(ruleType().AttrTypes)})
		}, "rules[0]", "null"},
		"default backend": {func(m *model) { m.DefaultBackend = backendValue(backend{"a", ""}) }, "default_backend.service_port", "neither"},
		"TLS host":        {func(m *model) { m.TLS = tlsValues([]certificate{{hosts: []string{"a b"}}}) }, "tls[0].hosts[0]", "not a host name"},
		"TLS secret":      {func(m *model) { m.TLS = tlsValues([]certificate{{secret: "A b"}}) }, "tls[0].secret_name", "name of a Secret"},
		"class annotation": {func(m *model) {
			m.Annotations = types.MapValueMust(types.StringType, map[string]attr.Value{legacyClass: text("x")})
		}, `annotations["` + legacyClass + `"]`, "ingress_class"},
		"ALB by annotation": {func(m *model) {
			m.Annotations = types.MapValueMust(types.StringType, map[string]attr.Value{legacyALB: text("x")})
		}, `annotations["` + legacyALB + `"]`, "legacy_alb_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := planned(test.change).read()
			refusal, ok := framework.AsRefusal(err)
			if !ok {
				t.Fatalf("error is %v", err)
			}
			for _, p := range refusal.Problems {
				if p.Path.String() == test.at && strings.Contains(p.Detail, test.says) {
					return
				}
			}
			t.Errorf("no problem at %s says %q: %+v", test.at, test.says, refusal.Problems)
		})
	}
}

func TestUnknownsAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*model){
		"rules": func(m *model) { m.Rules = types.ListUnknown(ruleType()) },
		"a rule": func(m *model) {
			m.Rules = types.ListValueMust(ruleType(), []attr.Value{types.ObjectUnknown(ruleType().AttrTypes)})
		},
		"a host":          func(m *model) { m.Rules = changed("", "host", types.StringUnknown()) },
		"paths":           func(m *model) { m.Rules = changed("", "paths", types.ListUnknown(pathType())) },
		"a path":          func(m *model) { m.Rules = changed("path", "path", types.StringUnknown()) },
		"a backend":       func(m *model) { m.Rules = changed("path", "backend", types.ObjectUnknown(backendType().AttrTypes)) },
		"default backend": func(m *model) { m.DefaultBackend = types.ObjectUnknown(backendType().AttrTypes) },
		"tls":             func(m *model) { m.TLS = types.ListUnknown(tlsType()) },
		"name":            func(m *model) { m.Name = types.StringUnknown() },
		"ALB":             func(m *model) { m.LegacyALB = types.StringUnknown() },
		"labels":          func(m *model) { m.Labels = types.MapUnknown(types.StringType) },
		"force":           func(m *model) { m.Force = types.BoolUnknown() },
	} {
		if _, known, problems := planned(change).ingress(); known || len(problems) > 0 {
			t.Errorf("%s: known is %t, problems %v", name, known, problems)
		}
	}
	// The class may be found in the cluster.
	if _, known, problems := planned(func(m *model) { m.Class = types.StringUnknown() }).ingress(); !known || len(problems) > 0 {
		t.Errorf("the class: known is %t, problems %v", known, problems)
	}
}

func TestUpsets(t *testing.T) {
	t.Parallel()
	prior := planned(func(m *model) { m.Exposure = types.StringValue(exposurePrivate) })
	for name, test := range map[string]struct {
		change func(*model)
		upset  bool
	}{
		"labels":        {func(m *model) { m.Labels = types.MapUnknown(types.StringType) }, false},
		"class":         {func(m *model) { m.Class = types.StringValue("other") }, true},
		"unknown class": {func(m *model) { m.Class = types.StringUnknown() }, true},
		"ALB":           {func(m *model) { m.LegacyALB = types.StringNull() }, true},
	} {
		if got := (part{}).Upsets(prior, planned(test.change)); (len(got) > 0) != test.upset {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, exposure := range []string{exposurePublic, exposureUnverified} {
		prior.Exposure = types.StringValue(exposure)
		if got := (part{}).Upsets(prior, planned(nil)); len(got) == 0 {
			t.Errorf("an address that is %s is to last", exposure)
		}
	}
}
