package fakeiks

import (
	"fmt"
	"net/netip"
	"strconv"
)

// fillInZone gives a zone its networks: a number of its own for each zone of
// the server, so that no two clusters share an address.
func (s *Server) fillInZone(p Provider, z *Zone) {
	s.zonesGiven++
	n := s.zonesGiven
	block := 48 + n%150 // second octet; 169.254/16 stays out
	if z.PrivateCIDR == "" {
		z.PrivateCIDR = fmt.Sprintf("10.%d.0.0/17", block)
	}
	if p == VPC {
		z.PublicVLAN, z.PrivateVLAN = "", ""
		if z.SubnetID == "" {
			z.SubnetID = fmt.Sprintf("0717-%s", uuid())
		}
		return
	}
	if z.PrivateVLAN == "" {
		z.PrivateVLAN = strconv.Itoa(2234000 + 2*n)
	}
	if z.PublicVLAN == "" {
		z.PublicVLAN = strconv.Itoa(2234001 + 2*n)
	}
	if len(z.PortablePrivate) == 0 {
		z.PortablePrivate = []string{fmt.Sprintf("10.%d.192.0/29", block)}
	}
	if z.PublicVLAN == NoVLAN {
		return
	}
	if z.PublicCIDR == "" {
		z.PublicCIDR = fmt.Sprintf("169.%d.0.0/17", block)
	}
	if len(z.PortablePublic) == 0 {
		z.PortablePublic = []string{fmt.Sprintf("169.%d.192.0/29", block)}
	}
}

// allocate takes the lowest free address of the ranges; skip addresses at the
// bottom are the network's and the gateway's, the last one is the broadcast's.
func (k *cluster) allocate(owner string, skip int, cidrs ...string) (string, error) {
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return "", fmt.Errorf("range %q: %w", cidr, err)
		}
		address := prefix.Masked().Addr()
		for range skip {
			address = address.Next()
		}
		for ; prefix.Contains(address) && prefix.Contains(address.Next()); address = address.Next() {
			if _, taken := k.used[address.String()]; !taken {
				k.used[address.String()] = owner
				return address.String(), nil
			}
		}
	}
	return "", fmt.Errorf("no free address in %v", cidrs)
}

// release frees an address.
func (k *cluster) release(address string) { delete(k.used, address) }
