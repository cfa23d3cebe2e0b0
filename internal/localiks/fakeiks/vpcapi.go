package fakeiks

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// vpcPrefix is where the VPC API is served: its paths would meet those of IKS.
const vpcPrefix = "/vpc/v1"

// Bounds of a page of the VPC API.
const (
	vpcPage    = 50
	vpcPageMax = 100
)

// VPCURL is the value for IBMCLOUD_IS_NG_API_ENDPOINT.
func (s *Server) VPCURL() string { return s.base + vpcPrefix }

func vpcRoutes() []route {
	return []route{
		{"GET " + vpcPrefix + "/load_balancers", Viewer, spoken(listBalancersVPC)},
		{"GET " + vpcPrefix + "/load_balancers/{id}", Viewer, spoken(getBalancerVPC)},
		{"GET " + vpcPrefix + "/subnets", Viewer, spoken(listSubnetsVPC)},
	}
}

// vpcError is the error body of the VPC API.
type vpcError struct {
	status        int
	code, message string
}

// Error implements error.
func (e *vpcError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func (e *vpcError) body() map[string]any {
	return map[string]any{
		"errors": []any{map[string]any{"code": e.code, "message": e.message, "more_info": "https://cloud.ibm.com/docs/vpc?topic=vpc-error-messages"}},
		"trace":  uuid(),
	}
}

// vpcErrorOf words an error of the guard or of a fault as the VPC API would.
func vpcErrorOf(status int, message string) *vpcError {
	code := map[int]string{
		http.StatusUnauthorized: "not_authorized", http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found",
		http.StatusTooManyRequests: "over_rate_limit",
	}[status]
	if code == "" {
		code = "internal_error"
	}
	return &vpcError{status: status, code: code, message: message}
}

// spoken wants the version and generation that every request must name.
func spoken(next handler) handler {
	return func(c *call) (int, any, error) {
		query := c.URL.Query()
		day, err := time.Parse(time.DateOnly, query.Get("version"))
		if err != nil || day.After(time.Now()) {
			return 0, nil, &vpcError{http.StatusBadRequest, "invalid_version", "The version query parameter must be a date in the format YYYY-MM-DD, today at the latest."}
		}
		if query.Get("generation") != "2" {
			return 0, nil, &vpcError{http.StatusBadRequest, "invalid_generation", "The generation query parameter must be 2."}
		}
		return next(c)
	}
}

// page answers with the part of a list that a request asks for. start is the
// ID of the first item.
func (c *call) page(name string, list []map[string]any) (int, any, error) {
	query := c.URL.Query()
	limit := vpcPage
	if text := query.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > vpcPageMax {
			return 0, nil, &vpcError{http.StatusBadRequest, "invalid_limit", "The limit must be from 1 to 100."}
		}
	}
	from := 0
	if start := query.Get("start"); start != "" {
		for from < len(list) && list[from]["id"] != start {
			from++
		}
	}
	href := func(start any) map[string]any {
		q := url.Values{"limit": {strconv.Itoa(limit)}}
		if text, ok := start.(string); ok {
			q.Set("start", text)
		}
		return map[string]any{"href": c.server.VPCURL() + strings.TrimPrefix(c.URL.Path, vpcPrefix) + "?" + q.Encode()}
	}
	to := min(from+limit, len(list))
	body := map[string]any{"first": href(nil), "limit": limit, "total_count": len(list), name: list[from:to]}
	if to < len(list) {
		body["next"] = href(list[to]["id"])
	}
	return http.StatusOK, body, nil
}

func listBalancersVPC(c *call) (int, any, error) {
	list := []map[string]any{}
	for _, b := range c.server.balancers {
		list = append(list, c.server.vpcBody(b))
	}
	return c.page("load_balancers", list)
}

func getBalancerVPC(c *call) (int, any, error) {
	for _, b := range c.server.balancers {
		if b.ID == c.PathValue("id") {
			return http.StatusOK, c.server.vpcBody(b), nil
		}
	}
	return 0, nil, vpcErrorOf(http.StatusNotFound, "The load balancer was not found.")
}

func (s *Server) vpcBody(b *LoadBalancer) map[string]any {
	address := func(text string) map[string]any { return map[string]any{"address": text} }
	private, public, subnets := []any{}, []any{}, []any{}
	for _, ip := range b.PrivateIPs {
		private = append(private, address(ip))
		if b.Public {
			public = append(public, address("169."+ip[strings.Index(ip, ".")+1:])) // any of IBM's own
		}
	}
	for _, id := range b.Subnets {
		subnets = append(subnets, map[string]any{"id": id, "href": s.VPCURL() + "/subnets/" + id, "name": id, "resource_type": "subnet"})
	}
	profile, family := "dynamic", "application"
	if b.Network {
		profile, family = "network-fixed", "network"
	}
	return map[string]any{
		"id": b.ID, "name": b.Name, "hostname": b.Hostname, "is_public": b.Public, "created_at": b.Created.Format(time.RFC3339),
		"crn":             fmt.Sprintf("crn:v1:bluemix:public:is:%s:a/%s::load-balancer:%s", b.Region, s.options.Account, b.ID),
		"href":            s.VPCURL() + "/load_balancers/" + b.ID,
		"private_ips":     private,
		"public_ips":      public,
		"subnets":         subnets,
		"profile":         map[string]any{"name": profile, "family": family},
		"is_private_path": false, "operating_status": "online", "provisioning_status": "active", "resource_type": "load_balancer",
		"listeners": []any{}, "pools": []any{}, "route_mode": false, "security_groups": []any{},
	}
}

func listSubnetsVPC(c *call) (int, any, error) {
	list := []map[string]any{}
	for _, k := range c.visible(is(VPC)) {
		for _, zone := range k.Zones {
			list = append(list, map[string]any{
				"id": zone.SubnetID, "name": SubnetName(zone), "ipv4_cidr_block": zone.PrivateCIDR, "ip_version": "ipv4",
				"zone": map[string]any{"name": zone.ID}, "vpc": map[string]any{"id": k.VPCID, "name": "vpc-of-" + k.Name},
				"status": "available", "resource_type": "subnet", "available_ipv4_address_count": 32000,
				"href": c.server.VPCURL() + "/subnets/" + zone.SubnetID,
			})
		}
	}
	return c.page("subnets", list)
}
