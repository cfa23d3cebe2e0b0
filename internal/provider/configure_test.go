package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// paths are where errors are shown.
func paths(d diag.Diagnostics) []string {
	var out []string
	for _, e := range d.Errors() {
		at := path.Empty()
		if with, ok := e.(diag.DiagnosticWithPath); ok {
			at = with.Path()
		}
		out = append(out, e.Summary()+" at "+at.String())
	}
	slices.Sort(out)
	return out
}

// What goes onto every object is known and can be a label, and an error says which
// entry cannot.
func TestDefaultLabels(t *testing.T) {
	t.Parallel()
	of := func(key string, value types.String) types.Map {
		return types.MapValueMust(types.StringType, map[string]attr.Value{key: value, "team": types.StringValue("net")})
	}
	for name, test := range map[string]struct {
		labels types.Map
		errors []string
	}{
		"left out":       {types.MapNull(types.StringType), nil},
		"known":          {of("env", types.StringValue("prod")), nil},
		"unknown map":    {types.MapUnknown(types.StringType), []string{"The value must be known at default_labels"}},
		"unknown value":  {of("env", types.StringUnknown()), []string{"The value must be known at default_labels"}},
		"null value":     {of("env", types.StringNull()), []string{`The label cannot be like this at default_labels["env"]`}},
		"no key":         {of("cost centre", types.StringValue("7")), []string{`The label cannot be like this at default_labels["cost centre"]`}},
		"no value":       {of("env", types.StringValue("a b")), []string{`The label cannot be like this at default_labels["env"]`}},
		"the provider's": {of(framework.ManagedByLabel, types.StringValue("terraform")), []string{`The label cannot be like this at default_labels["app.kubernetes.io/managed-by"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labels, d := everyObject(path.Root("default_labels"), test.labels, ownership.ReadLabels)
			if got := paths(d); !slices.Equal(got, test.errors) {
				t.Errorf("errors: %q, want %q", got, test.errors)
			}
			if name == "known" && (labels["env"] != "prod" || labels["team"] != "net") {
				t.Errorf("labels: %v", labels)
			}
		})
	}
}

// An entry that is unknown as a whole is an error where it is needed, one that
// is null is one at once.
func TestWholeEntries(t *testing.T) {
	t.Parallel()
	entries := func(attributes []string, entry func(types.ObjectType) types.Object) types.Map {
		kind := types.ObjectType{AttrTypes: map[string]attr.Type{}}
		for _, name := range attributes {
			kind.AttrTypes[name] = types.StringType
		}
		return types.MapValueMust(kind, map[string]attr.Value{"it": entry(kind)})
	}
	unknown := func(kind types.ObjectType) types.Object { return types.ObjectUnknown(kind.AttrTypes) }
	null := func(kind types.ObjectType) types.Object { return types.ObjectNull(kind.AttrTypes) }
	ofAccess := []string{"config_path", "config_context", "host", "token", "cluster_ca_certificate", "client_certificate", "client_key"}
	ofRegistry := []string{"username", "password"}

	direct, d := configuration{ClusterAccess: entries(ofAccess, unknown)}.clusterAccess(t.Context())
	if d.HasError() || direct["it"] == nil {
		t.Fatalf("unknown access: %v", d)
	}
	if _, err := direct["it"](); !cluster.IsUnknownConfiguration(err) {
		t.Errorf("unknown access: %v", err)
	}
	loader, d := configuration{ChartRegistries: entries(ofRegistry, unknown)}.charts(t.Context())
	if d.HasError() || len(loader.Logins) != 1 || loader.Logins[0].Prefix != "it" {
		t.Fatalf("unknown registry: %v", d)
	}
	if _, _, err := loader.Logins[0].Credentials(); !cluster.IsUnknownConfiguration(err) {
		t.Errorf("unknown registry: %v", err)
	}
	_, d = configuration{ClusterAccess: entries(ofAccess, null)}.clusterAccess(t.Context())
	if got := paths(d); !slices.Equal(got, []string{`The entry is missing at cluster_access["it"]`}) {
		t.Errorf("null access: %q", got)
	}
	_, d = configuration{ChartRegistries: entries(ofRegistry, null)}.charts(t.Context())
	if got := paths(d); !slices.Equal(got, []string{`The entry is missing at chart_registries["it"]`}) {
		t.Errorf("null registry: %q", got)
	}
}
