package iks

import (
	"context"
	"net/netip"
	"net/url"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
)

// VLAN of a classic cluster with its portable subnets.
type VLAN struct {
	ID, Zone string
	Subnets  []Subnet
}

// Subnet is where load balancers and ALBs get their addresses: a portable
// subnet of a classic cluster, or a subnet of a VPC.
type Subnet struct {
	ID string
	// CIDR is not valid where IKS gives none.
	CIDR netip.Prefix
	Zone string
	// VLAN is the ID of a classic subnet's VLAN.
	VLAN string
	// IPs are the addresses of a classic subnet that load balancers can get.
	IPs []string
	// Public is IKS's word on whether the internet can reach a classic subnet,
	// which the address range does not tell; BYOIP says that the user brought
	// it. Addresses of a VPC's subnets are private.
	Public, BYOIP bool
}

// Subnets gives the subnets that load balancers of the cluster have their
// private addresses from, on classic infrastructure the public ones as well.
func (c *Client) Subnets(ctx context.Context, cluster Cluster) ([]Subnet, error) {
	if cluster.Infrastructure == VPC {
		return c.vpcSubnets(ctx, cluster)
	}
	vlans, err := c.VLANs(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var all []Subnet
	for _, v := range vlans {
		all = append(all, v.Subnets...)
	}
	return all, nil
}

type wireVPCSubnet struct {
	ID   string `json:"id"`
	CIDR string `json:"ipv4CIDRBlock"`
	Zone string `json:"zone"`
}

// vpcSubnets asks IKS, which sees the VPC of a cluster with rights on the
// cluster alone.
func (c *Client) vpcSubnets(ctx context.Context, cluster Cluster) ([]Subnet, error) {
	cl, cancel := c.begin(ctx, "listing the VPC subnets of", describe(cluster))
	defer cancel()
	var all []Subnet
	for _, vpc := range cluster.VPCs {
		var found []wireVPCSubnet
		query := url.Values{"vpc": {vpc}, "provider": {string(VPC)}}
		if err := c.getJSON(cl, "/v2/vpc/getSubnets", query, c.target(cluster), &found); err != nil {
			return nil, err
		}
		for _, w := range found {
			all = append(all, Subnet{ID: w.ID, CIDR: prefixOf(w.CIDR), Zone: w.Zone})
		}
	}
	return all, nil
}

// VLANs fetches the VLANs and portable subnets of a classic cluster.
func (c *Client) VLANs(ctx context.Context, cluster Cluster) ([]VLAN, error) {
	cl, cancel := c.begin(ctx, "reading the VLANs of", describe(cluster))
	defer cancel()
	api, err := c.v1(cl.reading())
	if err != nil {
		return nil, cl.explain(err)
	}
	found, err := api.Clusters().Find(url.PathEscape(cluster.ID), c.targetV1(cluster))
	return vlans(found.Vlans), cl.outcome(err)
}

func vlans(wire []containerv1.Vlan) []VLAN {
	var out []VLAN
	for _, w := range wire {
		v := VLAN{ID: w.ID, Zone: w.Zone}
		for _, s := range w.Subnets {
			v.Subnets = append(v.Subnets, Subnet{
				ID: s.ID, CIDR: prefixOf(s.Cidr), Zone: w.Zone, VLAN: w.ID, IPs: s.Ips, Public: s.IsPublic, BYOIP: s.IsByOIP,
			})
		}
		out = append(out, v)
	}
	return out
}

// prefixOf reads a CIDR; what is none gives a prefix that contains nothing.
func prefixOf(cidr string) netip.Prefix {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix.Masked()
}
