package framework_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	pschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// world is what the toy resource manages: objects by cluster ID and name.
type world struct {
	mu       sync.Mutex
	uids     map[string]string // cluster name -> uid of kube-system
	objects  map[string]object // "<cluster ID>/<name>"
	removes  int
	waitFor  string // what Observe says is missing
	failure  error  // what Apply fails with
	wroteOne bool   // fail after having written
	onApply  func(*world)
	address  string // the address of every object
	takeBack bool   // remove what was made and fail
	ready    bool   // what the state said when Observe looked last
}

type object struct{ value, secret, stamp string }

func newWorld() *world {
	return &world{uids: map[string]string{"alpha": "uid-alpha", "beta": "uid-beta"}, objects: map[string]object{}}
}

func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) get(key string) (object, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.objects[key]
	return o, ok
}

func (w *world) removals() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.removes
}

// server is an API server that knows only who it is.
func (w *world) server(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		uid := w.uids[name]
		w.mu.Unlock()
		out.Header().Set("Content-Type", "application/json")
		if uid == "" {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintf(out, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":%q}}`, uid)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

type toyModel struct {
	framework.Common
	Name  types.String `tfsdk:"name"`
	Value types.String `tfsdk:"value"`
	// Secret is write-only.
	Secret types.String `tfsdk:"secret_wo"`
	Seen   types.String `tfsdk:"seen"`
	// Address is what others build upon. It follows the name.
	Address types.String `tfsdk:"address"`
}

type toy struct{ world *world }

func (toy) Describe() framework.Description {
	return framework.Description{
		Name: "toy", Key: []string{"name"},
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"name":      schema.StringAttribute{Required: true},
			"value":     schema.StringAttribute{Optional: true, PlanModifiers: []planmodifier.String{anyCase{}}},
			"secret_wo": schema.StringAttribute{Optional: true, WriteOnly: true},
			"seen":      schema.StringAttribute{Computed: true},
			"address":   schema.StringAttribute{Computed: true},
		}},
		Stable:        []string{"address"},
		CreateTimeout: time.Second, UpdateTimeout: time.Second, DeleteTimeout: time.Second,
	}
}

// anyCase keeps a value that the configuration spells in another case.
type anyCase struct{}

func (anyCase) Description(context.Context) string         { return "case does not matter" }
func (anyCase) MarkdownDescription(context.Context) string { return "case does not matter" }

func (anyCase) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.StateValue.IsNull() && strings.EqualFold(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}

func (toy) Check(_ context.Context, m *toyModel) []framework.Problem {
	if m.Value.ValueString() == "bad" {
		return []framework.Problem{{Path: path.Root("value"), Summary: "Bad value", Detail: "Anything else is good."}}
	}
	return nil
}

func (t toy) Preview(_ context.Context, c *cluster.Cluster, r framework.PreviewRequest[toyModel]) ([]string, error) {
	if r.Replaces {
		return nil, nil
	}
	if _, there := t.world.get(key(c, r.Want)); there && r.Prior == nil {
		return nil, framework.Refuse(path.Root("name"), "There already", "It is somebody else's.")
	}
	if r.Config.Secret.ValueString() == "short" {
		return nil, framework.Refuse(path.Root("secret_wo"), "Refused", "The secret is too short.")
	}
	if r.Want.Value.ValueString() == "refused" {
		return nil, framework.Refuse(path.Root("value"), "Refused", "The cluster has no room for it.")
	}
	return nil, nil
}

func key(c *cluster.Cluster, m *toyModel) string { return c.ID + "/" + m.Name.ValueString() }

func (t toy) Observe(_ context.Context, c *cluster.Cluster, m *toyModel, owner framework.Owner) (framework.Observation, error) {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.objects[key(c, m)]
	if !ok {
		return framework.Observation{Gone: true}, nil
	}
	w.ready = m.Ready.ValueBool()
	m.Seen = types.StringValue(o.value)
	m.Address = framework.StringOrNull(w.address)
	seen := framework.Observation{Stamp: o.stamp}
	if o.value != m.Value.ValueString() && owner.Known {
		seen.Drift = append(seen.Drift, fmt.Sprintf("value is %q", o.value))
	}
	if w.waitFor != "" {
		seen.Missing = append(seen.Missing, w.waitFor)
	}
	return seen, nil
}

// Replaces implements framework.Replacing: a fixed value stays as long as its object.
func (toy) Replaces(prior, want *toyModel) []framework.Problem {
	if strings.HasPrefix(prior.Value.ValueString(), "fixed") && !want.Value.Equal(prior.Value) {
		return []framework.Problem{{Path: path.Root("value"), Summary: "The toy is replaced", Detail: "Its value is fixed.", Warning: true}}
	}
	return nil
}

// Upsets implements framework.Unsteady.
func (toy) Upsets(prior, want *toyModel) []string {
	if !want.Name.Equal(prior.Name) {
		return []string{"address"}
	}
	return nil
}

func (t toy) Apply(_ context.Context, c *cluster.Cluster, r framework.ApplyRequest[toyModel]) error {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.onApply != nil {
		w.onApply(w)
	}
	if w.failure != nil && !w.wroteOne {
		return w.failure
	}
	o := object{value: r.Want.Value.ValueString(), secret: r.Config.Secret.ValueString(), stamp: r.Stamp}
	if w.failure != nil {
		o.value = "half made"
	}
	w.objects[key(c, r.Want)] = o
	_ = r.Sent(nil)
	if w.takeBack {
		delete(w.objects, key(c, r.Want))
		r.TakenBack()
		return framework.Refuse(path.Root("value"), "Taken back", "It came out wrong.")
	}
	if w.failure != nil {
		return w.failure
	}
	if r.Prior != nil && !r.Prior.Name.Equal(r.Want.Name) && r.Owner.Owns(w.objects[key(c, r.Prior)].stamp) {
		delete(w.objects, key(c, r.Prior))
	}
	return nil
}

func (t toy) Remove(_ context.Context, c *cluster.Cluster, m *toyModel, owner framework.Owner) ([]string, error) {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removes++
	if !owner.Owns(w.objects[key(c, m)].stamp) {
		return []string{"it belongs to somebody else and stays"}, nil
	}
	delete(w.objects, key(c, m))
	return nil, nil
}

// toyProvider serves the toy over a fleet of the world's clusters.
type toyProvider struct {
	world *world
	hosts map[string]string
}

func (p *toyProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "iks"
}

func (p *toyProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = pschema.Schema{}
}

func (p *toyProvider) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	direct := map[string]func() (kube.Access, error){}
	for name, host := range p.hosts {
		direct[name] = func() (kube.Access, error) { return kube.Access{Host: host}, nil }
	}
	resp.ResourceData = &framework.Provider{Fleet: cluster.NewFleet(cluster.Options{
		IKS:    func() (*iks.Client, error) { return nil, errors.New("no credentials for IKS") },
		Direct: direct,
	})}
}

func (p *toyProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{framework.NewResource[toyModel](toy{world: p.world})}
}

func (p *toyProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

// factories serve the toy over a world.
func factories(t *testing.T, w *world) map[string]func() (tfprotov6.ProviderServer, error) {
	t.Helper()
	hosts := map[string]string{}
	for name := range w.uids {
		hosts[name] = w.server(t, name)
	}
	return map[string]func() (tfprotov6.ProviderServer, error){
		"iks": providerserver.NewProtocol6WithError(&toyProvider{world: w, hosts: hosts}),
	}
}

// config is one toy; lines replace its arguments.
func config(lines ...string) string {
	return "resource \"iks_toy\" \"it\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}
