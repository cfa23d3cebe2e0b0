package cluster

import (
	"context"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Cluster is one cluster: who it is, what IKS says about it, how to speak to
// its API server.
type Cluster struct {
	// ID is IKS's cluster ID, or the uid of the kube-system namespace for a
	// cluster that is given by cluster_access.
	ID string
	// Name as IKS has it, or the key in cluster_access.
	Name string

	facts *iks.Cluster
	api   *iks.Client
	link  *link
}

// Facts is what IKS says about the cluster, as of the lookup. ok is false for
// a cluster that IKS does not know (cluster_access).
func (c *Cluster) Facts() (facts iks.Cluster, ok bool) {
	if c.facts == nil {
		return iks.Cluster{}, false
	}
	return *c.facts, true
}

// IKS gives the cluster's facts with the client to act on them. what names the
// part of the pattern that asks, for the error on clusters that IKS does not run.
func (c *Cluster) IKS(what string) (*iks.Client, iks.Cluster, error) {
	if c.facts == nil {
		return nil, iks.Cluster{}, errNotIKS(c.Name, what)
	}
	return c.api, *c.facts, nil
}

// OnVPC tells whether the cluster runs on VPC infrastructure.
func (c *Cluster) OnVPC() bool {
	return c.facts != nil && c.facts.Infrastructure == iks.VPC
}

// Kube gives the connection to the cluster's API server. The first call
// fetches the credentials from IKS; later ones, and other resources of the
// same cluster, share the connection.
func (c *Cluster) Kube(ctx context.Context) (*kube.Client, error) {
	return c.link.client(ctx)
}

// ALBs lists the cluster's ALBs for Read and for data sources, which share one
// request for up to 30 seconds. Once something is being applied every call asks
// IKS. The list must not be changed.
func (c *Cluster) ALBs(ctx context.Context) ([]iks.ALB, error) {
	if _, _, err := c.IKS("an ALB"); err != nil {
		return nil, err
	}
	return c.link.albs.get(ctx)
}

// Subnets lists the subnets that load balancers of the cluster have their
// private addresses from, on classic infrastructure the public ones as well. It
// is shared as ALBs is.
func (c *Cluster) Subnets(ctx context.Context) ([]iks.Subnet, error) {
	if _, _, err := c.IKS("the subnets of load balancers"); err != nil {
		return nil, err
	}
	return c.link.subnets.get(ctx)
}

// LoadBalancers lists the load balancers of the region of a cluster on VPC that
// the credentials may see; iks.IsForbidden tells when they may see none. It is
// shared as ALBs is.
func (c *Cluster) LoadBalancers(ctx context.Context) ([]iks.LoadBalancer, error) {
	if _, _, err := c.IKS("a VPC load balancer"); err != nil {
		return nil, err
	}
	answer, err := c.link.balancers.get(ctx)
	if err != nil {
		return nil, err
	}
	return answer.list, answer.refused
}
