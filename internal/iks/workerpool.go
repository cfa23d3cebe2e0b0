package iks

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

// WorkerPool is a group of like workers.
type WorkerPool struct {
	ID, Name, ClusterID string
	Infrastructure      Infrastructure
	// State is IKS's actual state, such as active or normal, never deleted.
	State  string
	Flavor string
	// Labels are those that users gave the pool, SystemLabels those of IKS.
	// Setting labels replaces the former and leaves the latter.
	Labels, SystemLabels map[string]string
	// Taints by key: IKS keeps one effect per key.
	Taints map[string]PoolTaint
	// WorkersPerZone is the size that is asked for.
	WorkersPerZone int
	// Autoscaled says that the cluster autoscaler moves WorkersPerZone.
	Autoscaled bool
	Zones      []PoolZone
}

// PoolZone is a zone that a pool has workers in.
type PoolZone struct {
	ID          string
	WorkerCount int
	// PrivateVLAN and PublicVLAN are set on classic infrastructure.
	PrivateVLAN, PublicVLAN string
	// SubnetIDs are set on VPC.
	SubnetIDs []string
}

// PoolTaint is the taint that a pool gives its nodes for one key.
type PoolTaint struct {
	Value string
	// Effect is NoSchedule, PreferNoSchedule or NoExecute.
	Effect string
}

// String is how IKS writes a taint: value:effect.
func (t PoolTaint) String() string {
	if t.Effect == "" {
		return t.Value
	}
	return t.Value + ":" + t.Effect
}

// parsePoolTaint is the inverse of String for every string, so that writing
// back a whole map changes none of the entries that are not ours.
func parsePoolTaint(s string) PoolTaint {
	if at := strings.LastIndexByte(s, ':'); at >= 0 && at < len(s)-1 {
		return PoolTaint{Value: s[:at], Effect: s[at+1:]}
	}
	return PoolTaint{Value: s}
}

// wirePool is IKS's provider-neutral answer. bluemix-go has only the VPC one,
// which lacks the VLANs.
type wirePool struct {
	ID               string            `json:"id"`
	PoolName         string            `json:"poolName"`
	Provider         string            `json:"provider"`
	Flavor           string            `json:"flavor"`
	Labels           map[string]string `json:"labels"`
	Taints           map[string]string `json:"taints"`
	WorkerCount      int               `json:"workerCount"`
	AutoscaleEnabled bool              `json:"autoscaleEnabled"`
	Lifecycle        struct {
		ActualState string `json:"actualState"`
	} `json:"lifecycle"`
	Zones []struct {
		ID          string               `json:"id"`
		WorkerCount int                  `json:"workerCount"`
		PrivateVLAN string               `json:"privateVLAN"` // as privateVlan, too: Go ignores case here
		PublicVLAN  string               `json:"publicVLAN"`
		Subnets     []containerv2.Subnet `json:"subnets"`
	} `json:"zones"`
}

func (w *wirePool) pool(cluster Cluster) WorkerPool {
	p := WorkerPool{
		ID: w.ID, Name: w.PoolName, ClusterID: cluster.ID,
		Infrastructure: cluster.Infrastructure,
		State:          w.Lifecycle.ActualState, Flavor: w.Flavor,
		Labels: map[string]string{}, SystemLabels: map[string]string{}, Taints: map[string]PoolTaint{},
		WorkersPerZone: w.WorkerCount, Autoscaled: w.AutoscaleEnabled,
	}
	if w.Provider != "" {
		p.Infrastructure = infrastructure(w.Provider, nil)
	}
	for key, value := range w.Labels {
		if isSystemLabel(key) {
			p.SystemLabels[key] = value
		} else {
			p.Labels[key] = value
		}
	}
	for key, value := range w.Taints {
		p.Taints[key] = parsePoolTaint(value)
	}
	for _, z := range w.Zones {
		zone := PoolZone{ID: z.ID, WorkerCount: z.WorkerCount, PrivateVLAN: z.PrivateVLAN, PublicVLAN: z.PublicVLAN}
		for _, s := range z.Subnets {
			zone.SubnetIDs = append(zone.SubnetIDs, s.ID)
		}
		p.Zones = append(p.Zones, zone)
	}
	return p
}

// isSystemLabel tells IKS's own labels from those of users, by the prefixes
// that IBM's own provider goes by. It must not take in more than those: what it
// takes in is left out when labels are set, and a user's label would be lost.
func isSystemLabel(key string) bool {
	return strings.HasPrefix(key, "ibm-cloud.kubernetes.io") ||
		strings.HasPrefix(key, "kubernetes.io") || strings.HasPrefix(key, "k8s.io")
}

// deletedPool is the state of a pool that IKS still shows after its deletion.
const deletedPool = "deleted"

// WorkerPools lists the cluster's worker pools. Deleted ones are left out.
func (c *Client) WorkerPools(ctx context.Context, cluster Cluster) ([]WorkerPool, error) {
	cl, cancel := c.begin(ctx, "listing the worker pools of", describe(cluster))
	defer cancel()
	var wire []wirePool
	if err := c.getJSON(cl, "/v2/getWorkerPools", url.Values{"cluster": {cluster.ID}}, c.target(cluster), &wire); err != nil {
		return nil, err
	}
	pools := make([]WorkerPool, 0, len(wire))
	for i := range wire {
		if wire[i].Lifecycle.ActualState != deletedPool {
			pools = append(pools, wire[i].pool(cluster))
		}
	}
	return pools, nil
}

// WorkerPool reads one worker pool by its name or ID. IsNotFound tells when there
// is none, or none any more.
func (c *Client) WorkerPool(ctx context.Context, cluster Cluster, nameOrID string) (WorkerPool, error) {
	cl, cancel := c.begin(ctx, "reading", describePool(cluster, nameOrID))
	defer cancel()
	return c.workerPool(cl, cluster, nameOrID)
}

func (c *Client) workerPool(cl *call, cluster Cluster, nameOrID string) (WorkerPool, error) {
	if err := checkName("worker pool", nameOrID); err != nil {
		return WorkerPool{}, cl.explain(err)
	}
	var wire wirePool
	query := url.Values{"cluster": {cluster.ID}, "workerpool": {nameOrID}}
	if err := c.getJSON(cl, "/v2/getWorkerPool", query, c.target(cluster), &wire); err != nil {
		return WorkerPool{}, err
	}
	if wire.ID == "" {
		return WorkerPool{}, cl.explain(&garbledError{why: "the answer names no worker pool"})
	}
	if wire.Lifecycle.ActualState == deletedPool {
		return WorkerPool{}, cl.explain(&deletedError{})
	}
	return wire.pool(cluster), nil
}

func describePool(cluster Cluster, nameOrID string) string {
	return "worker pool " + strconv.Quote(nameOrID) + " of " + describe(cluster)
}
