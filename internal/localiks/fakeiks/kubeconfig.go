package fakeiks

import (
	"net/http"
	"strconv"
	"time"
)

func kubeconfigRoutes() []route {
	return []route{
		{"POST /v2/applyRBACAndGetKubeconfig", Viewer, applyRBACAndGetKubeconfig},
		{"GET /v2/getKubeconfig", Viewer, getKubeconfig},
		{"GET /v2/getRBACStatus", Viewer, rbacStatus},
		{"POST /v2/applyRBAC", Viewer, applyRBAC},
		{"GET /v1/clusters/{cluster}/config", Viewer, kubeconfigV1(false)},
		{"GET /v1/clusters/{cluster}/config/admin", Viewer, kubeconfigV1(true)},
	}
}

// configRequest is what a kubeconfig is asked for with.
type configRequest struct {
	Cluster  string `json:"cluster"`
	Format   string `json:"format"`
	Endpoint string `json:"endpointType"`
	Admin    bool   `json:"admin"`
	Network  bool   `json:"network"`
}

// applyRBACAndGetKubeconfig has zip as its default format, and starts the
// synchronisation of the caller's RBAC.
func applyRBACAndGetKubeconfig(c *call) (int, any, error) {
	ask := configRequest{Format: "zip"}
	if err := c.decode(&ask); err != nil {
		return 0, nil, err
	}
	k, err := c.cluster(ask.Cluster)
	if err != nil {
		return 0, nil, err
	}
	c.startRBAC(k)
	return c.kubeconfig(k, ask, "v2")
}

// getKubeconfig has json as its default format.
func getKubeconfig(c *call) (int, any, error) {
	query := c.URL.Query()
	ask := configRequest{Format: "json", Cluster: query.Get("cluster"), Endpoint: query.Get("endpointType")}
	if format := query.Get("format"); format != "" {
		ask.Format = format
	}
	var err error
	if ask.Admin, err = flag(query.Get("admin")); err != nil {
		return 0, nil, err
	}
	if ask.Network, err = flag(query.Get("network")); err != nil {
		return 0, nil, err
	}
	k, err := c.cluster(ask.Cluster)
	if err != nil {
		return 0, nil, err
	}
	return c.kubeconfig(k, ask, "v2")
}

func flag(text string) (bool, error) {
	if text == "" {
		return false, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, errBadRequest("%q is neither true nor false.", text)
	}
	return value, nil
}

func kubeconfigV1(admin bool) handler {
	return func(c *call) (int, any, error) {
		k, err := c.cluster(c.PathValue("cluster"))
		if err != nil {
			return 0, nil, err
		}
		network, err := flag(c.URL.Query().Get("createNetworkConfig"))
		if err != nil {
			return 0, nil, err
		}
		c.startRBAC(k)
		return c.kubeconfig(k, configRequest{Format: "zip", Admin: admin, Network: network}, "v1")
	}
}

// kubeconfig makes the file or the archive.
func (c *call) kubeconfig(k *cluster, ask configRequest, layout string) (int, any, error) {
	if ask.Network && ask.Format != "zip" {
		return 0, nil, errBadRequest("The network configuration is available in the zip format only.")
	}
	if (ask.Admin || ask.Network) && c.who.Role < Administrator {
		return 0, nil, errForbidden(Administrator)
	}
	server := k.masterURL()
	if ask.Endpoint != "" {
		if !k.endpoint(ask.Endpoint).Enabled {
			return 0, nil, errBadRequest("The cluster has no %q service endpoint.", ask.Endpoint)
		}
		server = k.url(ask.Endpoint)
	}
	if k.Kubernetes.Server == "" {
		return 0, nil, errConflict("The cluster is not ready: its master is being deployed.")
	}
	files := configFiles{cluster: k, server: server, admin: ask.Admin, network: ask.Network}
	if !ask.Admin {
		var err error
		files.issuer, files.who = c.server.base+"/identity", c.who
		if files.idToken, files.refreshToken, err = c.server.iam.kubeTokens(c.who); err != nil {
			return 0, nil, err
		}
	}
	body, err := files.render(ask.Format, layout)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, body, nil
}

// startRBAC begins to synchronise the caller's IAM role into the cluster.
func (c *call) startRBAC(k *cluster) {
	if _, started := k.rbacSince[c.who.IAMID]; !started {
		k.rbacSince[c.who.IAMID] = time.Now().Add(c.server.options.Delay)
	}
}

func applyRBAC(c *call) (int, any, error) {
	k, err := c.clusterInBody()
	if err != nil {
		return 0, nil, err
	}
	c.startRBAC(k)
	return http.StatusNoContent, nil, nil
}

// rbacStatus says whether the caller's role has reached the cluster.
func rbacStatus(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	done, started := k.rbacSince[c.who.IAMID]
	synchronised := started && !time.Now().Before(done)
	return http.StatusOK, map[string]bool{"synchronized": synchronised, "error": false}, nil
}
