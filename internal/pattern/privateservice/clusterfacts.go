package privateservice

import (
	"context"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// subnetsOf are the portable subnets of a classic cluster, or the subnets that
// a VPC cluster's workers are in.
func subnetsOf(ctx context.Context, c *cluster.Cluster) ([]network, error) {
	all, err := c.Subnets(ctx)
	if err != nil {
		return nil, err
	}
	var out []network
	for _, s := range all {
		if s.CIDR.IsValid() {
			out = append(out, network{prefix: s.CIDR, public: s.Public})
		}
	}
	return out, nil
}

// balancersOf are the load balancers of the cluster's region that the identity
// may see.
func balancersOf(ctx context.Context, c *cluster.Cluster) ([]balancer, error) {
	all, err := c.LoadBalancers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]balancer, len(all))
	for i, b := range all {
		out[i] = balancer{hostname: b.Hostname, public: b.Public}
	}
	return out, nil
}
