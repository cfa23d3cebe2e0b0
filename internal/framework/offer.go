package framework

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what a provider offers, by the functions that make them. Each
// provider makes its own: what the resources of a type know of each other lasts
// as long as it.
type Resources []func() func() resource.Resource

// New makes the resources of one provider.
func (r Resources) New() []func() resource.Resource { return made(r) }

// DataSources are the same for data sources.
type DataSources []func() func() datasource.DataSource

// New makes the data sources of one provider.
func (d DataSources) New() []func() datasource.DataSource { return made(d) }

func made[T any](constructors []func() T) []T {
	out := make([]T, 0, len(constructors))
	for _, construct := range constructors {
		out = append(out, construct())
	}
	return out
}
