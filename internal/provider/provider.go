// Package provider is the front door: the provider block, and how the provider is
// served. What is offered behind it is handed in: package pattern lists it all, a
// part's own tests offer that part.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// New makes a provider of the given version that offers these resources and data
// sources.
func New(version string, resources framework.Resources, dataSources framework.DataSources) func() provider.Provider {
	return func() provider.Provider {
		return &iksProvider{version: version, resources: resources, dataSources: dataSources}
	}
}

type iksProvider struct {
	version     string
	resources   framework.Resources
	dataSources framework.DataSources
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

func (p *iksProvider) Resources(context.Context) []func() resource.Resource { return p.resources.New() }

func (p *iksProvider) DataSources(context.Context) []func() datasource.DataSource {
	return p.dataSources.New()
}
