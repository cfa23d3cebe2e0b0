package fakeiks

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const poolIDLabel = "ibm-cloud.kubernetes.io/worker-pool-id"

// Pools are copies of a cluster's worker pools; nil where there is no such cluster.
func (s *Server) Pools(clusterNameOrID string) []WorkerPool {
	c, _ := s.Cluster(clusterNameOrID)
	return c.Pools
}

func (k *cluster) pool(nameOrID string) *WorkerPool {
	for _, p := range k.pools {
		if p.ID == nameOrID || p.Name == nameOrID {
			return p
		}
	}
	return nil
}

// addPool adds a pool and its workers.
func (s *Server) addPool(k *cluster, spec WorkerPool, ready bool) (*WorkerPool, error) {
	if spec.Name == "" {
		return nil, errBadRequest("Specify a name for the worker pool.")
	}
	if k.pool(spec.Name) != nil {
		return nil, errPoolExists()
	}
	p := spec.clone()
	if p.ID == "" {
		p.ID = k.ID + "-" + secret(4)[:7]
	}
	if p.Flavor == "" {
		p.Flavor = map[Provider]string{Classic: "b3c.4x16", VPC: "bx2.4x16"}[k.Provider]
	}
	if p.OperatingSystem == "" {
		p.OperatingSystem = "UBUNTU_24_64"
	}
	if len(p.Zones) == 0 {
		for _, zone := range k.Zones {
			p.Zones = append(p.Zones, zone.ID)
		}
	}
	for _, zone := range p.Zones {
		if k.zone(zone) == nil {
			return nil, fmt.Errorf("worker pool %q: the cluster has no zone %q", p.Name, zone)
		}
	}
	if err := checkLabels(p.Labels); err != nil {
		return nil, err
	}
	if err := checkTaints(p.Taints); err != nil {
		return nil, err
	}
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	if p.Taints == nil {
		p.Taints = map[string]string{}
	}
	k.pools = append(k.pools, &p)
	s.emit(PoolAdded, k.ID, p.ID)
	if err := s.scale(k, &p, ready); err != nil {
		return nil, err
	}
	return &p, nil
}

// removePool removes the pool, and its workers after the delay.
func (s *Server) removePool(k *cluster, p *WorkerPool) {
	k.pools = slices.DeleteFunc(k.pools, func(other *WorkerPool) bool { return other == p })
	for _, w := range k.workersOf(p, "") {
		s.removeWorker(k, w, "Worker pool was deleted")
	}
	s.emit(PoolRemoved, k.ID, p.ID)
}

// scale makes the number of workers in each zone what the pool wants.
func (s *Server) scale(k *cluster, p *WorkerPool, ready bool) error {
	for _, zone := range p.Zones {
		have := k.workersOf(p, zone)
		for range p.PerZone - len(have) {
			if _, err := s.addWorker(k, p, zone, ready); err != nil {
				return err
			}
		}
		for i := len(have); i > p.PerZone; i-- {
			s.removeWorker(k, have[i-1], "Worker pool was resized")
		}
	}
	return nil
}

// setLabels replaces the pool's own labels.
func (s *Server) setLabels(k *cluster, p *WorkerPool, labels map[string]string) error {
	if err := checkLabels(labels); err != nil {
		return err
	}
	p.Labels = copyMap(labels)
	s.emit(PoolLabelsChanged, k.ID, p.ID)
	return nil
}

// setTaints replaces the pool's taints.
func (s *Server) setTaints(k *cluster, p *WorkerPool, taints map[string]string) error {
	if err := checkTaints(taints); err != nil {
		return err
	}
	p.Taints = copyMap(taints)
	s.emit(PoolTaintsChanged, k.ID, p.ID)
	return nil
}

// copyMap is maps.Clone that never gives nil.
func copyMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

// allLabels are the labels as the API reads them back: the pool's own ones and
// those of the system.
func (p *WorkerPool) allLabels() map[string]string {
	labels := copyMap(p.Labels)
	labels[poolIDLabel] = p.ID
	return labels
}

// checkLabels refuses what Kubernetes would refuse, and the prefixes of the
// system (assumed: IBM's own clients never send those back).
func checkLabels(labels map[string]string) error {
	for key, value := range labels {
		for _, prefix := range []string{"ibm-cloud.kubernetes.io", "kubernetes.io", "k8s.io"} {
			if strings.HasPrefix(key, prefix) {
				return errBadRequest("The label key %q has a reserved prefix.", key)
			}
		}
		problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
		if len(problems) > 0 {
			return errBadRequest("The label %q=%q is not valid: %s", key, value, strings.Join(problems, "; "))
		}
	}
	return nil
}

// checkTaints wants "value:effect".
func checkTaints(taints map[string]string) error {
	for key, text := range taints {
		value, effect, found := strings.Cut(text, ":")
		if !found || !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, effect) {
			return errBadRequest("The taint %q=%q is not valid: it must be value:effect with the effect NoSchedule, "+
				"PreferNoSchedule or NoExecute.", key, text)
		}
		problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
		if len(problems) > 0 {
			return errBadRequest("The taint %q=%q is not valid: %s", key, text, strings.Join(problems, "; "))
		}
	}
	return nil
}

// poolIn finds a cluster and one of its pools.
func (c *call) poolIn(cluster, pool string) (*cluster, *WorkerPool, error) {
	k, err := c.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	p := k.pool(pool)
	if p == nil {
		return nil, nil, errPoolNotFound()
	}
	return k, p, nil
}

func poolRoutes() []route {
	return []route{
		{"GET /v1/clusters/{cluster}/workerpools", Viewer, listPoolsV1},
		{"GET /v1/clusters/{cluster}/workerpools/{pool}", Viewer, getPoolV1},
		{"POST /v1/clusters/{cluster}/workerpools", Operator, createPoolV1},
		{"PATCH /v1/clusters/{cluster}/workerpools/{pool}", Operator, patchPoolV1},
		{"DELETE /v1/clusters/{cluster}/workerpools/{pool}", Operator, deletePoolV1},
		{"POST /v1/clusters/{cluster}/workerpools/{pool}/zones", Operator, addPoolZoneV1},
		{"PATCH /v1/clusters/{cluster}/workerpools/{pool}/zones/{zone}", Operator, patchPoolZoneV1},
		{"DELETE /v1/clusters/{cluster}/workerpools/{pool}/zones/{zone}", Operator, removePoolZoneV1},

		{"GET /v2/getWorkerPools", Viewer, listPoolsV2("")},
		{"GET /v2/getWorkerPool", Viewer, getPoolV2("")},
		{"GET /v2/classic/getWorkerPools", Viewer, listPoolsV2(Classic)},
		{"GET /v2/classic/getWorkerPool", Viewer, getPoolV2(Classic)},
		{"GET /v2/vpc/getWorkerPools", Viewer, listPoolsV2(VPC)},
		{"GET /v2/vpc/getWorkerPool", Viewer, getPoolV2(VPC)},
		{"POST /v2/vpc/createWorkerPool", Operator, createPoolV2},
		{"POST /v2/vpc/createWorkerPoolZone", Operator, addPoolZoneV2},
		{"POST /v2/setWorkerPoolTaints", Operator, setPoolTaints},
		{"POST /v2/setWorkerPoolLabels", Operator, setPoolLabels},
		{"POST /v2/resizeWorkerPool", Operator, resizePool},
		{"POST /v2/rebalanceWorkerPool", Operator, rebalancePool},
		{"POST /v2/removeWorkerPool", Operator, removePoolV2},
		{"POST /v2/removeWorkerPoolZone", Operator, removePoolZoneV2},
		{"POST /v2/setWorkerPoolOperatingSystem", Operator, setPoolOS},
	}
}

// addZone spreads a pool to one more zone of the cluster.
func (c *call) addZone(k *cluster, p *WorkerPool, zone Zone) error {
	if slices.Contains(p.Zones, zone.ID) {
		return errConflict("The zone %q is already in the worker pool.", zone.ID)
	}
	if k.zone(zone.ID) == nil {
		c.server.fillInZone(k.Provider, &zone)
		k.Zones = append(k.Zones, zone)
		c.server.addALB(k, "private", zone.ID, false)
		if zone.PublicVLAN != NoVLAN {
			c.server.addALB(k, "public", zone.ID, true)
		}
	}
	p.Zones = append(p.Zones, zone.ID)
	return c.server.scale(k, p, false)
}

func (c *call) removeZone(k *cluster, p *WorkerPool, zone string) error {
	if !slices.Contains(p.Zones, zone) {
		return newError(http.StatusNotFound, "E0d40", "Provisioning", "The specified zone could not be found.", "")
	}
	p.Zones = slices.DeleteFunc(p.Zones, func(id string) bool { return id == zone })
	for _, w := range k.workersOf(p, zone) {
		c.server.removeWorker(k, w, "Zone was removed")
	}
	return nil
}
