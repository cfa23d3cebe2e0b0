package cloud_test

import (
	"context"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestVPCCluster(t *testing.T) {
	t.Parallel()
	r := newRig(t, sample("vpc", fakeiks.VPC, "us-south-1", "us-south-2"), false)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"nodes look like IBM's", testNodesLookLikeIBMs},
		{"no host endpoints, no policies", testNoCalico},
		{"pool settings reach nodes", testPoolSettingsReachNodes},
		{"workers come and go", testWorkersComeAndGo},
		{"ALBs run", testALBsRun},
		{"ALBs follow the edge when deployed", testALBsFollowTheEdgeWhenDeployed},
		{"Traefik", testTraefik},
		{"Ingresses", testIngresses},
		{"a deleted cluster", testDeletedCluster},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, r) }) {
			break
		}
	}
}

func testNoCalico(t *testing.T, r *rig) {
	if got := r.names(t, storedEndpoints, ""); len(got) != 0 {
		t.Errorf("host endpoints %v", got)
	}
	if got := r.names(t, storedPolicies, ""); len(got) != 0 {
		t.Errorf("policies %v", got)
	}
}

// testDeletedCluster leaves the cluster alone that IKS no longer knows.
func testDeletedCluster(t *testing.T, r *rig) {
	w := r.iks.Workers(r.cluster.ID)[0]
	r.iks.RemoveCluster(r.cluster.ID)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := cloud.Run(ctx, cloud.Options{Server: r.iks, ClusterID: r.cluster.ID, Config: r.plane.RESTConfig()}); err == nil {
		t.Error("controllers for a cluster that is gone")
	}
	if _, err := r.node(t, w); err != nil {
		t.Error(err)
	}
}
