package edgepool

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// hostEndpointAddresses gives the addresses that Calico expects of the nodes,
// sorted. Where there is no Calico, or no host endpoint, there are none; VPC
// clusters are not even asked.
func hostEndpointAddresses(ctx context.Context, c *cluster.Cluster, conn *kube.Client, nodes []*corev1.Node) ([]string, error) {
	if c.OnVPC() || len(nodes) == 0 {
		return nil, nil
	}
	policies, err := calico.Open(ctx, conn)
	if errors.Is(err, calico.ErrNoCalico) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	endpoints, err := policies.HostEndpoints(ctx, true)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the host endpoints of the edge nodes: %w", err)
	}
	return joinHostEndpoints(endpoints, nodes), nil
}

func joinHostEndpoints(endpoints []calico.HostEndpoint, nodes []*corev1.Node) []string {
	ours := map[string]bool{}
	for _, n := range nodes {
		ours[n.Name] = true
	}
	var out []string
	for _, e := range endpoints {
		if ours[e.Node] {
			out = append(out, e.ExpectedIPs...)
		}
	}
	return sortAddresses(out)
}
