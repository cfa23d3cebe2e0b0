package privateservice

import (
	"context"
	"errors"
	"net/netip"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// subnetsOf are the portable subnets of a classic cluster, or the subnets that
// a VPC cluster's workers are in.
func subnetsOf(ctx context.Context, c *cluster.Cluster) ([]network, error) {
	api, facts, err := c.IKS("a private service")
	if err != nil {
		return nil, err
	}
	vlans, err := api.VLANs(ctx, facts)
	if err != nil {
		return nil, err
	}
	var out []network
	for _, vlan := range vlans {
		for _, s := range vlan.Subnets {
			prefix, err := netip.ParsePrefix(s.CIDR)
			if err != nil {
				return nil, err
			}
			out = append(out, network{prefix: prefix, public: s.Public})
		}
	}
	return out, nil
}

// balancersOf are the load balancers of the cluster's VPC.
func balancersOf(context.Context, *cluster.Cluster) ([]balancer, error) {
	return nil, errors.New("the VPC is not asked")
}
