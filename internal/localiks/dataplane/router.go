package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
)

// router is a network: a bridge that hosts are plugged into, with a gateway's
// address in each of their subnets, and routes from each subnet to the others.
type router struct {
	*Host
	// six is what stands before IPv4 addresses in the IPv6 addresses of the network.
	six string

	mu     sync.Mutex
	ports  int
	subnet map[netip.Prefix]bool
}

const bridge = "lan"

func newRouter(ctx context.Context, name, six string) (*router, error) {
	host, err := newHost(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &router{Host: host, six: six, subnet: map[netip.Prefix]bool{}}
	if err := r.IP(ctx, "link add "+bridge+" type bridge", "link set "+bridge+" up"); err != nil {
		return nil, err
	}
	// Subnets share one wire here; hosts must not be told so.
	err = r.Sysctl("0", "ipv4/conf/all/send_redirects", "ipv4/conf/default/send_redirects", "ipv4/conf/"+bridge+"/send_redirects")
	if err != nil {
		return nil, err
	}
	return r, r.Sysctl("1", "ipv4/ip_forward")
}

// gateway is the router's address in a subnet: its first one.
func gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// serve gives the router an address in a subnet.
func (r *router) serve(ctx context.Context, subnet netip.Prefix) error {
	subnet = subnet.Masked()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.subnet[subnet] {
		return nil
	}
	r.subnet[subnet] = true
	return r.IP(ctx, fmt.Sprintf("addr add %s/%d dev %s", gateway(subnet), subnet.Bits(), bridge))
}

// plug connects a host's interface, which it makes, and gives it an address
// with the length of its subnet's prefix, and an IPv6 address made of it that
// all hosts of the network reach.
func (r *router) plug(ctx context.Context, h *Host, device string, address netip.Prefix) error {
	if err := r.serve(ctx, address); err != nil {
		return err
	}
	r.mu.Lock()
	r.ports++
	port := fmt.Sprintf("port%d", r.ports)
	r.mu.Unlock()
	err := h.IP(ctx,
		fmt.Sprintf("link add %s type veth peer name %s netns %s", device, port, r.Path()),
		fmt.Sprintf("addr add %s dev %s", address, device),
		fmt.Sprintf("addr add %s%s/64 dev %s nodad", r.six, address.Addr(), device),
		fmt.Sprintf("link set %s up", device))
	if err != nil {
		return fmt.Errorf("connecting %s of %s: %w", device, h.Name, err)
	}
	return r.IP(ctx, fmt.Sprintf("link set %s master %s up", port, bridge))
}
