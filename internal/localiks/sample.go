package localiks

import "github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"

// SampleCluster is a cluster as people have them: two zones, a pool for the
// workloads and one of two workers per zone that is to become the edge.
func SampleCluster(name string, provider fakeiks.Provider) fakeiks.Cluster {
	zones := []fakeiks.Zone{{ID: "dal10"}, {ID: "dal12"}}
	if provider == fakeiks.VPC {
		zones = []fakeiks.Zone{{ID: "us-south-1"}, {ID: "us-south-2"}}
	}
	return fakeiks.Cluster{
		Name:     name,
		Provider: provider,
		Zones:    zones,
		Pools: []fakeiks.WorkerPool{
			{Name: "default", PerZone: 2},
			{Name: "edge", PerZone: 2},
		},
	}
}
