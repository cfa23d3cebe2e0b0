package nodeportguard

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func list(values ...string) types.List { return framework.StringList(values) }

func int64s(values ...int64) types.Set {
	var elements []attr.Value
	for _, v := range values {
		elements = append(elements, types.Int64Value(v))
	}
	return types.SetValueMust(types.Int64Type, elements)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	root := path.Root
	for _, test := range []struct {
		name   string
		config model
		at     []path.Path
		detail string
	}{
		{name: "nothing set", config: model{}},
		{name: "everything set", config: model{
			Name: types.StringValue("x"), Tier: types.StringValue("security"), Order: types.Float64Value(-1.5), Roles: set("worker_private", "x"),
			PortRanges: list("80", "30000:32767"), Protocols: set("TCP", "UDP", "SCTP"), Sources: set("10.0.0.0/8", "192.0.2.1"),
			Destinations: set("10.0.0.0/8"), Exempt: set("192.0.2.1"), Acknowledged: int64s(27017),
		}},
		{name: "unknown", config: model{
			Name: types.StringUnknown(), Tier: types.StringUnknown(), Order: types.Float64Unknown(), EvaluateLast: types.BoolUnknown(),
			Roles: types.SetUnknown(types.StringType), PortRanges: types.ListUnknown(types.StringType), Protocols: types.SetUnknown(types.StringType),
			Sources: types.SetUnknown(types.StringType), Destinations: types.SetUnknown(types.StringType), Exempt: types.SetUnknown(types.StringType),
			Acknowledged: types.SetUnknown(types.Int64Type), SafetyChecks: types.StringUnknown(), WhenNone: types.StringUnknown(), Force: types.BoolUnknown(),
		}},
		{name: "unknown element", config: model{PortRanges: types.ListValueMust(types.StringType, []attr.Value{types.StringUnknown()})}},
		{name: "no exemptions", config: model{Exempt: types.SetValueMust(types.StringType, nil)}},
		{name: "reversed range", config: model{PortRanges: list("80", "32767:30000")}, at: []path.Path{root("port_ranges").AtListIndex(1)}, detail: "wrong way round"},
		{name: "port out of range", config: model{PortRanges: list("0")}, at: []path.Path{root("port_ranges").AtListIndex(0)}},
		{name: "two bad ranges", config: model{PortRanges: list("x", "80", "70000")}, at: []path.Path{root("port_ranges").AtListIndex(0), root("port_ranges").AtListIndex(2)}},
		{name: "no ranges", config: model{PortRanges: list()}, at: []path.Path{root("port_ranges")}, detail: "empty"},
		{name: "null range", config: model{PortRanges: types.ListValueMust(types.StringType, []attr.Value{types.StringNull()})}, at: []path.Path{root("port_ranges").AtListIndex(0)}, detail: "null"},
		{name: "no roles", config: model{Roles: types.SetValueMust(types.StringType, nil)}, at: []path.Path{root("host_endpoint_roles")}},
		{name: "role that breaks out", config: model{Roles: set("x' || all()")}, at: []path.Path{root("host_endpoint_roles").AtSetValue(types.StringValue("x' || all()"))}},
		{name: "empty role", config: model{Roles: set("")}, at: []path.Path{root("host_endpoint_roles").AtSetValue(types.StringValue(""))}},
		{name: "no protocols", config: model{Protocols: types.SetValueMust(types.StringType, nil)}, at: []path.Path{root("protocols")}},
		{name: "unknown protocol", config: model{Protocols: set("ICMP")}, at: []path.Path{root("protocols").AtSetValue(types.StringValue("ICMP"))}, detail: "TCP, UDP, SCTP"},
		{name: "bad source", config: model{Sources: set("10.0.0.0/33")}, at: []path.Path{root("allowed_source_cidrs").AtSetValue(types.StringValue("10.0.0.0/33"))}},
		{name: "no sources", config: model{Sources: types.SetValueMust(types.StringType, nil)}, at: []path.Path{root("allowed_source_cidrs")}, detail: "empty"},
		{name: "everything as a source", config: model{Sources: set("0.0.0.0/0")}, at: []path.Path{root("allowed_source_cidrs").AtSetValue(types.StringValue("0.0.0.0/0"))}},
		{name: "no destinations", config: model{Destinations: types.SetValueMust(types.StringType, nil)}, at: []path.Path{root("allowed_destination_cidrs")}},
		{name: "exempt network", config: model{Exempt: set("10.0.0.0/8")}, at: []path.Path{root("exempt_addresses").AtSetValue(types.StringValue("10.0.0.0/8"))}, detail: "allowed_destination_cidrs"},
		{name: "order and last", config: model{Order: types.Float64Value(1), EvaluateLast: types.BoolValue(true)}, at: []path.Path{root("order")}},
		{name: "order and not last", config: model{Order: types.Float64Value(1), EvaluateLast: types.BoolValue(false)}},
		{name: "empty name", config: model{Name: types.StringValue("")}, at: []path.Path{root("name")}},
		{name: "upper case name", config: model{Name: types.StringValue("Guard")}, at: []path.Path{root("name")}},
		{name: "name with a tier", config: model{Name: types.StringValue("default.guard")}, at: []path.Path{root("name")}, detail: `write "guard"`},
		{name: "IBM's name", config: model{Name: types.StringValue("allow-node-port-dnat")}, at: []path.Path{root("name")}, detail: "IBM's own"},
		{name: "IBM's load balancer", config: model{Name: types.StringValue("allow-lb-x")}, at: []path.Path{root("name")}, detail: "IBM's own"},
		{name: "long name", config: model{Name: types.StringValue(strings.Repeat("a", 245))}, at: []path.Path{root("name")}, detail: "245"},
		{name: "bad tier", config: model{Tier: types.StringValue("a.b")}, at: []path.Path{root("tier")}},
		{name: "acknowledged nothing", config: model{Acknowledged: int64s()}, at: []path.Path{root("acknowledged_load_balancer_ports")}},
		{name: "acknowledged no port", config: model{Acknowledged: int64s(70000)}, at: []path.Path{root("acknowledged_load_balancer_ports").AtSetValue(types.Int64Value(70000))}},
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
	if g.name != defaultName || g.tier != defaultTier || *g.order != 1100 || !slices.Equal(g.roles, []string{"worker_public"}) ||
		!slices.Equal(g.ports.Texts(), []string{"30000:32767"}) || !slices.Equal(g.protocols, []string{"TCP", "UDP"}) ||
		len(g.sources)+len(g.destinations)+len(g.exempt) > 0 || s.warnOnly || s.noneIsFine || s.force {
		t.Errorf("settings = %+v", s)
	}
}

func TestSettingsNotKnown(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]model{
		"addresses of a pool that is still to come": {Exempt: types.SetUnknown(types.StringType)},
		"one of the addresses":                      {Exempt: types.SetValueMust(types.StringType, []attr.Value{types.StringValue("192.0.2.1"), types.StringUnknown()})},
		"name":                                      {Name: types.StringUnknown()},
		"order":                                     {Order: types.Float64Unknown()},
	} {
		if _, known, problems := m.settings(); known || len(problems) > 0 {
			t.Errorf("%s: known = %t, problems = %v", name, known, problems)
		}
	}
	acknowledged := model{Acknowledged: types.SetUnknown(types.Int64Type)}
	if _, known, _ := acknowledged.settings(); !known {
		t.Error("what is acknowledged makes no difference to the policy, yet it is not known")
	}
}

func TestDeclareIsTheInverseOfSettings(t *testing.T) {
	t.Parallel()
	order, other := 1100.0, 900.5
	for _, g := range someGuards(t) {
		for _, at := range []*float64{nil, &order, &other} {
			g.order = at
			var m model
			m.declare(g)
			s, known, problems := m.settings()
			if !known || len(problems) > 0 {
				t.Fatalf("%+v: known = %t, problems = %v", g, known, problems)
			}
			if diff := cmp.Diff(g.spec(), s.guard.spec()); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", g, diff)
			}
			if !m.Order.Equal(types.Float64PointerValue(at)) {
				t.Errorf("order %v is declared as %v", at, m.Order)
			}
			if m.imported() {
				t.Error("a declared model still counts as imported")
			}
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"guard": "default guard guard", "default.guard": "default guard guard", "security.guard": "security guard security.guard"} {
		m := model{Name: types.StringValue(id)}
		m.locate()
		if got := m.Tier.ValueString() + " " + m.Name.ValueString() + " " + m.key(); got != want {
			t.Errorf("locate(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestObserveSetsEveryComputedAttribute(t *testing.T) {
	t.Parallel()
	var m model
	m.observe(scene{Scene: hostguard.Scene{API: "projectcalico.org/v3"}}, guard{}, []netip.Addr{netip.MustParseAddr("192.0.2.1")})
	if m.Order.ValueFloat64() != defaultOrder {
		t.Errorf("a state without an order is left so: %v", m.Order)
	}
	last := model{EvaluateLast: types.BoolValue(true)}
	if last.observe(scene{}, guard{}, nil); !last.Order.IsNull() {
		t.Errorf("evaluated last, and the order is %v", last.Order)
	}
	if m.HostEndpoints.IsNull() || m.NotCovered.IsNull() || m.Stale.IsNull() || m.API.IsNull() || len(m.Stale.Elements()) != 1 {
		t.Errorf("model = %+v", m)
	}
}

// What an identity says is found again by an import.
func TestIdentityTellsTheTier(t *testing.T) {
	t.Parallel()
	for tier, want := range map[string]string{defaultTier: "web", "security": "security.web"} {
		name := part{}.Describe().IdentityName(func(attribute string) string { return map[string]string{"name": "web", "tier": tier}[attribute] })
		if name != want {
			t.Errorf("in tier %s the identity has %q, want %q", tier, name, want)
		}
		m := &model{Name: types.StringValue(name)}
		if m.locate(); m.Tier.ValueString() != tier || m.Name.ValueString() != "web" {
			t.Errorf("%q is taken for %s in tier %s", name, m.Name.ValueString(), m.Tier.ValueString())
		}
	}
}
