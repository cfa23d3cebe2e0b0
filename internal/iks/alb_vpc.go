package iks

import (
	"net/url"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

func (c *Client) vpcALBs(cl *call, cluster Cluster) ([]ALB, error) {
	api, err := c.v2(cl)
	if err != nil {
		return nil, cl.explain(err)
	}
	found, err := api.Albs().ListClusterAlbs(url.QueryEscape(cluster.ID), c.targetV2(cluster))
	if err != nil {
		return nil, cl.outcome(err)
	}
	albs := make([]ALB, 0, len(found))
	for _, w := range found {
		albs = append(albs, fromVPCALB(cluster, w))
	}
	return albs, nil
}

func (c *Client) vpcALB(cl *call, cluster Cluster, id string) (ALB, error) {
	api, err := c.v2(cl)
	if err != nil {
		return ALB{}, cl.explain(err)
	}
	found, err := api.Albs().GetAlb(url.QueryEscape(id), c.targetV2(cluster))
	if err != nil {
		return ALB{}, cl.outcome(err)
	}
	if found.AlbID == "" {
		return ALB{}, cl.explain(&garbledError{why: "the answer names no ALB"})
	}
	return fromVPCALB(cluster, found), nil
}

func (c *Client) switchVPCALB(cl *call, cluster Cluster, alb ALB, enable bool) error {
	api, err := c.v2(cl)
	if err != nil {
		return cl.explain(err)
	}
	config := containerv2.AlbConfig{AlbID: alb.ID, AlbType: alb.Type, Cluster: cluster.ID, ZoneAlb: alb.Zone, Enable: enable}
	if enable {
		return cl.outcome(api.Albs().EnableAlb(config, c.targetV2(cluster)))
	}
	return cl.outcome(api.Albs().DisableAlb(config, c.targetV2(cluster)))
}

func fromVPCALB(cluster Cluster, w containerv2.AlbConfig) ALB {
	return ALB{
		ID: w.AlbID, ClusterID: cluster.ID, Type: w.AlbType, Zone: w.ZoneAlb,
		Enabled: w.Enable, State: w.State, Status: w.Status, Build: w.AlbBuild,
		Address: w.LoadBalancerHostname, DisableDeployment: w.DisableDeployment,
		Replicas: replicas(w.NumOfInstances),
	}
}
