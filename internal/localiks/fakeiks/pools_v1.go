package fakeiks

import (
	"net/http"
	"slices"
	"strings"
)

// encrypted ends the machine type of classic workers whose disks are encrypted:
// IBM's own provider reads back from it what it asked for.
const encrypted = ".encrypted"

// zoneV1 is a pool's zone in requests of v1.
type zoneV1 struct {
	ID          string `json:"id"`
	PrivateVLAN string `json:"privateVlan"`
	PublicVLAN  string `json:"publicVlan"`
}

func (z zoneV1) zone() Zone {
	if z.PublicVLAN == "" {
		z.PublicVLAN = NoVLAN
	}
	return Zone{ID: z.ID, PrivateVLAN: z.PrivateVLAN, PublicVLAN: z.PublicVLAN}
}

// v1 is the pool's body in v1. It has no taints.
func (p *WorkerPool) v1(k *cluster) map[string]any {
	zones := []any{}
	balanced := true
	for _, id := range p.Zones {
		zone := k.zone(id)
		count := len(k.workersOf(p, id))
		balanced = balanced && count == p.PerZone
		public := zone.PublicVLAN
		if public == NoVLAN {
			public = ""
		}
		zones = append(zones, map[string]any{
			"id": id, "privateVlan": zone.PrivateVLAN, "publicVlan": public, "workerCount": count,
			"autobalanceEnabled": true, "messages": []string{},
		})
	}
	return map[string]any{
		"autoscaleEnabled": p.Autoscale,
		"entitlement":      "",
		"id":               p.ID,
		"isBalanced":       balanced,
		"isolation":        "public",
		"labels":           p.allLabels(),
		"machineType":      p.Flavor,
		"name":             p.Name,
		"operatingSystem":  p.OperatingSystem,
		"reasonForDelete":  "",
		"region":           k.Region,
		"sizePerZone":      p.PerZone,
		"state":            "active",
		"zones":            zones,
	}
}

func listPoolsV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	list := []any{}
	for _, p := range k.pools {
		list = append(list, p.v1(k))
	}
	return http.StatusOK, list, nil
}

func getPoolV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	p := k.pool(c.PathValue("pool"))
	if p == nil {
		return 0, nil, errPoolNotFound()
	}
	return http.StatusOK, p.v1(k), nil
}

func createPoolV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Name            string            `json:"name"`
		Size            int               `json:"sizePerZone"`
		MachineType     string            `json:"machineType"`
		Labels          map[string]string `json:"labels"`
		OperatingSystem string            `json:"operatingSystem"`
		DiskEncryption  bool              `json:"diskEncryption"`
		Zones           []zoneV1          `json:"zones"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.DiskEncryption && body.MachineType != "" && !strings.HasSuffix(body.MachineType, encrypted) {
		body.MachineType += encrypted
	}
	spec := WorkerPool{
		Name: body.Name, Flavor: body.MachineType, Labels: body.Labels, OperatingSystem: body.OperatingSystem,
		Zones: []string{k.Zones[0].ID}, // addPool takes none for all; the zones come next
	}
	p, err := c.server.addPool(k, spec, false)
	if err != nil {
		return 0, nil, err
	}
	p.Zones, p.PerZone = nil, body.Size
	for _, zone := range body.Zones {
		if err := c.addZone(k, p, zone.zone()); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, p.v1(k), nil
}

// patchPoolV1 resizes, rebalances or replaces the labels, as its state says.
func patchPoolV1(c *call) (int, any, error) {
	k, p, err := c.poolIn(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Size   int               `json:"sizePerZone"`
		Labels map[string]string `json:"labels"`
		State  string            `json:"state"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	switch body.State {
	case "labels":
		err = c.server.setLabels(k, p, body.Labels)
	case "resizing":
		err = c.resize(k, p, body.Size)
	case "rebalancing":
		err = c.server.scale(k, p, false)
	default:
		err = errBadRequest("Unknown state %q.", body.State)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, nil, nil
}

func (c *call) resize(k *cluster, p *WorkerPool, size int) error {
	if size < 0 || size > 1000 {
		return errBadRequest("The size per zone must be between 0 and 1000.")
	}
	p.PerZone = size
	return c.server.scale(k, p, false)
}

func deletePoolV1(c *call) (int, any, error) {
	k, p, err := c.poolIn(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return 0, nil, err
	}
	c.server.removePool(k, p)
	return http.StatusNoContent, nil, nil
}

func addPoolZoneV1(c *call) (int, any, error) {
	k, p, err := c.poolIn(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return 0, nil, err
	}
	var body zoneV1
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.ID == "" {
		return 0, nil, errBadRequest("Specify a zone.")
	}
	if err := c.addZone(k, p, body.zone()); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, nil, nil
}

func patchPoolZoneV1(c *call) (int, any, error) {
	k, p, err := c.poolIn(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return 0, nil, err
	}
	var body zoneV1
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	zone := k.zone(c.PathValue("zone"))
	if zone == nil || !slices.Contains(p.Zones, zone.ID) {
		return 0, nil, errNotFound()
	}
	zone.PrivateVLAN, zone.PublicVLAN = body.PrivateVLAN, body.zone().PublicVLAN
	return http.StatusNoContent, nil, nil
}

func removePoolZoneV1(c *call) (int, any, error) {
	k, p, err := c.poolIn(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return 0, nil, err
	}
	if err := c.removeZone(k, p, c.PathValue("zone")); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, nil, nil
}
