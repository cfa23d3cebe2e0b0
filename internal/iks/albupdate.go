package iks

import (
	"context"
	"errors"
	"net/url"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

// ALBAutoUpdate tells whether IKS updates the cluster's ALBs by itself.
func (c *Client) ALBAutoUpdate(ctx context.Context, cluster Cluster) (bool, error) {
	cl, cancel := c.begin(ctx, "reading the ALB update policy of", describe(cluster))
	defer cancel()
	api, err := c.v1(cl.reading())
	if err != nil {
		return false, cl.explain(err)
	}
	policy, err := api.Albs().GetALBUpdatePolicy(url.PathEscape(cluster.ID), c.targetV1(cluster))
	if err != nil {
		return false, cl.outcome(err)
	}
	return policy.AutoUpdate, nil
}

// SetALBAutoUpdate makes IKS update the cluster's ALBs by itself, or not.
func (c *Client) SetALBAutoUpdate(ctx context.Context, cluster Cluster, automatic bool) error {
	cl, cancel := c.begin(ctx, "setting the ALB update policy of", describe(cluster))
	defer cancel()
	api, err := c.v1(cl.writing(always))
	if err != nil {
		return cl.explain(err)
	}
	policy := containerv1.ALBUpdatePolicy{AutoUpdate: automatic}
	return cl.outcome(api.Albs().ChangeALBUpdatePolicy(url.PathEscape(cluster.ID), policy, c.targetV1(cluster)))
}

// UpdateALB deploys the ALB anew with a build of its own controller: with the
// one it has if build is "", which moves its pods to where they belong now.
// IKS demands that ALBAutoUpdate is off. It returns when IKS has accepted that.
func (c *Client) UpdateALB(ctx context.Context, cluster Cluster, id, build string) error {
	cl, cancel := c.begin(ctx, "updating", describeALB(cluster, id))
	defer cancel()
	if err := checkALB(cluster, id); err != nil {
		return cl.explain(err)
	}
	if build == "" {
		alb, err := c.alb(cl, cluster, id)
		if err != nil {
			return err
		}
		if build = alb.Build; build == "" {
			return cl.explain(errors.New("IKS does not say which build it has, and none is given"))
		}
	}
	api, err := c.v2(cl.writing(unsent)) // a second one rolls its pods once more
	if err != nil {
		return cl.explain(err)
	}
	request := containerv2.UpdateALBReq{ClusterID: cluster.ID, ALBBuild: build, ALBList: []string{id}}
	return cl.outcome(api.Albs().UpdateAlb(request, c.targetV2(cluster)))
}
