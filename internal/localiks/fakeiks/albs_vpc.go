package fakeiks

import (
	"net/http"
	"slices"
)

func vpcALBRoutes() []route {
	return []route{
		{"GET /v2/alb/getClusterAlbs", Viewer, listALBsV2},
		{"GET /v2/alb/getAlb", Viewer, getALBV2},
		{"GET /v2/alb/getAlbImages", NoRole, albImages},
		{"POST /v2/alb/updateAlb", Operator, updateALBV2},
		{"POST /v2/alb/vpc/createAlb", Operator, createALBV2},
		{"POST /v2/alb/vpc/enableAlb", Operator, enableALBV2},
		{"POST /v2/alb/vpc/disableAlb", Operator, disableALBV2},
	}
}

// listALBsV2 serves every infrastructure.
func listALBsV2(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	list := []any{}
	for _, a := range k.albs {
		list = append(list, a.v2(k))
	}
	return http.StatusOK, map[string]any{
		"id": k.ID, "region": k.Region, "dataCenter": k.location(), "isPaid": true,
		"publicIngressHostname": k.ingressHostname(), "publicIngressSecretName": k.ingressSecret(), "alb": list,
	}, nil
}

func getALBV2(c *call) (int, any, error) {
	k, a, err := c.albByID(c.URL.Query().Get("albID"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.v2(k), nil
}

func albImages(*call) (int, any, error) {
	return http.StatusOK, map[string]any{
		"defaultK8sVersion": nginxBuilds()[0], "supportedK8sVersions": slices.Concat(nginxBuilds(), traefikBuilds()),
	}, nil
}

// updateALBV2 deploys ALBs anew. While automatic updates are on it refuses to.
func updateALBV2(c *call) (int, any, error) {
	var body struct {
		Cluster string   `json:"cluster"`
		Build   string   `json:"albBuild"`
		List    []string `json:"albList"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, err := c.cluster(body.Cluster)
	if err != nil {
		return 0, nil, err
	}
	if k.ingress.autoUpdate {
		return 0, nil, newError(http.StatusConflict, "E0b21", "Provisioning",
			"Automatic updates of the ALBs must be disabled before you update them to a version.",
			"Run 'ibmcloud ks ingress alb autoupdate disable --cluster <cluster>'.")
	}
	if err := c.server.updateALBs(k, body.Build, body.List); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]string{"clusterID": k.ID}, nil
}

func createALBV2(c *call) (int, any, error) {
	var body struct {
		Cluster string `json:"cluster"`
		Enable  bool   `json:"enableByDefault"`
		Type    string `json:"type"`
		Zone    string `json:"zone"`
		Build   string `json:"ingressImage"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, err := c.clusterOf(VPC, body.Cluster)
	if err != nil {
		return 0, nil, err
	}
	a, err := c.createALB(k, body.Type, body.Zone)
	if err != nil {
		return 0, nil, err
	}
	if body.Enable {
		if err := c.server.enableALB(k, a, body.Build, ""); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, map[string]string{"cluster": k.ID, "alb": a.ID}, nil
}

// vpcALB finds the ALB of a call whose body names it.
func (c *call) vpcALB() (k *cluster, a *ALB, build string, keepService bool, err error) {
	var body struct {
		ALB               string `json:"albID"`
		Build             string `json:"albBuild"`
		DisableDeployment bool   `json:"disableDeployment"`
	}
	if err := c.decode(&body); err != nil {
		return nil, nil, "", false, err
	}
	k, a, err = c.albByID(body.ALB)
	if err != nil {
		return nil, nil, "", false, err
	}
	if k.Provider != VPC {
		return nil, nil, "", false, errALBNotFound()
	}
	return k, a, body.Build, body.DisableDeployment, nil
}

func enableALBV2(c *call) (int, any, error) {
	k, a, build, _, err := c.vpcALB()
	if err != nil {
		return 0, nil, err
	}
	if err := c.server.enableALB(k, a, build, ""); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, a.v2(k), nil
}

func disableALBV2(c *call) (int, any, error) {
	k, a, _, keepService, err := c.vpcALB()
	if err != nil {
		return 0, nil, err
	}
	c.server.disableALB(k, a, keepService)
	return http.StatusNoContent, nil, nil
}
