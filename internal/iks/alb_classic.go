package iks

import (
	"net/url"
	"strconv"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
)

func (c *Client) classicALBs(cl *call, cluster Cluster) ([]ALB, error) {
	api, err := c.v1(cl)
	if err != nil {
		return nil, cl.explain(err)
	}
	found, err := api.Albs().ListClusterALBs(url.PathEscape(cluster.ID), c.targetV1(cluster))
	if err != nil {
		return nil, cl.outcome(err)
	}
	albs := make([]ALB, 0, len(found))
	for _, w := range found {
		albs = append(albs, fromClassicALB(cluster, w))
	}
	return albs, nil
}

func (c *Client) classicALB(cl *call, cluster Cluster, id string) (ALB, error) {
	api, err := c.v1(cl)
	if err != nil {
		return ALB{}, cl.explain(err)
	}
	found, err := api.Albs().GetALB(url.PathEscape(id), c.targetV1(cluster))
	if err != nil {
		return ALB{}, cl.outcome(err)
	}
	if found.ALBID == "" {
		return ALB{}, cl.explain(&garbledError{why: "the answer names no ALB"})
	}
	return fromClassicALB(cluster, found), nil
}

func (c *Client) switchClassicALB(cl *call, cluster Cluster, alb ALB, enable bool) error {
	api, err := c.v1(cl)
	if err != nil {
		return cl.explain(err)
	}
	if !enable {
		return cl.outcome(api.Albs().DisableALB(url.PathEscape(alb.ID), c.targetV1(cluster)))
	}
	// Like IBM's own tools: neither an address nor a build is asked for.
	instances := max(alb.Replicas, 2)
	return cl.outcome(api.Albs().EnableALB(url.PathEscape(alb.ID), containerv1.ALBConfig{
		ALBID: alb.ID, ClusterID: cluster.ID, ALBType: alb.Type, Zone: alb.Zone, VlanID: alb.VLANID,
		Enable: true, NumOfInstances: strconv.Itoa(instances),
	}, c.targetV1(cluster)))
}

func fromClassicALB(cluster Cluster, w containerv1.ALBConfig) ALB {
	return ALB{
		ID: w.ALBID, ClusterID: first(w.ClusterID, cluster.ID), Type: w.ALBType, Zone: w.Zone,
		Enabled: w.Enable, State: w.State, Status: w.Status, Build: w.ALBBuild,
		Address: w.ALBIP, VLANID: w.VlanID, DisableDeployment: w.DisableDeployment,
		Replicas: replicas(w.NumOfInstances),
	}
}
