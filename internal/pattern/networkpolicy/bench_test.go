package networkpolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// BenchmarkPlan is what 200 policies of three rules cost the provider in a plan
// without changes: each is validated twice, upgraded, read and planned.
func BenchmarkPlan(b *testing.B) {
	const policies = 200
	asked := &atomic.Int64{}
	s := serve(b, asked, policies)
	config, state := s.values(b)
	for b.Loop() {
		for i := range policies {
			s.plan(b, i, config, state)
		}
	}
	b.ReportMetric(float64(asked.Load())/float64(b.N), "requests/op")
}

// server is the provider with a cluster that has policies.
type server struct {
	tfprotov6.ProviderServer
	typ tftypes.Object
}

const resourceType = "iks_network_policy"

// serve starts the provider on an API server that has policies p0, p1 and so on,
// and counts what it is asked.
func serve(b *testing.B, asked *atomic.Int64, policies int) server {
	b.Helper()
	var items []string
	for i := range policies {
		items = append(items, fmt.Sprintf(`{"metadata":{"name":"p%d","resourceVersion":"1"},"spec":%s}`, i, benchSpec))
	}
	answers := map[string]string{
		"/apis/projectcalico.org/v3":                       `{}`,
		"/api/v1/namespaces/kube-system":                   `{"metadata":{"name":"kube-system","uid":"c-1"}}`,
		"/apis/projectcalico.org/v3/globalnetworkpolicies": `{"items":[` + strings.Join(items, ",") + `]}`,
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if answers[r.URL.Path] == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	}))
	b.Cleanup(api.Close)
	fleet := cluster.NewFleet(cluster.Options{Direct: map[string]func() (kube.Access, error){
		"c": func() (kube.Access, error) { return kube.Access{Host: api.URL}, nil },
	}})
	started, err := providerserver.NewProtocol6WithError(alone{&framework.Provider{Fleet: fleet}})()
	if err != nil {
		b.Fatal(err)
	}
	schemas, err := started.GetProviderSchema(b.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	block := dynamic(b, tftypes.NewValue(schemas.Provider.ValueType(), map[string]tftypes.Value{}))
	if _, err := started.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: block}); err != nil {
		b.Fatal(err)
	}
	typ, ok := schemas.ResourceSchemas[resourceType].ValueType().(tftypes.Object)
	if !ok {
		b.Fatal("the resource is no object")
	}
	return server{started, typ}
}

const benchSpec = `{"tier":"default","order":100,"selector":"a == 'b'","types":["Ingress"],"ingress":[` + benchRule + `,` + benchRule + `,` + benchRule + `]}`

const benchRule = `{"action":"Deny","protocol":"TCP","source":{"nets":["10.0.0.0/8","192.168.0.0/16"],"selector":"a == 'b'"},"destination":{"ports":[80,443,"30000:32767"]}}`

// values are the configuration and the state, by attribute.
func (s server) values(b *testing.B) (config, state map[string]tftypes.Value) {
	b.Helper()
	rule := `{"action":"Deny","protocol":"TCP","source":{"nets":["10.0.0.0/8","192.168.0.0/16"],"selector":"a == 'b'"},"destination":{"ports":["80","443","30000:32767"]}}`
	of := func(document string) map[string]tftypes.Value {
		var fields map[string]any
		if err := json.Unmarshal([]byte(document), &fields); err != nil {
			b.Fatal(err)
		}
		var out map[string]tftypes.Value
		if err := valueOf(s.typ, fields).As(&out); err != nil {
			b.Fatal(err)
		}
		return out
	}
	declared := `"cluster":"c","selector":"a == 'b'","order":100,"ingress":[` + rule + `,` + rule + `,` + rule + `]`
	config = of(`{` + declared + `}`)
	state = of(`{` + declared + `,"cluster_id":"c-1","tier":"default","types":["Ingress"],"egress":[],"apply_on_forward":false,"pre_dnat":false,
		"do_not_track":false,"force_conflicts":false,"api":"projectcalico.org/v3","ready":true,"drift":[]}`)
	return config, state
}

// valueOf writes a JSON value as a value of a type; what is missing is null.
func valueOf(t tftypes.Type, of any) tftypes.Value {
	switch of := of.(type) {
	case map[string]any:
		fields := map[string]tftypes.Value{}
		object, _ := t.(tftypes.Object)
		for name, typ := range object.AttributeTypes {
			fields[name] = valueOf(typ, of[name])
		}
		return tftypes.NewValue(t, fields)
	case []any:
		element := tftypes.Type(tftypes.String)
		if list, ok := t.(tftypes.List); ok {
			element = list.ElementType
		}
		elements := []tftypes.Value{}
		for _, e := range of {
			elements = append(elements, valueOf(element, e))
		}
		return tftypes.NewValue(t, elements)
	default:
		return tftypes.NewValue(t, of)
	}
}

func dynamic(b *testing.B, value tftypes.Value) *tfprotov6.DynamicValue {
	b.Helper()
	out, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		b.Fatal(err)
	}
	return &out
}

// plan does for one policy what Terraform asks for, and wants no change.
func (s server) plan(b *testing.B, i int, config, state map[string]tftypes.Value) {
	b.Helper()
	name := tftypes.NewValue(tftypes.String, fmt.Sprintf("p%d", i))
	config["name"], state["name"] = name, name
	declared, held := dynamic(b, tftypes.NewValue(s.typ, config)), dynamic(b, tftypes.NewValue(s.typ, state))
	for range 2 {
		r, err := s.ValidateResourceConfig(b.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: resourceType, Config: declared})
		if err != nil {
			b.Fatal(err)
		}
		calm(b, r.Diagnostics)
	}
	raw := &tfprotov6.RawState{JSON: []byte(`{"name":"p` + fmt.Sprint(i) + `","selector":"a == 'b'"}`)}
	if _, err := s.UpgradeResourceState(b.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: resourceType, RawState: raw}); err != nil {
		b.Fatal(err)
	}
	read, err := s.ReadResource(b.Context(), &tfprotov6.ReadResourceRequest{TypeName: resourceType, CurrentState: held, Private: []byte(`{"owner":"eyJzdGFtcCI6IiIsImtub3duIjp0cnVlfQ=="}`)})
	if err != nil {
		b.Fatal(err)
	}
	calm(b, read.Diagnostics)
	planned, err := s.PlanResourceChange(b.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: resourceType, Config: declared, PriorState: read.NewState, ProposedNewState: read.NewState, PriorPrivate: read.Private,
	})
	if err != nil {
		b.Fatal(err)
	}
	calm(b, planned.Diagnostics)
	before, errBefore := held.Unmarshal(s.typ)
	after, errAfter := planned.PlannedState.Unmarshal(s.typ)
	if errBefore != nil || errAfter != nil || !before.Equal(after) {
		b.Fatalf("planned is %v, want %v (%v, %v)", after, before, errBefore, errAfter)
	}
}

func calm(b *testing.B, diagnostics []*tfprotov6.Diagnostic) {
	b.Helper()
	for _, d := range diagnostics {
		b.Fatalf("%s: %s", d.Summary, d.Detail)
	}
}

// alone is a provider with this resource and nothing else.
type alone struct{ data *framework.Provider }

func (alone) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "iks"
}
func (alone) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (p alone) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.ResourceData = p.data
}
func (alone) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (alone) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{NewResource()}
}
