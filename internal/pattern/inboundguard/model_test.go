package inboundguard

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func texts(values ...string) types.Set { return hostguard.StringSet(values) }

// item is one entry of pass or log.
type item struct {
	sources, destinations types.Set
	protocol              types.String
	ports                 types.Set
}

func items(list ...item) types.List {
	var elements []attr.Value
	for _, i := range list {
		elements = append(elements, types.ObjectValueMust(trafficType().AttrTypes, map[string]attr.Value{
			"source_cidrs": orNull(i.sources), "destination_cidrs": orNull(i.destinations), "protocol": i.protocol, "ports": orNull(i.ports),
		}))
	}
	return types.ListValueMust(trafficType(), elements)
}

func orNull(s types.Set) types.Set {
	if s.IsNull() {
		return types.SetNull(types.StringType)
	}
	return s
}

func balancerItems(address string, ports ...string) types.List {
	return types.ListValueMust(balancerType(), []attr.Value{types.ObjectValueMust(balancerType().AttrTypes, map[string]attr.Value{
		"address": types.StringValue(address), "protocol": types.StringValue("TCP"), "ports": texts(ports...),
	})})
}

func none() types.Set { return types.SetValueMust(types.StringType, nil) }

func TestCheck(t *testing.T) {
	t.Parallel()
	root := path.Root
	tcp := types.StringValue("TCP")
	for _, test := range []struct {
		name   string
		config model
		at     []path.Path
		detail string
	}{
		{name: "nothing set", config: model{}},
		{name: "everything set", config: model{
			Name: types.StringValue("x"), Order: types.Float64Value(-1.5), Roles: texts("worker_public", "x"), Sources: texts("10.0.0.0/8", "192.0.2.1"),
			Pass: items(item{sources: texts("192.0.2.1"), protocol: types.StringValue("UDP"), ports: texts("500", "4500")}, item{destinations: texts("192.0.2.0/24")}),
			Log:  items(item{protocol: tcp, ports: texts("22")}), Monitors: texts("192.0.2.1"), Management: types.BoolValue(false),
			Balancers: balancerItems("169.50.1.2", "443", "8000:8080"),
		}},
		{name: "unknown", config: model{
			Name: types.StringUnknown(), Order: types.Float64Unknown(), Roles: types.SetUnknown(types.StringType), Sources: types.SetUnknown(types.StringType),
			Pass: types.ListUnknown(trafficType()), Log: types.ListUnknown(trafficType()), Monitors: types.SetUnknown(types.StringType), Management: types.BoolUnknown(),
			Balancers: types.ListUnknown(balancerType()), SafetyChecks: types.StringUnknown(), WhenNone: types.StringUnknown(), Force: types.BoolUnknown(),
		}},
		{name: "unknown parts", config: model{
			Pass: items(item{sources: types.SetUnknown(types.StringType)}, item{ports: texts("80"), protocol: types.StringUnknown()}),
			Log:  types.ListValueMust(trafficType(), []attr.Value{types.ObjectUnknown(trafficType().AttrTypes)}),
		}},
		{name: "no monitors", config: model{Monitors: none()}},
		{name: "bad source", config: model{Sources: texts("10.0.0.0/33")}, at: []path.Path{root("pass_source_cidrs").AtSetValue(types.StringValue("10.0.0.0/33"))}},
		{name: "every source", config: model{Sources: texts("0.0.0.0/0")}, at: []path.Path{root("pass_source_cidrs").AtSetValue(types.StringValue("0.0.0.0/0"))}, detail: "nothing would be closed"},
		{name: "IPv6 source", config: model{Sources: texts("2001:db8::/32")}, at: []path.Path{root("pass_source_cidrs").AtSetValue(types.StringValue("2001:db8::/32"))}, detail: "IPv4"},
		{name: "no sources", config: model{Sources: none()}, at: []path.Path{root("pass_source_cidrs")}, detail: "empty"},
		{name: "no passes", config: model{Pass: items()}, at: []path.Path{root("pass")}, detail: "empty"},
		{name: "an entry that passes everything", config: model{Pass: items(item{})}, at: []path.Path{root("pass").AtListIndex(0)}, detail: "passes everything"},
		{name: "all of a protocol", config: model{Pass: items(item{protocol: tcp})}, at: []path.Path{root("pass").AtListIndex(0)}, detail: "passes everything"},
		{name: "ports without a protocol", config: model{Pass: items(item{sources: texts("192.0.2.1"), ports: texts("80")})}, at: []path.Path{root("pass").AtListIndex(0).AtName("ports")}, detail: "protocol"},
		{name: "unknown protocol", config: model{Pass: items(item{sources: texts("192.0.2.1"), protocol: types.StringValue("ESP")})}, at: []path.Path{root("pass").AtListIndex(0).AtName("protocol")}, detail: "TCP, UDP, SCTP"},
		{name: "no sources in an entry", config: model{Pass: items(item{sources: none(), protocol: tcp, ports: texts("80")})}, at: []path.Path{root("pass").AtListIndex(0).AtName("source_cidrs")}, detail: "empty"},
		{name: "null entry", config: model{Pass: types.ListValueMust(trafficType(), []attr.Value{types.ObjectNull(trafficType().AttrTypes)})}, at: []path.Path{root("pass").AtListIndex(0)}, detail: "null"},
		{name: "bad port", config: model{Pass: items(item{protocol: tcp, ports: texts("70000")})}, at: []path.Path{root("pass").AtListIndex(0).AtName("ports").AtSetValue(types.StringValue("70000"))}},
		{name: "a log without limits", config: model{Log: items(item{destinations: texts("192.0.2.1")})}, at: []path.Path{root("log").AtListIndex(0)}, detail: "without a limit"},
		{name: "no logs", config: model{Log: items()}, at: []path.Path{root("log")}, detail: "empty"},
		{name: "balancer network", config: model{Balancers: balancerItems("169.50.1.0/24", "443")}, at: []path.Path{root("ipvs_load_balancers").AtListIndex(0).AtName("address")}, detail: "network"},
		{name: "balancer without ports", config: model{Balancers: balancerItems("169.50.1.2")}, at: []path.Path{root("ipvs_load_balancers").AtListIndex(0)}, detail: "ports"},
		{name: "balancer of everybody", config: model{
			Balancers: balancerItems("169.50.1.2", "443"), Pass: items(item{protocol: tcp, ports: texts("443")}),
		}, at: []path.Path{root("ipvs_load_balancers")}, detail: "TCP 443 of 169.50.1.2"},
		{name: "empty name", config: model{Name: types.StringValue("")}, at: []path.Path{root("name")}},
		{name: "name with a tier", config: model{Name: types.StringValue("default.x")}, at: []path.Path{root("name")}, detail: "tier"},
		{name: "IBM's name", config: model{Name: types.StringValue("allow-lb-x")}, at: []path.Path{root("name")}, detail: "IBM's own"},
		{name: "long name", config: model{Name: types.StringValue(strings.Repeat("a", 240))}, at: []path.Path{root("name")}, detail: "240"},
		{name: "role that breaks out", config: model{Roles: texts("x' || all()")}, at: []path.Path{root("host_endpoint_roles").AtSetValue(types.StringValue("x' || all()"))}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems := part{}.Check(context.Background(), &test.config)
			var paths []path.Path
			for _, p := range problems {
				paths = append(paths, p.Path)
				if p.Warning || !strings.Contains(p.Detail, test.detail) {
					t.Errorf("problem %+v, want an error with %q", p, test.detail)
				}
			}
			if !slices.EqualFunc(paths, test.at, path.Path.Equal) {
				t.Errorf("problems at %v, want %v", paths, test.at)
			}
		})
	}
}

func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	s, known, problems := (&model{}).settings()
	if !known || len(problems) > 0 {
		t.Fatalf("known = %t, problems = %v", known, problems)
	}
	g := s.guard
	if g.name != defaultName || *g.order != 1500 || !slices.Equal(g.roles, []string{"worker_public"}) || len(g.monitors) != 3 || !g.management ||
		len(g.sources)+len(g.passes)+len(g.logs)+len(g.balancers) > 0 || s.warnOnly || s.noneIsFine || s.force {
		t.Errorf("settings = %+v", s)
	}
}

func TestSettingsNotKnown(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]model{
		"the gateway's address": {Pass: items(item{sources: types.SetUnknown(types.StringType), protocol: types.StringValue("UDP"), ports: texts("500")})},
		"the name":              {Name: types.StringUnknown()},
		"the order":             {Order: types.Float64Unknown()},
		"the sources":           {Sources: types.SetUnknown(types.StringType)},
		"management":            {Management: types.BoolUnknown()},
	} {
		if _, known, problems := m.settings(); known || len(problems) > 0 {
			t.Errorf("%s: known = %t, problems = %v", name, known, problems)
		}
	}
	checks := model{SafetyChecks: types.StringUnknown()}
	if s, known, _ := checks.settings(); !known || !s.demoted() {
		t.Error("safety_checks makes no difference to the policies, and its refusals are warnings while it is unknown")
	}
}

func TestDeclareIsTheInverseOfSettings(t *testing.T) {
	t.Parallel()
	for _, g := range someGuards(t) {
		if g.order == nil {
			continue // the attribute has no word for it: the default is declared
		}
		var m model
		m.declare(g)
		s, known, problems := m.settings()
		if !known || len(problems) > 0 {
			t.Fatalf("%+v: known = %t, problems = %v", g, known, problems)
		}
		if !sameSpec(s.guard.spec(), g.spec()) || !sameSpec(s.guard.ipvsSpec(), g.ipvsSpec()) {
			t.Errorf("%+v is declared as %+v", g, s.guard)
		}
		if m.imported() {
			t.Error("a declared model still counts as imported")
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"guard", "default.guard"} {
		m := model{Name: types.StringValue(id)}
		if m.locate(); m.Name.ValueString() != "guard" {
			t.Errorf("locate(%q) = %q", id, m.Name.ValueString())
		}
	}
}

func TestObserveSetsEveryComputedAttribute(t *testing.T) {
	t.Parallel()
	var m model
	m.observe(hostguard.Scene{API: "projectcalico.org/v3"}, base())
	if m.HostEndpoints.IsNull() || m.NotCovered.IsNull() || m.API.IsNull() {
		t.Errorf("model = %+v", m)
	}
}
