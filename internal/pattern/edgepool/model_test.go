package edgepool

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestSchemas(t *testing.T) {
	t.Parallel()
	var r fwresource.SchemaResponse
	NewResource()().Schema(t.Context(), fwresource.SchemaRequest{}, &r)
	if d := r.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Error(d)
	}
	for name, a := range r.Schema.Attributes {
		if name != "timeouts" && a.GetMarkdownDescription() == "" {
			t.Errorf("%s has no description", name)
		}
	}
	var d datasource.SchemaResponse
	NewDataSource()().Schema(t.Context(), datasource.SchemaRequest{}, &d)
	if d := d.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Error(d)
	}
}

func TestDeclared(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		m       *model
		want    func(declaration) bool
		subject string
		refused string
	}{
		"a pool": {
			byPool("edge"),
			func(d declaration) bool {
				return d.pool == "edge" && slices.Equal(d.effects, effects{noExecute}) && d.minimum == 2 && d.relocate && !d.refresh && d.enforce &&
					d.drain == drainPolicy{timeout: 10 * time.Minute, atOnce: 1}
			}, "worker pool edge", "",
		},
		"names": {
			byNames([]string{"b", "a"}, onlyWarn, stayPut, draining("90s", drainContinue)),
			func(d declaration) bool {
				return len(d.names) == 2 && slices.Equal(d.effects, both()) && !d.enforce && !d.relocate && d.drain == drainPolicy{timeout: 90 * time.Second, atOnce: 2, force: true}
			}, "2 nodes by name", "",
		},
		"a selector": {
			bySelector("team", "net"),
			func(d declaration) bool { return d.selector["team"] == "net" && slices.Equal(d.effects, both()) }, "the nodes that node_selector matches", "",
		},
		"effects":            {byPool("edge", withEffects("NoSchedule")), func(d declaration) bool { return slices.Equal(d.effects, effects{noSchedule}) }, "worker pool edge", ""},
		"nothing":            {byPool(""), nil, "", "Exactly one of"},
		"two of them":        {byNames([]string{"a"}, func(m *model) { m.WorkerPool = types.StringValue("edge") }), nil, "", "Exactly one of"},
		"an empty set":       {byNames(nil), nil, "", "Exactly one of"},
		"a drain of no time": {byPool("edge", draining("soon", drainFail)), nil, "", "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := test.m.declared(t.Context())
			if test.refused != "" {
				if _, refused := framework.AsRefusal(err); !refused || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !test.want(d) || d.subject() != test.subject {
				t.Errorf("got %+v, %q", d, d.subject())
			}
		})
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	unknown := types.StringUnknown()
	for name, test := range map[string]struct {
		m    *model
		want bool
	}{
		"all known":           {byPool("edge"), true},
		"the pool is unknown": {declare(func(m *model) { m.WorkerPool = unknown }, nil), false},
		"a name is unknown":   {declare(func(m *model) { m.NodeNames = types.SetValueMust(types.StringType, []attr.Value{unknown}) }, nil), false},
		"the names are":       {declare(func(m *model) { m.NodeNames = types.SetUnknown(types.StringType) }, nil), false},
		"a label's value is": {declare(func(m *model) {
			m.NodeSelector = types.MapValueMust(types.StringType, map[string]attr.Value{"a": unknown})
		}, nil), false},
		"the time of the drain is": {byPool("edge", func(m *model) {
			m.Drain = types.ObjectValueMust(drainTypes(), map[string]attr.Value{"timeout": unknown, "max_unavailable": types.Int64Value(1), "on_timeout": types.StringValue(drainFail)})
		}), false},
		"an effect is": {byPool("edge", func(m *model) { m.TaintEffects = types.SetValueMust(types.StringType, []attr.Value{unknown}) }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.m.settled(); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		m    *model
		want []string // summaries
	}{
		"a pool":              {byPool("edge"), nil},
		"a selector":          {bySelector("node.kubernetes.io/instance-type", "b3c.4x16"), nil},
		"selects by the mark": {bySelector(markKey, markValue), []string{"The selector is what it selects for"}},
		"a key of spaces":     {bySelector("a b", "c"), []string{"No node can bear this label"}},
		"a value of spaces":   {bySelector("a", "b c"), []string{"No node can bear this label"}},
		"a single node":       {byPool("edge", func(m *model) { m.MinimumNodesPerZone = types.Int64Value(1) }), []string{"IBM ignores a single edge node"}},
		"all unknown": {&model{
			NodeNames: types.SetUnknown(types.StringType), NodeSelector: types.MapUnknown(types.StringType), MinimumNodesPerZone: types.Int64Unknown(),
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range (&part{}).Check(t.Context(), test.m) {
				got = append(got, p.Summary)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEffectsByMode(t *testing.T) {
	t.Parallel()
	var response fwresource.SchemaResponse
	NewResource()().Schema(t.Context(), fwresource.SchemaRequest{}, &response)
	object, ok := response.Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	set, words := tftypes.Set{ElementType: tftypes.String}, tftypes.Map{ElementType: tftypes.String}
	name := tftypes.NewValue(tftypes.String, "edge")
	some := tftypes.NewValue(set, []tftypes.Value{tftypes.NewValue(tftypes.String, "a")})
	nobody, unknownNames := tftypes.NewValue(set, nil), tftypes.NewValue(set, tftypes.UnknownValue)
	none, unknown := tftypes.NewValue(tftypes.String, nil), tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	nowhere, unknownSelector := tftypes.NewValue(words, nil), tftypes.NewValue(words, tftypes.UnknownValue)
	for title, test := range map[string]struct {
		pool, names, selector tftypes.Value
		want                  effects // nil: stays unknown
	}{
		"a pool":                          {name, nobody, nowhere, effects{noExecute}},
		"a pool that is not known yet":    {unknown, nobody, nowhere, effects{noExecute}},
		"names":                           {none, some, nowhere, both()},
		"names that are not known yet":    {none, unknownNames, nowhere, both()},
		"a selector not known yet":        {none, nobody, unknownSelector, both()},
		"a pool, others not known yet":    {name, unknownNames, unknownSelector, effects{noExecute}},
		"a pool or names, who knows":      {unknown, unknownNames, nowhere, nil},
		"a pool or a selector, who knows": {unknown, nobody, unknownSelector, nil},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			values := map[string]tftypes.Value{}
			for attribute, kind := range object.AttributeTypes {
				values[attribute] = tftypes.NewValue(kind, nil)
			}
			values["worker_pool"], values["node_names"], values["node_selector"] = test.pool, test.names, test.selector
			request := planmodifier.SetRequest{
				Path: path.Root("taint_effects"), ConfigValue: types.SetNull(types.StringType), PlanValue: types.SetUnknown(types.StringType),
				Config: tfsdk.Config{Raw: tftypes.NewValue(object, values), Schema: response.Schema},
			}
			got := planmodifier.SetResponse{PlanValue: request.PlanValue}
			effectsByMode{}.PlanModifySet(t.Context(), request, &got)
			if got.Diagnostics.HasError() {
				t.Fatal(got.Diagnostics)
			}
			want := &model{TaintEffects: types.SetUnknown(types.StringType)}
			if test.want != nil {
				want.setEffects(test.want)
			}
			if !got.PlanValue.Equal(want.TaintEffects) {
				t.Errorf("got %s, want %s", got.PlanValue, want.TaintEffects)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{"10m": true, "1h30m": true, "90s": true, "": false, "10": false, "-1m": false, "0s": false, "soon": false} {
		var resp validator.StringResponse
		duration{}.ValidateString(t.Context(), validator.StringRequest{Path: path.Root("drain"), ConfigValue: types.StringValue(text)}, &resp)
		if resp.Diagnostics.HasError() == valid {
			t.Errorf("%q: %v", text, resp.Diagnostics)
		}
	}
}

func TestReadMinimums(t *testing.T) {
	t.Parallel()
	got, err := readMinimums(`[{"name":"edge","minSize":1,"maxSize":3,"enabled":true},{"name":"off","minSize":1,"maxSize":2,"enabled":false}]`)
	if err != nil || len(got) != 1 || got["edge"] != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := readMinimums(""); err != nil || got != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
	if _, err := readMinimums("{"); err == nil {
		t.Error("half a document is read")
	}
}
