package fakeiks

import "net/http"

func classicALBRoutes() []route {
	return []route{
		{"GET /v1/alb/clusters/{cluster}", Viewer, listALBsV1},
		{"GET /v1/alb/albs/{alb}", Viewer, getALBV1},
		{"POST /v1/alb/albs", Operator, enableALBV1},
		{"DELETE /v1/alb/albs/{alb}", Operator, disableALBV1},
		{"POST /v1/alb/clusters/{cluster}/zone/{zone}", Operator, createALBV1},
		{"GET /v1/alb/clusters/{cluster}/updatepolicy", Viewer, getUpdatePolicy},
		{"PUT /v1/alb/clusters/{cluster}/updatepolicy", Operator, setUpdatePolicy},
		{"PUT /v1/alb/clusters/{cluster}/update", Operator, forceALBUpdate},
		{"PUT /v1/alb/clusters/{cluster}/updaterollback", Operator, rollBackALBs},
		{"GET /v1/alb/albtypes", Viewer, func(*call) (int, any, error) { return http.StatusOK, []string{"public", "private"}, nil }},
	}
}

func listALBsV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	list := []any{}
	for _, a := range k.albs {
		list = append(list, a.v1())
	}
	return http.StatusOK, map[string]any{
		"id": k.ID, "region": k.Region, "dataCenter": k.location(), "isPaid": true,
		"ingressHostname": k.ingressHostname(), "ingressSecretName": k.ingressSecret(), "alb": list,
	}, nil
}

// classicALB finds an ALB of a classic cluster.
func (c *call) classicALB(id string) (*cluster, *ALB, error) {
	k, a, err := c.albByID(id)
	if err != nil {
		return nil, nil, err
	}
	if k.Provider != Classic {
		return nil, nil, errALBNotFound()
	}
	return k, a, nil
}

func getALBV1(c *call) (int, any, error) {
	_, a, err := c.classicALB(c.PathValue("alb"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.v1(), nil
}

func enableALBV1(c *call) (int, any, error) {
	var body struct {
		ALB     string `json:"albID"`
		Enable  *bool  `json:"enable"`
		Build   string `json:"albBuild"`
		Address string `json:"albip"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, a, err := c.classicALB(body.ALB)
	if err != nil {
		return 0, nil, err
	}
	if body.Enable != nil && !*body.Enable {
		return 0, nil, errBadRequest("Use DELETE to disable an ALB.")
	}
	if err := c.server.enableALB(k, a, body.Build, body.Address); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, a.v1(), nil
}

func disableALBV1(c *call) (int, any, error) {
	k, a, err := c.classicALB(c.PathValue("alb"))
	if err != nil {
		return 0, nil, err
	}
	keepService, err := flag(c.URL.Query().Get("disableDeployment"))
	if err != nil {
		return 0, nil, err
	}
	c.server.disableALB(k, a, keepService)
	return http.StatusNoContent, nil, nil
}

func createALBV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Type    string `json:"type"`
		VLAN    string `json:"vlanID"`
		Enable  bool   `json:"enableByDefault"`
		Address string `json:"ip"`
		Build   string `json:"ingressImage"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	a, err := c.createALB(k, body.Type, c.PathValue("zone"))
	if err != nil {
		return 0, nil, err
	}
	if body.VLAN != "" {
		a.VLAN = body.VLAN
	}
	if body.Enable {
		if err := c.server.enableALB(k, a, body.Build, body.Address); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, map[string]string{"alb": a.ID, "cluster": k.ID}, nil
}

// createALB adds a disabled ALB.
func (c *call) createALB(k *cluster, kind, zone string) (*ALB, error) {
	if kind != "public" && kind != "private" {
		return nil, errBadRequest("The ALB type %q is neither public nor private.", kind)
	}
	if k.zone(zone) == nil {
		return nil, errBadRequest("The cluster has no zone %q.", zone)
	}
	return c.server.addALB(k, kind, zone, false), nil
}

func getUpdatePolicy(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]bool{"autoUpdate": k.ingress.autoUpdate, "latestVersion": k.latestBuilds()}, nil
}

// latestBuilds says whether all ALBs run the default build of their kind.
func (k *cluster) latestBuilds() bool {
	for _, a := range k.albs {
		if a.Build != buildsOf(a.Controller)[0] {
			return false
		}
	}
	return true
}

func setUpdatePolicy(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		AutoUpdate bool `json:"autoUpdate"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k.ingress.autoUpdate = body.AutoUpdate
	return http.StatusNoContent, nil, nil
}

// forceALBUpdate moves all ALBs to the default build of their kind once.
func forceALBUpdate(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	if err := c.server.updateALBs(k, "", nil); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}

// rollBackALBs moves all ALBs to the build before (assumed: the last on offer).
func rollBackALBs(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	for _, a := range k.albs {
		builds := buildsOf(a.Controller)
		a.Build = builds[len(builds)-1]
		if a.Enabled {
			c.server.redeployALB(k, a)
		}
	}
	return http.StatusOK, nil, nil
}
