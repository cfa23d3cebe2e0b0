package fakeiks

import "net/http"

func workerRoutes() []route {
	return []route{
		{"GET /v1/clusters/{cluster}/workers", Viewer, listWorkersV1},
		{"GET /v1/clusters/{cluster}/workers/{worker}", Viewer, getWorkerV1},
		{"GET /v1/workers/{worker}", Viewer, getWorkerV1},
		{"POST /v1/clusters/{cluster}/workers", Operator, addWorkersV1},
		{"PUT /v1/clusters/{cluster}/workers/{worker}", Operator, updateWorkerV1},
		{"DELETE /v1/clusters/{cluster}/workers/{worker}", Operator, deleteWorkerV1},
		{"POST /graphql", Operator, reinitialise},
		{"GET /v2/getWorkers", Viewer, listWorkersV2("")},
		{"GET /v2/getWorker", Viewer, getWorkerV2("")},
		{"GET /v2/classic/getWorkers", Viewer, listWorkersV2(Classic)},
		{"GET /v2/classic/getWorker", Viewer, getWorkerV2(Classic)},
		{"GET /v2/vpc/getWorkers", Viewer, listWorkersV2(VPC)},
		{"GET /v2/vpc/getWorker", Viewer, getWorkerV2(VPC)},
		{"POST /v2/vpc/replaceWorker", Operator, replaceWorkerV2},
		{"POST /v2/replaceWorker", Operator, replaceWorkerV2},
		{"POST /v2/removeWorker", Operator, removeWorkerV2},
	}
}

// v1 is the worker's body in v1: state "normal" with status "Ready" is a good one.
func (w *Worker) v1(k *cluster) map[string]any {
	state := w.State
	if state == workerDeployed {
		state = w.Health
	}
	return map[string]any{
		"billing":          "hourly",
		"errorMessage":     "",
		"id":               w.ID,
		"isolation":        "public",
		"kubeVersion":      w.KubeVersion,
		"location":         w.Zone,
		"machineType":      w.Flavor,
		"masterVersionEOS": "",
		"poolName":         w.PoolName,
		"poolid":           w.PoolID,
		"privateIP":        w.PrivateIP,
		"privateVlan":      w.PrivateVLAN,
		"publicIP":         w.PublicIP,
		"publicVlan":       w.PublicVLAN,
		"reasonForDelete":  w.reason(),
		"state":            state,
		"status":           w.HealthMessage,
		"targetVersion":    k.Version + "_" + workerBuild,
		"trustedStatus":    "unsupported",
		"versionEOS":       "",
	}
}

func (w *Worker) v2(k *cluster) map[string]any {
	desired := workerDeployed
	if w.State == workerDeleting || w.State == workerDeleted {
		desired = workerDeleted
	}
	networks := []any{map[string]any{
		"cidr": w.PrivateIP + "/32", "ipAddress": w.PrivateIP, "primary": true, "subnetID": w.SubnetID,
	}}
	if w.PublicIP != "" {
		networks = append(networks, map[string]any{
			"cidr": w.PublicIP + "/32", "ipAddress": w.PublicIP, "primary": false, "subnetID": "",
		})
	}
	return map[string]any{
		"flavor": w.Flavor,
		"health": map[string]any{"state": w.Health, "message": w.HealthMessage},
		"id":     w.ID,
		"kubeVersion": map[string]any{
			"actual": w.KubeVersion, "desired": w.KubeVersion, "eos": "", "masterEOS": "", "target": k.Version + "_" + workerBuild,
		},
		"lifecycle": map[string]any{
			"actualState": w.State, "desiredState": desired, "message": "", "messageDate": "", "messageDetails": "",
			"messageDetailsDate": "", "pendingOperation": "", "reasonForDelete": w.reason(), "actualOperatingSystem": w.OperatingSystem,
		},
		"location":          w.Zone,
		"networkInterfaces": networks,
		"poolID":            w.PoolID,
		"poolName":          w.PoolName,
	}
}

func (w *Worker) reason() string {
	if w.State == workerDeleting || w.State == workerDeleted {
		return w.HealthMessage
	}
	return ""
}

// listWorkers are the workers that the query asks for.
func (c *call) listWorkers(k *cluster, body func(*Worker) map[string]any) []any {
	query := c.URL.Query()
	list := []any{}
	for _, w := range k.workers {
		pool := query.Get("pool")
		if pool == "" {
			pool = query.Get("workerPool")
		}
		if pool != "" && pool != w.PoolID && pool != w.PoolName {
			continue
		}
		if w.State == workerDeleted && query.Get("showDeleted") != "true" {
			continue
		}
		list = append(list, body(w))
	}
	return list
}

func listWorkersV1(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.listWorkers(k, func(w *Worker) map[string]any { return w.v1(k) }), nil
}

// workerByID looks in all clusters.
func (c *call) workerByID(id string) (*cluster, *Worker, error) {
	for _, k := range c.server.sorted() {
		if w := k.worker(id); w != nil && c.inResourceGroup(k) {
			return k, w, nil
		}
	}
	return nil, nil, errWorkerNotFound()
}

// workerIn looks in one cluster.
func (c *call) workerIn(cluster, id string) (*cluster, *Worker, error) {
	k, err := c.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	w := k.worker(id)
	if w == nil {
		return nil, nil, errWorkerNotFound()
	}
	return k, w, nil
}

func getWorkerV1(c *call) (int, any, error) {
	var (
		k   *cluster
		w   *Worker
		err error
	)
	if c.PathValue("cluster") == "" {
		k, w, err = c.workerByID(c.PathValue("worker"))
	} else {
		k, w, err = c.workerIn(c.PathValue("cluster"), c.PathValue("worker"))
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, w.v1(k), nil
}

// addWorkersV1 grows the default pool.
func addWorkersV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		WorkerNum int `json:"workerNum"`
		Count     int `json:"count"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if len(k.pools) == 0 {
		return 0, nil, errPoolNotFound()
	}
	p := k.pools[0]
	if err := c.resize(k, p, p.PerZone+max(body.WorkerNum, body.Count)); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, nil, nil
}

func updateWorkerV1(c *call) (int, any, error) {
	k, w, err := c.workerIn(c.PathValue("cluster"), c.PathValue("worker"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Action string `json:"action"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	switch body.Action {
	case "reload", "update":
		c.server.reloadWorker(k, w)
	case "reboot", "os_reboot", "power_cycle":
	case "replace":
		if _, err := c.server.replaceWorker(k, w); err != nil {
			return 0, nil, err
		}
	default:
		return 0, nil, errBadRequest("Unknown action %q.", body.Action)
	}
	return http.StatusNoContent, nil, nil
}

func deleteWorkerV1(c *call) (int, any, error) {
	k, w, err := c.workerIn(c.PathValue("cluster"), c.PathValue("worker"))
	if err != nil {
		return 0, nil, err
	}
	c.server.removeWorker(k, w, "Worker was deleted")
	return http.StatusNoContent, nil, nil
}

// reinitialise is the one GraphQL mutation that bluemix-go sends: reload a worker.
func reinitialise(c *call) (int, any, error) {
	var body struct {
		Variables struct {
			Input struct {
				ID string `json:"id"`
			} `json:"input"`
		} `json:"variables"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, w, err := c.workerByID(body.Variables.Input.ID)
	if err != nil {
		return 0, nil, err
	}
	c.server.reloadWorker(k, w)
	node := map[string]any{"node": map[string]any{"id": w.ID}}
	return http.StatusOK, map[string]any{"data": map[string]any{"reinitializeKubernetesNode": node}}, nil
}

func listWorkersV2(provider Provider) handler {
	return func(c *call) (int, any, error) {
		k, err := c.clusterFor(provider)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, c.listWorkers(k, func(w *Worker) map[string]any { return w.v2(k) }), nil
	}
}

func getWorkerV2(provider Provider) handler {
	return func(c *call) (int, any, error) {
		k, err := c.clusterFor(provider)
		if err != nil {
			return 0, nil, err
		}
		w := k.worker(c.URL.Query().Get("worker"))
		if w == nil {
			return 0, nil, errWorkerNotFound()
		}
		return http.StatusOK, w.v2(k), nil
	}
}

func (c *call) workerInBody() (*cluster, *Worker, error) {
	var body struct {
		Cluster string `json:"cluster"`
		Worker  string `json:"workerID"`
	}
	if err := c.decode(&body); err != nil {
		return nil, nil, err
	}
	return c.workerIn(body.Cluster, body.Worker)
}

// replaceWorkerV2 answers with a JSON string, which bluemix-go insists on; the
// swagger has no body (the text is assumed).
func replaceWorkerV2(c *call) (int, any, error) {
	k, w, err := c.workerInBody()
	if err != nil {
		return 0, nil, err
	}
	fresh, err := c.server.replaceWorker(k, w)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, fresh.ID, nil
}

func removeWorkerV2(c *call) (int, any, error) {
	k, w, err := c.workerInBody()
	if err != nil {
		return 0, nil, err
	}
	c.server.removeWorker(k, w, "Worker was deleted")
	return http.StatusNoContent, nil, nil
}
