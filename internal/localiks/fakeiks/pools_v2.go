package fakeiks

import "net/http"

// v2 is the pool's body in v2, with taints on every infrastructure.
func (p *WorkerPool) v2(k *cluster) map[string]any {
	zones := []any{}
	total := 0
	for _, id := range p.Zones {
		zone := k.zone(id)
		count := len(k.workersOf(p, id))
		total += count
		entry := map[string]any{"id": id, "workerCount": count, "autobalanceEnabled": true, "messages": []string{}}
		if k.Provider == VPC {
			entry["subnets"] = []any{map[string]any{"id": zone.SubnetID, "primary": true}}
		} else {
			entry["privateVLAN"], entry["publicVLAN"] = zone.PrivateVLAN, zone.PublicVLAN
			if zone.PublicVLAN == NoVLAN {
				entry["publicVLAN"] = ""
			}
		}
		zones = append(zones, entry)
	}
	body := map[string]any{
		"autoscaleEnabled": p.Autoscale,
		"flavor":           p.Flavor,
		"hostLabels":       map[string]string{},
		"id":               p.ID,
		"isBalanced":       total == p.PerZone*len(p.Zones),
		"isolation":        "public",
		"labels":           p.allLabels(),
		"lifecycle":        map[string]any{"actualState": "active", "desiredState": "active"},
		"operatingSystem":  p.OperatingSystem,
		"poolName":         p.Name,
		"provider":         string(k.Provider),
		"taints":           copyMap(p.Taints),
		"workerCount":      p.PerZone,
		"zones":            zones,
	}
	if k.Provider == VPC {
		body["vpcID"] = k.VPCID
	}
	return body
}

// listPoolsV2 serves one infrastructure, or all for "".
func listPoolsV2(provider Provider) handler {
	return func(c *call) (int, any, error) {
		k, err := c.clusterFor(provider)
		if err != nil {
			return 0, nil, err
		}
		list := []any{}
		for _, p := range k.pools {
			list = append(list, p.v2(k))
		}
		return http.StatusOK, list, nil
	}
}

func getPoolV2(provider Provider) handler {
	return func(c *call) (int, any, error) {
		k, err := c.clusterFor(provider)
		if err != nil {
			return 0, nil, err
		}
		p := k.pool(c.URL.Query().Get("workerpool"))
		if p == nil {
			return 0, nil, errPoolNotFound()
		}
		return http.StatusOK, p.v2(k), nil
	}
}

// clusterFor finds the cluster of the query; provider "" is any.
func (c *call) clusterFor(provider Provider) (*cluster, error) {
	name := c.URL.Query().Get("cluster")
	if provider == "" {
		return c.cluster(name)
	}
	return c.clusterOf(provider, name)
}

// poolCall is the body of all calls that change one pool; two spellings of the
// pool are in use.
type poolCall struct {
	Cluster         string            `json:"cluster"`
	Pool            string            `json:"workerpool"` // matches workerPool as well
	Size            int               `json:"size"`
	Zone            string            `json:"zone"`
	Taints          map[string]string `json:"taints"`
	Labels          map[string]string `json:"labels"`
	OperatingSystem string            `json:"operatingSystem"`
}

// changePool finds the pool of the body and changes it.
func changePool(c *call, status int, change func(*cluster, *WorkerPool, poolCall) error) (int, any, error) {
	var body poolCall
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, p, err := c.poolIn(body.Cluster, body.Pool)
	if err != nil {
		return 0, nil, err
	}
	if err := change(k, p, body); err != nil {
		return 0, nil, err
	}
	return status, nil, nil
}

func setPoolTaints(c *call) (int, any, error) {
	return changePool(c, http.StatusNoContent, func(k *cluster, p *WorkerPool, body poolCall) error {
		return c.server.setTaints(k, p, body.Taints)
	})
}

func setPoolLabels(c *call) (int, any, error) {
	return changePool(c, http.StatusNoContent, func(k *cluster, p *WorkerPool, body poolCall) error {
		return c.server.setLabels(k, p, body.Labels)
	})
}

func resizePool(c *call) (int, any, error) {
	return changePool(c, http.StatusAccepted, func(k *cluster, p *WorkerPool, body poolCall) error {
		return c.resize(k, p, body.Size)
	})
}

func rebalancePool(c *call) (int, any, error) {
	return changePool(c, http.StatusNoContent, func(k *cluster, p *WorkerPool, _ poolCall) error {
		return c.server.scale(k, p, false)
	})
}

func removePoolV2(c *call) (int, any, error) {
	return changePool(c, http.StatusNoContent, func(k *cluster, p *WorkerPool, _ poolCall) error {
		c.server.removePool(k, p)
		return nil
	})
}

func removePoolZoneV2(c *call) (int, any, error) {
	return changePool(c, http.StatusNoContent, func(k *cluster, p *WorkerPool, body poolCall) error {
		return c.removeZone(k, p, body.Zone)
	})
}

func setPoolOS(c *call) (int, any, error) {
	return changePool(c, http.StatusAccepted, func(_ *cluster, p *WorkerPool, body poolCall) error {
		if body.OperatingSystem == "" {
			return errBadRequest("Specify an operating system.")
		}
		p.OperatingSystem = body.OperatingSystem
		return nil
	})
}

func createPoolV2(c *call) (int, any, error) {
	var body struct {
		Cluster         string            `json:"cluster"`
		Name            string            `json:"name"`
		Flavor          string            `json:"flavor"`
		Labels          map[string]string `json:"labels"`
		OperatingSystem string            `json:"operatingSystem"`
		WorkerCount     int               `json:"workerCount"`
		Zones           []struct {
			ID       string `json:"id"`
			SubnetID string `json:"subnetID"`
		} `json:"zones"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, err := c.clusterOf(VPC, body.Cluster)
	if err != nil {
		return 0, nil, err
	}
	spec := WorkerPool{
		Name: body.Name, Flavor: body.Flavor, Labels: body.Labels, OperatingSystem: body.OperatingSystem,
		Zones: []string{k.Zones[0].ID},
	}
	p, err := c.server.addPool(k, spec, false)
	if err != nil {
		return 0, nil, err
	}
	p.Zones, p.PerZone = nil, body.WorkerCount
	for _, zone := range body.Zones {
		if err := c.addZone(k, p, Zone{ID: zone.ID, SubnetID: zone.SubnetID}); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, map[string]string{"workerPoolID": p.ID}, nil
}

func addPoolZoneV2(c *call) (int, any, error) {
	var body struct {
		Cluster      string `json:"cluster"`
		ID           string `json:"id"`
		SubnetID     string `json:"subnetID"`
		WorkerPoolID string `json:"workerPoolID"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, err := c.clusterOf(VPC, body.Cluster)
	if err != nil {
		return 0, nil, err
	}
	p := k.pool(body.WorkerPoolID)
	if p == nil {
		return 0, nil, errPoolNotFound()
	}
	if err := c.addZone(k, p, Zone{ID: body.ID, SubnetID: body.SubnetID}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, nil, nil
}
