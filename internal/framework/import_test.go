package framework_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// An identity has the cluster's ID, and IKS does not know that of a cluster of
// cluster_access: its entry there is found.
func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hosts := map[string]string{"alpha": w.server(t, "alpha"), "beta": w.server(t, "beta")}
	toys := &toyProvider{world: w, hosts: hosts}
	var configured provider.ConfigureResponse
	toys.Configure(t.Context(), provider.ConfigureRequest{}, &configured)
	type importable interface {
		resource.ResourceWithConfigure
		resource.ResourceWithImportState
		resource.ResourceWithIdentity
	}
	r, ok := toys.Resources(t.Context())[0]().(importable)
	if !ok {
		t.Fatal("the toy cannot be imported by its identity")
	}
	r.Configure(t.Context(), resource.ConfigureRequest{ProviderData: configured.ResourceData}, &resource.ConfigureResponse{})
	var schemas resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &schemas)
	var identities resource.IdentitySchemaResponse
	r.IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &identities)

	for id, want := range map[string]string{
		"uid-alpha": "alpha", "uid-beta": "beta", // of cluster_access
		"c0ffee":    "c0ffee", // of IKS
		"uid-gamma": "",       // of nobody
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			req := resource.ImportStateRequest{Identity: identityOf(t, identities.IdentitySchema, map[string]string{"cluster_id": id, "name": "one"})}
			resp := resource.ImportStateResponse{State: tfsdk.State{Schema: schemas.Schema, Raw: tftypes.NewValue(schemas.Schema.Type().TerraformType(t.Context()), nil)}}
			r.ImportState(t.Context(), req, &resp)
			if resp.Diagnostics.HasError() != (want == "") {
				t.Fatal(resp.Diagnostics)
			}
			if want == "" {
				return
			}
			var got types.String
			if d := resp.State.GetAttribute(t.Context(), path.Root("cluster"), &got); d.HasError() || got.ValueString() != want {
				t.Errorf("cluster is %s, want %q; %v", got, want, d)
			}
		})
	}
}

func identityOf(t *testing.T, s identityschema.Schema, values map[string]string) *tfsdk.ResourceIdentity {
	t.Helper()
	out := &tfsdk.ResourceIdentity{Schema: s, Raw: tftypes.NewValue(s.Type().TerraformType(t.Context()), nil)}
	for name, value := range values {
		if d := out.SetAttribute(t.Context(), path.Root(name), value); d.HasError() {
			t.Fatal(d)
		}
	}
	return out
}
