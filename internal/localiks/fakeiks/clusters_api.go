package fakeiks

import (
	"net/http"
	"slices"
	"strings"
)

func clusterRoutes() []route {
	return []route{
		{"GET /v1/clusters", NoRole, listClassicClusters},
		{"GET /v1/clusters/{cluster}", Viewer, getClassicCluster},
		{"GET /v2/classic/getClusters", NoRole, listClassicClustersV2},
		{"GET /v2/classic/getCluster", Viewer, getClassicClusterV2},
		{"GET /v2/vpc/getClusters", NoRole, listVPCClusters},
		{"GET /v2/vpc/getCluster", Viewer, getVPCCluster},
		{"GET /v2/satellite/getClusters", NoRole, listSatelliteClusters},
		{"GET /v2/getClusters", NoRole, listClustersV2},
		{"GET /v2/getCluster", Viewer, getCluster},
		{"POST /v1/clusters", Administrator, createClassicCluster},
		{"POST /v2/vpc/createCluster", Administrator, createVPCCluster},
		{"DELETE /v1/clusters/{cluster}", Administrator, deleteCluster},
		{"PUT /v1/clusters/{cluster}", Operator, updateMaster},
		{"PUT /v1/clusters/{cluster}/masters", Operator, refreshMasterV1},
		{"POST /v2/refreshMaster", Operator, refreshMasterV2},
		{"POST /v2/enableImageSecurity", Operator, acceptForCluster},
		{"POST /v2/disableImageSecurity", Operator, acceptForCluster},
		{"POST /network/v2/outbound-traffic-protection", Operator, acceptForCluster},
		{"POST /network/v2/secure-by-default/enable", Operator, acceptForCluster},
		{"GET /v1/clusters/{cluster}/services", Viewer, listNothingForCluster},
		{"GET /v1/clusters/{cluster}/webhooks", Viewer, listNothingForCluster},
		{"GET /v1/clusters/{cluster}/addons", Viewer, listNothingForCluster},
		{"GET /v1/addons", Viewer, func(*call) (int, any, error) { return http.StatusOK, []any{}, nil }},
	}
}

// visible are the clusters that a list call shows. Who has no role sees none:
// IKS filters, it does not refuse.
func (c *call) visible(want func(*cluster) bool) []*cluster {
	if c.who.Role < Viewer {
		return nil
	}
	return slices.DeleteFunc(c.server.sorted(), func(k *cluster) bool {
		region := c.Header.Get("X-Region")
		return !want(k) || !c.inResourceGroup(k) || region != "" && region != k.Region
	})
}

func is(provider Provider) func(*cluster) bool {
	return func(k *cluster) bool { return k.Provider == provider }
}

func bodies(list []*cluster, body func(*cluster) map[string]any) []any {
	all := []any{}
	for _, k := range list {
		all = append(all, body(k))
	}
	return all
}

func (c *call) account() string { return c.server.options.Account }

func listClassicClusters(c *call) (int, any, error) {
	return http.StatusOK, bodies(c.visible(is(Classic)), func(k *cluster) map[string]any { return k.v1(c.account(), false) }), nil
}

func listClassicClustersV2(c *call) (int, any, error) {
	return http.StatusOK, bodies(c.visible(is(Classic)), func(k *cluster) map[string]any { return k.v2(c.account()) }), nil
}

func listVPCClusters(c *call) (int, any, error) {
	want := is(VPC)
	if provider := c.URL.Query().Get("provider"); provider != "" {
		want = func(k *cluster) bool { return k.Provider == VPC && string(k.Provider) == provider }
	}
	return http.StatusOK, bodies(c.visible(want), func(k *cluster) map[string]any { return k.v2(c.account()) }), nil
}

func listSatelliteClusters(*call) (int, any, error) { return http.StatusOK, []any{}, nil }

func listClustersV2(c *call) (int, any, error) {
	all := func(*cluster) bool { return true }
	return http.StatusOK, bodies(c.visible(all), func(k *cluster) map[string]any { return k.v2(c.account()) }), nil
}

// getClassicCluster serves classic clusters only: v1 does not know VPC (assumed).
func getClassicCluster(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, k.v1(c.account(), c.URL.Query().Get("showResources") == "true"), nil
}

func getClassicClusterV2(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, k.v2(c.account()), nil
}

func getVPCCluster(c *call) (int, any, error) {
	k, err := c.clusterOf(VPC, c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, k.v2(c.account()), nil
}

// getCluster serves every infrastructure. With v1-compatible, classic clusters
// come in the form of v1.
func getCluster(c *call) (int, any, error) {
	query := c.URL.Query()
	k, err := c.cluster(query.Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	if k.Provider == Classic && query.Has("v1-compatible") {
		body := k.v1(c.account(), true)
		v2 := k.v2(c.account())
		body["lifecycle"], body["ingress"], body["features"] = v2["lifecycle"], v2["ingress"], v2["features"]
		return http.StatusOK, body, nil
	}
	return http.StatusOK, k.v2(c.account()), nil
}

func deleteCluster(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	k.State = clusterDeleting
	c.server.after(func() { c.server.removeCluster(k) })
	return http.StatusNoContent, nil, nil
}

// updateMaster moves the master to another version.
func updateMaster(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Action  string `json:"action"`
		Version string `json:"version"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.Action != "update" {
		return 0, nil, errBadRequest("Unknown action %q.", body.Action)
	}
	version, _, _ := strings.Cut(body.Version, "_")
	if version == "" {
		version = defaultVersion().String()
	}
	if !slices.ContainsFunc(versions(), func(v kubeVersion) bool { return v.String() == version }) {
		return 0, nil, errBadRequest("Version %q is not supported.", body.Version)
	}
	k.masterStatus = masterDeploying
	c.server.after(func() { k.Version, k.masterStatus = version, masterReady })
	return http.StatusNoContent, nil, nil
}

func refreshMasterV1(c *call) (int, any, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Action string `json:"action"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.Action != "refresh" {
		return 0, nil, errBadRequest("Unknown action %q.", body.Action)
	}
	c.server.refreshMaster(k)
	return http.StatusNoContent, nil, nil
}

func refreshMasterV2(c *call) (int, any, error) {
	k, err := c.clusterInBody()
	if err != nil {
		return 0, nil, err
	}
	c.server.refreshMaster(k)
	return http.StatusNoContent, nil, nil
}

// clusterInBody finds the cluster of a call whose body is {"cluster": …}.
func (c *call) clusterInBody() (*cluster, error) {
	var body struct {
		Cluster string `json:"cluster"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return c.cluster(body.Cluster)
}

// acceptForCluster serves switches that have no effect here.
func acceptForCluster(c *call) (int, any, error) {
	if _, err := c.clusterInBody(); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

func listNothingForCluster(c *call) (int, any, error) {
	if _, err := c.cluster(c.PathValue("cluster")); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, []any{}, nil
}
