// Package pattern lists the parts of the Containers Workload Pattern; each has a
// room of its own below.
package pattern

import (
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

// Resources are what puts clusters into the pattern.
func Resources() framework.Resources {
	return framework.Resources{
		albstate.NewResource,
		edgepool.NewResource,
		exposurepolicy.NewResource,
		inboundguard.NewResource,
		isolation.NewResource,
		networkpolicy.NewResource,
		nodeportguard.NewResource,
		privateingress.NewResource,
		privateservice.NewResource,
		remoteservice.NewResource,
		strongswan.NewResource,
	}
}

// DataSources are the look-ups.
func DataSources() framework.DataSources {
	return framework.DataSources{
		albstate.NewDataSource,
		clusterinfo.NewClusterDataSource,
		clusterinfo.NewWorkerPoolsDataSource,
		edgepool.NewDataSource,
		strongswan.NewDataSource,
	}
}
