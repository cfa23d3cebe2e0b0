package iks

import (
	"context"
	"net/url"
	"strings"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

// Worker is a machine of a cluster.
type Worker struct {
	ID, PoolID, PoolName string
	Zone                 string
	// PrivateIP is also the name of its Kubernetes node.
	PrivateIP string
	// PublicIP is set on classic workers with a public VLAN.
	PublicIP string
	// State is normal on classic and deployed on VPC when all is well.
	State string
	// Health is Ready on classic and normal on VPC when all is well.
	Health string
	// Version of Kubernetes that it runs.
	Version string
}

// Workers lists the cluster's workers, those of one pool or, with poolID "", of
// all. Deleted ones are left out.
func (c *Client) Workers(ctx context.Context, cluster Cluster, poolID string) ([]Worker, error) {
	cl, cancel := c.begin(ctx, "listing the workers of", describe(cluster))
	defer cancel()
	if poolID != "" {
		if err := checkName("worker pool", poolID); err != nil {
			return nil, cl.explain(err)
		}
	}
	if cluster.Infrastructure == Classic {
		return c.classicWorkers(cl, cluster, poolID)
	}
	return c.otherWorkers(cl, cluster, poolID)
}

// classicWorkers asks the first API, the only one that gives their public addresses.
func (c *Client) classicWorkers(cl *call, cluster Cluster, poolID string) ([]Worker, error) {
	api, err := c.v1(cl.reading())
	if err != nil {
		return nil, cl.explain(err)
	}
	found, err := api.Workers().ListByWorkerPool(url.PathEscape(cluster.ID), url.QueryEscape(poolID), false, c.targetV1(cluster))
	if err != nil {
		return nil, cl.outcome(err)
	}
	workers := make([]Worker, 0, len(found))
	for _, w := range found {
		workers = append(workers, classicWorker(w))
	}
	return workers, nil
}

func classicWorker(w containerv1.Worker) Worker {
	return Worker{
		ID: w.ID, PoolID: w.PoolID, PoolName: w.PoolName, Zone: w.Location,
		PrivateIP: w.PrivateIP, PublicIP: w.PublicIP,
		State: w.State, Health: w.Status, Version: w.KubeVersion,
	}
}

func (c *Client) otherWorkers(cl *call, cluster Cluster, poolID string) ([]Worker, error) {
	api, err := c.v2(cl.reading())
	if err != nil {
		return nil, cl.explain(err)
	}
	var found []containerv2.Worker
	id, target := url.QueryEscape(cluster.ID), c.targetV2(cluster)
	if cluster.Infrastructure == VPC {
		found, err = api.Workers().ListByWorkerPool(id, url.QueryEscape(poolID), false, target)
	} else {
		found, err = api.Workers().ListAllWorkers(id, false, target)
	}
	if err != nil {
		return nil, cl.outcome(err)
	}
	workers := make([]Worker, 0, len(found))
	for _, w := range found {
		if poolID == "" || w.PoolID == poolID || w.PoolName == poolID {
			workers = append(workers, otherWorker(w))
		}
	}
	return workers, nil
}

func otherWorker(w containerv2.Worker) Worker {
	out := Worker{
		ID: w.ID, PoolID: w.PoolID, PoolName: w.PoolName, Zone: w.Location,
		State: w.LifeCycle.ActualState, Health: w.Health.State, Version: w.KubeVersion.Actual,
	}
	for i, n := range w.NetworkInterfaces {
		if address, _, _ := strings.Cut(n.IpAddress, "/"); i == 0 || n.Primary {
			out.PrivateIP = address
		}
	}
	return out
}
