// Package provider is the front door: the provider block, and the lists of what
// is offered behind it.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/albstate"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/clusterinfo"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/edgepool"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/exposurepolicy"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/inboundguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/isolation"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/networkpolicy"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/nodeportguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateingress"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateservice"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/remoteservice"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/strongswan"
)

// New makes a provider of the given version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &iksProvider{version: version} }
}

type iksProvider struct {
	version string
}

func (p *iksProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "iks"
	resp.Version = p.version
}

// Configure reads the provider block. It sends no request: what is wrong with
// credentials or endpoints shows where they are first needed.
func (p *iksProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var c configuration
	resp.Diagnostics.Append(req.Config.Get(ctx, &c)...)
	if resp.Diagnostics.HasError() {
		return
	}
	data, d := c.provider(ctx, p.userAgent(req.TerraformVersion))
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = data, data, data
}

func (p *iksProvider) userAgent(terraform string) string {
	return framework.ManagedByValue + "/" + p.version + " (terraform " + terraform + ")"
}

// Resources are the parts of the pattern.
func (p *iksProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		albstate.NewResource(),
		edgepool.NewResource(),
		exposurepolicy.NewResource(),
		inboundguard.NewResource(),
		isolation.NewResource(),
		networkpolicy.NewResource(),
		nodeportguard.NewResource(),
		privateingress.NewResource(),
		privateservice.NewResource(),
		remoteservice.NewResource(),
		strongswan.NewResource(),
	}
}

// DataSources are the look-ups.
func (p *iksProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		albstate.NewDataSource(),
		clusterinfo.NewClusterDataSource(),
		clusterinfo.NewWorkerPoolsDataSource(),
		edgepool.NewDataSource(),
		strongswan.NewDataSource(),
	}
}
