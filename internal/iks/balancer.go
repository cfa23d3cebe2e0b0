package iks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
)

const (
	// vpcVersion is the day whose version of the VPC API is spoken.
	vpcVersion = "2025-06-30"
	// balancersPerPage is the most that the API gives at once.
	balancersPerPage = "100"
	// maxBalancerPages bounds a list: IBM allows 50 load balancers in a VPC.
	maxBalancerPages = 100
)

// LoadBalancer is a load balancer of a VPC.
type LoadBalancer struct {
	ID, Name string
	// Hostname is what a Service's status shows.
	Hostname string
	// Public says whether the internet can reach it.
	Public bool
	// PrivateIPs are its addresses in the subnets that it is on; Subnets are
	// those subnets' IDs.
	PrivateIPs []netip.Addr
	Subnets    []string
}

type wireBalancers struct {
	Next struct {
		Href string `json:"href"`
	} `json:"next"`
	LoadBalancers []wireBalancer `json:"load_balancers"`
}

type wireBalancer struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Hostname   string `json:"hostname"`
	IsPublic   *bool  `json:"is_public"`
	PrivateIPs []struct {
		Address string `json:"address"`
	} `json:"private_ips"`
	Subnets []struct {
		ID string `json:"id"`
	} `json:"subnets"`
}

// LoadBalancers lists the load balancers of the cluster's region that the
// credentials may see, those of other clusters and VPCs as well. IsForbidden
// tells when they may see none: the VPC API has rights of its own.
func (c *Client) LoadBalancers(ctx context.Context, cluster Cluster) ([]LoadBalancer, error) {
	cl, cancel := c.begin(ctx, "listing the VPC load balancers of the region of", describe(cluster))
	defer cancel()
	if cluster.Infrastructure != VPC {
		return nil, cl.explain(fmt.Errorf("it runs on %s infrastructure, which has none", cluster.Infrastructure))
	}
	endpoint, err := c.vpc.at(cluster.Region)
	if err != nil {
		return nil, cl.explain(err)
	}
	var found []LoadBalancer
	start := ""
	for range maxBalancerPages {
		page, err := c.balancerPage(cl.reading(), endpoint, start)
		if err != nil {
			return nil, err
		}
		for _, w := range page.LoadBalancers {
			b, err := w.balancer()
			if err != nil {
				return nil, cl.explain(err)
			}
			found = append(found, b)
		}
		if page.Next.Href == "" {
			return found, nil
		}
		next, err := url.Parse(page.Next.Href)
		if err != nil || next.Query().Get("start") == "" || next.Query().Get("start") == start {
			return nil, cl.explain(&garbledError{why: "the answer does not say how to go on"})
		}
		start = next.Query().Get("start")
	}
	return nil, cl.explain(&garbledError{why: fmt.Sprintf("the list has no end after %d pages", maxBalancerPages)})
}

func (c *Client) balancerPage(cl *call, endpoint, start string) (wireBalancers, error) {
	query := url.Values{"version": {vpcVersion}, "generation": {"2"}, "limit": {balancersPerPage}}
	if start != "" {
		query.Set("start", start)
	}
	req, err := http.NewRequestWithContext(cl.ctx, http.MethodGet, endpoint+"/load_balancers?"+query.Encode(), nil)
	if err != nil {
		return wireBalancers{}, cl.explain(err)
	}
	req.Header.Set("Accept", "application/json")
	answer, err := c.send(cl, req)
	if err != nil {
		return wireBalancers{}, err
	}
	var page wireBalancers
	if err := json.Unmarshal(answer.body, &page); err != nil {
		return wireBalancers{}, cl.explain(fmt.Errorf("the answer is not as the VPC API gives it: %w", err))
	}
	return page, nil
}

// balancer reads one; without a word on its visibility it is no evidence.
func (w wireBalancer) balancer() (LoadBalancer, error) {
	if w.ID == "" || w.IsPublic == nil {
		return LoadBalancer{}, &garbledError{why: "the answer does not say whether a load balancer is public"}
	}
	b := LoadBalancer{ID: w.ID, Name: w.Name, Hostname: w.Hostname, Public: *w.IsPublic}
	for _, ip := range w.PrivateIPs {
		address, err := netip.ParseAddr(ip.Address)
		if err != nil {
			continue // none is assigned yet
		}
		b.PrivateIPs = append(b.PrivateIPs, address)
	}
	for _, s := range w.Subnets {
		b.Subnets = append(b.Subnets, s.ID)
	}
	return b, nil
}
