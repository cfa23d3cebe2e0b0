package fakeiks

import (
	"maps"
	"net/http"
	"slices"
)

// ingressSettings are a cluster's Ingress switches.
type ingressSettings struct {
	autoUpdate  bool
	statusOn    bool
	healthcheck bool
	ignored     []string
	loadBalance map[string]any            // by type: proxyProtocol
	autoscale   map[string]map[string]any // by ALB
}

func newIngressSettings() ingressSettings {
	return ingressSettings{
		autoUpdate: true, statusOn: true, healthcheck: true, ignored: []string{},
		loadBalance: map[string]any{}, autoscale: map[string]map[string]any{},
	}
}

func ingressRoutes() []route {
	return []route{
		{"GET /v2/alb/getStatus", Viewer, ingressStatus},
		{"POST /v2/alb/setIngressStatusState", Operator, setSwitch(func(s *ingressSettings) *bool { return &s.statusOn })},
		{"GET /v2/alb/getIngressClusterHealthcheck", Viewer, getHealthcheck},
		{"POST /v2/alb/setIngressClusterHealthcheck", Operator, setSwitch(func(s *ingressSettings) *bool { return &s.healthcheck })},
		{"GET /v2/alb/listIgnoredIngressStatusErrors", Viewer, listIgnored},
		{"POST /v2/alb/addIgnoredIngressStatusErrors", Operator, changeIgnored(true)},
		{"DELETE /v2/alb/removeIgnoredIngressStatusErrors", Operator, changeIgnored(false)},
		{"GET /ingress/v2/load-balancer/configuration", Viewer, getLoadBalancer},
		{"PATCH /ingress/v2/load-balancer/configuration", Operator, setLoadBalancer},
		{"GET /ingress/v2/clusters/{cluster}/albs/{alb}/autoscale", Viewer, getAutoscale},
		{"PUT /ingress/v2/clusters/{cluster}/albs/{alb}/autoscale", Operator, setAutoscale},
		{"DELETE /ingress/v2/clusters/{cluster}/albs/{alb}/autoscale", Operator, removeAutoscale},
		{"GET /ingress/v2/secret/getSecrets", Viewer, listNothing},
		{"GET /ingress/v2/secret/getInstances", Viewer, listNothing},
		{"GET /v2/nlb-dns/getNlbDNSList", Viewer, nlbDNSList},
		{"GET /v1/nlb-dns/clusters/{cluster}/list", Viewer, nlbDNSListV1},
	}
}

// ingressStatus is the report of all Ingress components.
func ingressStatus(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	list, albs := []any{}, []any{}
	status, code, message := "healthy", "HEALTHY", "All Ingress components are healthy."
	for _, a := range k.albs {
		if !a.Enabled {
			continue
		}
		if a.Status != ALBHealthy {
			status, code, message = "critical", "ERRALB", "One or more ALBs are unhealthy."
		}
		list = append(list, map[string]string{"component": a.ID, "status": a.Status, "type": "alb"})
		albs = append(albs, map[string]any{"component": a.ID, "status": []string{a.Status}})
	}
	if !k.ingress.statusOn {
		status, code, message = "disabled", "DISABLED", "The Ingress status is disabled."
	}
	domain := k.ingressHostname()
	list = append(list, map[string]string{"component": domain, "status": "healthy", "type": "subdomain"})
	return http.StatusOK, map[string]any{
		"cluster": k.ID, "enabled": k.ingress.statusOn, "status": status, "nonTranslatedStatus": code, "message": message,
		"StatusList":             list,
		"generalComponentStatus": []any{map[string]any{"component": "ingress-controller-configmap", "status": []string{"healthy"}}},
		"albStatus":              albs,
		"subdomainStatus":        []any{map[string]any{"component": domain, "status": []string{"healthy"}}},
		"secretStatus":           []any{map[string]any{"component": "default/" + k.ingressSecret(), "status": []string{"healthy"}}},
		"ignoredErrors":          slices.Clone(k.ingress.ignored),
	}, nil
}

// setSwitch serves calls whose body is {"cluster","enable"}.
func setSwitch(which func(*ingressSettings) *bool) handler {
	return func(c *call) (int, any, error) {
		var body struct {
			Cluster string `json:"cluster"`
			Enable  bool   `json:"enable"`
		}
		if err := c.decode(&body); err != nil {
			return 0, nil, err
		}
		k, err := c.cluster(body.Cluster)
		if err != nil {
			return 0, nil, err
		}
		*which(&k.ingress) = body.Enable
		return http.StatusOK, map[string]string{"cluster": k.ID}, nil
	}
}

func getHealthcheck(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"cluster": k.ID, "enable": k.ingress.healthcheck}, nil
}

func listIgnored(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"cluster": k.ID, "ignoredErrors": slices.Clone(k.ingress.ignored)}, nil
}

func changeIgnored(add bool) handler {
	return func(c *call) (int, any, error) {
		var body struct {
			Cluster string   `json:"cluster"`
			Errors  []string `json:"ignoredErrors"`
		}
		if err := c.decode(&body); err != nil {
			return 0, nil, err
		}
		k, err := c.cluster(body.Cluster)
		if err != nil {
			return 0, nil, err
		}
		kept := slices.DeleteFunc(slices.Clone(k.ingress.ignored), func(code string) bool { return slices.Contains(body.Errors, code) })
		if add {
			kept = append(kept, body.Errors...)
		}
		k.ingress.ignored = kept
		return http.StatusOK, map[string]string{"cluster": k.ID}, nil
	}
}

func getLoadBalancer(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	kind := c.URL.Query().Get("type")
	body := map[string]any{"cluster": k.ID, "type": kind, "proxyProtocol": map[string]any{"enable": false}}
	if set, found := k.ingress.loadBalance[kind]; found {
		body["proxyProtocol"] = set
	}
	return http.StatusOK, body, nil
}

func setLoadBalancer(c *call) (int, any, error) {
	var body struct {
		Cluster       string         `json:"cluster"`
		Type          string         `json:"type"`
		ProxyProtocol map[string]any `json:"proxyProtocol"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k, err := c.cluster(body.Cluster)
	if err != nil {
		return 0, nil, err
	}
	k.ingress.loadBalance[body.Type] = body.ProxyProtocol
	return http.StatusOK, map[string]any{"cluster": k.ID, "type": body.Type, "proxyProtocol": body.ProxyProtocol}, nil
}

// albInPath finds the cluster and the ALB of an autoscale call.
func (c *call) albInPath() (*cluster, *ALB, error) {
	k, err := c.cluster(c.PathValue("cluster"))
	if err != nil {
		return nil, nil, err
	}
	a := k.alb(c.PathValue("alb"))
	if a == nil {
		return nil, nil, errALBNotFound()
	}
	return k, a, nil
}

func getAutoscale(c *call) (int, any, error) {
	k, a, err := c.albInPath()
	if err != nil {
		return 0, nil, err
	}
	config, found := k.ingress.autoscale[a.ID]
	if !found {
		return http.StatusOK, map[string]any{}, nil
	}
	return http.StatusOK, map[string]any{"config": maps.Clone(config)}, nil
}

func setAutoscale(c *call) (int, any, error) {
	k, a, err := c.albInPath()
	if err != nil {
		return 0, nil, err
	}
	var body struct {
		Config map[string]any `json:"config"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	k.ingress.autoscale[a.ID] = body.Config
	return http.StatusOK, nil, nil
}

func removeAutoscale(c *call) (int, any, error) {
	k, a, err := c.albInPath()
	if err != nil {
		return 0, nil, err
	}
	delete(k.ingress.autoscale, a.ID)
	return http.StatusNoContent, nil, nil
}

func listNothing(c *call) (int, any, error) {
	if _, err := c.cluster(c.URL.Query().Get("cluster")); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, []any{}, nil
}
