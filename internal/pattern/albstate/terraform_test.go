package albstate

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func schemaOf(t *testing.T, r resource.Resource) resource.SchemaResponse {
	t.Helper()
	var resp resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
	if d := resp.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Fatal(d)
	}
	return resp
}

// The model must fit the schema, in both.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, NewResource()())
	state := tfsdk.State{Schema: s.Schema, Raw: tftypes.NewValue(s.Schema.Type().TerraformType(t.Context()), nil)}
	if d := state.SetAttribute(t.Context(), path.Root("cluster"), "prod"); d.HasError() {
		t.Fatal(d)
	}
	var m model
	if d := state.Get(t.Context(), &m); d.HasError() {
		t.Fatal(d)
	}
	m.ALBs = albList(nil)
	m.setPrevious(nil)
	if d := state.Set(t.Context(), &m); d.HasError() {
		t.Fatal(d)
	}

	var list datasource.SchemaResponse
	NewDataSource()().Schema(t.Context(), datasource.SchemaRequest{}, &list)
	if d := list.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Fatal(d)
	}
	if got, want := list.Schema.Attributes["albs"].GetType(), s.Schema.Attributes["albs"].GetType(); !got.Equal(want) {
		t.Errorf("albs differs: %v in the data source, %v in the resource", got, want)
	}
}

func TestUpsets(t *testing.T) {
	t.Parallel()
	private := func(enabled bool, changes ...func(*model)) *model {
		m := declare(enabled, ofType("private"))
		for _, change := range changes {
			change(m)
		}
		return m
	}
	ready := func(m *model) { m.Ready = types.BoolValue(true) }
	for name, test := range map[string]struct {
		prior, want *model
		upset       bool
	}{
		"another on_destroy": {private(true, ready), private(true, func(m *model) { m.OnDestroy = types.StringValue(onDestroyRestore) }), false},
		"switched":           {private(true, ready), private(false), true},
		"another type":       {private(true, ready), declare(true, ofType("public")), true},
		"a zone only":        {private(true, ready), private(true, func(m *model) { m.Zone = types.StringValue("dal10") }), true},
		"not ready":          {private(true), private(true), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newPart().Upsets(test.prior, test.want); (len(got) > 0) != test.upset {
				t.Errorf("upsets %q, want any: %t", got, test.upset)
			}
		})
	}
}

func TestImportState(t *testing.T) {
	t.Parallel()
	alb := id("private", "1")
	for name, test := range map[string]struct {
		id       string
		identity map[string]string
		want     map[string]string // nil for an error
	}{
		"an ALB":            {"prod," + alb, nil, map[string]string{"cluster": "prod", "alb_id": alb}},
		"a type":            {"prod,public", nil, map[string]string{"cluster": "prod", "type": "public"}},
		"a type and a zone": {"prod, private , dal10", nil, map[string]string{"cluster": "prod", "type": "private", "zone": "dal10"}},
		"a cluster only":    {"prod", nil, nil},
		"an empty part":     {"prod,private,", nil, nil},
		"identity of an ALB": {
			"",
			map[string]string{"cluster_id": clusterID, "alb_id": alb},
			map[string]string{"cluster": clusterID, "alb_id": alb},
		},
		"identity of a type in a zone": {
			"",
			map[string]string{"cluster_id": clusterID, "type": "public", "zone": "dal10"},
			map[string]string{"cluster": clusterID, "type": "public", "zone": "dal10"},
		},
		"identity of two kinds":    {"", map[string]string{"cluster_id": clusterID, "alb_id": alb, "type": "private"}, nil},
		"identity without an ALB":  {"", map[string]string{"cluster_id": clusterID}, nil},
		"identity without cluster": {"", map[string]string{"type": "public"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewResource()()
			configured, ok := r.(resource.ResourceWithConfigure)
			if !ok {
				t.Fatal("the resource cannot be configured")
			}
			provider := &framework.Provider{Fleet: cluster.NewFleet(cluster.Options{})}
			configured.Configure(t.Context(), resource.ConfigureRequest{ProviderData: provider}, &resource.ConfigureResponse{})
			s := schemaOf(t, r)
			req := resource.ImportStateRequest{ID: test.id}
			if test.identity != nil {
				req.Identity = identity(t, r, test.identity)
			}
			resp := resource.ImportStateResponse{State: tfsdk.State{Schema: s.Schema, Raw: tftypes.NewValue(s.Schema.Type().TerraformType(t.Context()), nil)}}
			importer, ok := r.(resource.ResourceWithImportState)
			if !ok {
				t.Fatal("the resource cannot be imported")
			}
			importer.ImportState(t.Context(), req, &resp)
			if resp.Diagnostics.HasError() != (test.want == nil) {
				t.Fatal(resp.Diagnostics)
			}
			if test.want == nil {
				return
			}
			for _, name := range []string{"cluster", "alb_id", "type", "zone"} {
				var got types.String
				if d := resp.State.GetAttribute(t.Context(), path.Root(name), &got); d.HasError() {
					t.Fatal(d)
				}
				if got.ValueString() != test.want[name] {
					t.Errorf("%s: %q, want %q", name, got.ValueString(), test.want[name])
				}
			}
		})
	}
}

func identity(t *testing.T, r resource.Resource, values map[string]string) *tfsdk.ResourceIdentity {
	t.Helper()
	with, ok := r.(resource.ResourceWithIdentity)
	if !ok {
		t.Fatal("the resource has no identity")
	}
	var resp resource.IdentitySchemaResponse
	with.IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &resp)
	out := &tfsdk.ResourceIdentity{Schema: resp.IdentitySchema, Raw: tftypes.NewValue(resp.IdentitySchema.Type().TerraformType(t.Context()), nil)}
	for name, value := range values {
		if d := out.SetAttribute(t.Context(), path.Root(name), value); d.HasError() {
			t.Fatal(d)
		}
	}
	return out
}

func TestALBIDValidator(t *testing.T) {
	t.Parallel()
	for value, bad := range map[types.String]bool{
		types.StringValue(id("public", "1")):          false,
		types.StringNull():                            false,
		types.StringUnknown():                         false,
		types.StringValue(""):                         true,
		types.StringValue("public"):                   true,
		types.StringValue("public-crabc-alb"):         true,
		types.StringValue("Public-crabc-alb1"):        true,
		types.StringValue(id("public", "1") + "\n"):   true,
		types.StringValue("public-cr../../x-alb1"):    true,
		types.StringValue("public-crabc-alb1,public"): true,
	} {
		req := validator.StringRequest{Path: path.Root("alb_id"), ConfigValue: value}
		var resp validator.StringResponse
		albIDValidator{}.ValidateString(t.Context(), req, &resp)
		if resp.Diagnostics.HasError() != bad {
			t.Errorf("%s: %v", value, resp.Diagnostics)
		}
	}
}
