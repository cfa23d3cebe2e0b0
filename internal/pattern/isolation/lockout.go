package isolation

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// surroundings are what a set must not cut the cluster off from.
type surroundings struct {
	hints
	// masters are the addresses that hints.master stands for; none if that is not known.
	masters []netip.Addr
	// backends are where the cluster's aggregated APIs are served.
	backends []backend
	// endpoints is how many host endpoints of the workers the set holds for.
	endpoints int
}

// backend is an address at which an aggregated API is served.
type backend struct {
	api     string // name of the APIService
	address netip.Addr
	port    int
}

// masterHost gives the host at which workers reach the master over a network:
// over the private one if there is an endpoint, else over the public one.
func masterHost(e iks.Endpoints, network string) string {
	address := ""
	switch {
	case network == networkPrivate && e.PrivateEnabled:
		address = e.PrivateURL
	case network == networkPublic && e.PublicEnabled && !e.PrivateEnabled:
		address = e.PublicURL
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}

// lockouts are the ways in which the set would cut the cluster off from its API
// server, DNS, or an aggregated API.
func (i isolation) lockouts(s surroundings) []framework.Problem {
	out := i.subnetLockouts(s.hints)
	if p := i.masterLockout(s); p != nil {
		out = append(out, *p)
	}
	if i.network == networkPrivate { // under the public set konnectivity may connect to everything
		out = append(out, i.apiLockouts(s.backends)...)
	}
	return out
}

// subnetLockouts: workers reach DNS, and each other's pods, in the pod subnet,
// and the API server in the service subnet.
func (i isolation) subnetLockouts(h hints) []framework.Problem {
	var out []framework.Problem
	wrong := func(attribute string, declared, actual netip.Prefix, harm string) {
		out = append(out, framework.Problem{
			Path: path.Root(attribute), Summary: "The isolation would cut the cluster off from itself",
			Detail: fmt.Sprintf("IKS says that the cluster's is %s, and `%s` is %s. %s. Leave it out: it is taken from IKS.", actual, attribute, declared, harm),
		})
	}
	pods, err := netip.ParsePrefix(h.podSubnet)
	if err == nil && (pods.Bits() < i.podSubnet.Bits() || !i.podSubnet.Contains(pods.Addr())) {
		wrong("pod_subnet", i.podSubnet, pods, "Workers would not reach the cluster's DNS, nor other pods of other workers")
	}
	services, err := netip.ParsePrefix(h.serviceSubnet)
	if err == nil && services.Masked().Addr() != i.serviceSubnet.Masked().Addr() {
		wrong("service_subnet", i.serviceSubnet, services, "Workers would not reach the API server at its address in the cluster")
	}
	return out
}

// masterLockout: the service endpoint of the cluster must be open.
func (i isolation) masterLockout(s surroundings) *framework.Problem {
	var outside []string
	for _, address := range s.masters {
		// A loopback address is a tunnel of whoever looks: no worker takes it.
		if address.IsLoopback() || covers(i.serviceEndpoints, address) {
			return nil
		}
		outside = append(outside, address.String())
	}
	if len(outside) == 0 {
		return nil
	}
	return &framework.Problem{
		Path: path.Root("service_endpoint_cidrs"), Summary: "The isolation would cut the workers off from the API server",
		Detail: fmt.Sprintf("The cluster's master is at %s (%s), and no address that stays open is one of these. IBM may have new addresses since %s: add them to `service_endpoint_cidrs`, with the others of the region.", s.master, strings.Join(outside, ", "), tableDate),
	}
}

// apiLockouts: the API server reaches an aggregated API through a pod, which
// may connect to pods, and elsewhere to the ports that stay open.
func (i isolation) apiLockouts(backends []backend) []framework.Problem {
	closed := map[string][]string{}
	for _, b := range backends {
		open := b.address.IsLoopback() || i.podSubnet.Contains(b.address) || !privateAddress(b.address) ||
			slices.ContainsFunc(i.podTCPPorts(), func(p uint16) bool { return int(p) == b.port }) || covers(i.peers, b.address)
		if !open {
			closed[b.api] = append(closed[b.api], fmt.Sprintf("%s:%d", b.address, b.port))
		}
	}
	var out []framework.Problem
	for _, b := range backends {
		if addresses, ok := closed[b.api]; ok {
			delete(closed, b.api)
			out = append(out, framework.Problem{
				Path: path.Root("aggregated_api_ports"), Summary: "The isolation would cut off an aggregated API",
				Detail: fmt.Sprintf("APIService %s is served at %s, outside the pod subnet %s and at a port that pods could not connect to any more. kubectl, Terraform and controllers that use this API would stop working. Add the port to `aggregated_api_ports`.", b.api, strings.Join(addresses, ", "), i.podSubnet),
			})
		}
	}
	return out
}

// privateAddress tells whether the pods' policy does not leave an address open
// as one of the internet.
func privateAddress(address netip.Addr) bool { return covers(private(), address) }
