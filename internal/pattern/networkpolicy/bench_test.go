package networkpolicy

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

type testProvider struct{ data *framework.Provider }

func (testProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "iks"
}
func (testProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (p testProvider) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.ResourceData = p.data
}
func (testProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (testProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{NewResource()}
}

var _ = schema.Schema{}

func BenchmarkPlan(b *testing.B) {
	ctx := b.Context()
	fleet := cluster.NewFleet(cluster.Options{Direct: map[string]func() (kube.Access, error){"c": func() (kube.Access, error) { return kube.Access{Host: "https://127.0.0.1:1"}, nil }}})
	server, err := providerserver.NewProtocol6WithError(testProvider{&framework.Provider{Fleet: fleet}})()
	if err != nil {
		b.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	typ := schemas.ResourceSchemas["iks_network_policy"].ValueType().(tftypes.Object)
	empty, err := tfprotov6.NewDynamicValue(schemas.Provider.ValueType(), tftypes.NewValue(schemas.Provider.ValueType(), map[string]tftypes.Value{}))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: &empty}); err != nil {
		b.Fatal(err)
	}
	null := func(t tftypes.Type) tftypes.Value { return tftypes.NewValue(t, nil) }
	fill := func(o tftypes.Object, set map[string]tftypes.Value) tftypes.Value {
		m := map[string]tftypes.Value{}
		for k, t := range o.AttributeTypes {
			m[k] = null(t)
		}
		for k, v := range set {
			m[k] = v
		}
		return tftypes.NewValue(o, m)
	}
	str := func(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	strs := func(s ...string) tftypes.Value {
		var l []tftypes.Value
		for _, x := range s {
			l = append(l, str(x))
		}
		return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, l)
	}
	list := typ.AttributeTypes["ingress"].(tftypes.List)
	rule := list.ElementType.(tftypes.Object)
	entity := rule.AttributeTypes["source"].(tftypes.Object)
	r := fill(rule, map[string]tftypes.Value{
		"action": str("Deny"), "protocol": str("TCP"),
		"source":      fill(entity, map[string]tftypes.Value{"nets": strs("10.0.0.0/8", "192.168.0.0/16"), "selector": str("a == 'b'")}),
		"destination": fill(entity, map[string]tftypes.Value{"ports": strs("80", "443", "30000:32767")}),
	})
	config := map[string]tftypes.Value{
		"cluster": str("c"), "name": str("x"), "selector": str("a == 'b'"), "order": tftypes.NewValue(tftypes.Number, 100),
		"ingress": tftypes.NewValue(list, []tftypes.Value{r, r, r}),
	}
	state := map[string]tftypes.Value{}
	for k, v := range config {
		state[k] = v
	}
	f := tftypes.NewValue(tftypes.Bool, false)
	state["cluster_id"], state["tier"], state["types"] = str("c"), str("default"), tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{str("Ingress")})
	state["egress"] = tftypes.NewValue(list, []tftypes.Value{})
	state["apply_on_forward"], state["pre_dnat"], state["do_not_track"], state["force_conflicts"] = f, f, f, f
	state["api"], state["ready"], state["drift"] = str("x"), tftypes.NewValue(tftypes.Bool, true), strs()
	dyn := func(v tftypes.Value) *tfprotov6.DynamicValue {
		d, err := tfprotov6.NewDynamicValue(typ, v)
		if err != nil {
			b.Fatal(err)
		}
		return &d
	}
	conf, st := dyn(fill(typ, config)), dyn(fill(typ, state))
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			if _, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: "iks_network_policy", Config: conf}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			r, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "iks_network_policy", CurrentState: st})
			if err != nil || len(r.Diagnostics) > 0 {
				b.Fatal(err, r.Diagnostics[0])
			}
		}
	})
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			r, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{TypeName: "iks_network_policy", Config: conf, PriorState: st, ProposedNewState: st})
			if err != nil || len(r.Diagnostics) > 0 {
				b.Fatal(err, r.Diagnostics[0])
			}
		}
	})
}
