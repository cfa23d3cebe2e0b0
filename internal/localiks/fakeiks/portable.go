package fakeiks

import (
	"fmt"
	"net/netip"
)

// PortableAddress is an address of a classic cluster's portable subnets, which
// load balancers and ALBs get theirs from.
type PortableAddress struct {
	Address    string
	VLAN, Zone string
	Public     bool
	// Owner is who has it, "" when it is free.
	Owner string
}

// PortableAddresses are a classic cluster's, zone by zone and each subnet's from
// the lowest to the highest; nil where there is no such cluster.
func (s *Server) PortableAddresses(clusterNameOrID string) []PortableAddress {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil
	}
	return k.portableAddresses()
}

func (k *cluster) portableAddresses() []PortableAddress {
	var list []PortableAddress
	for _, zone := range k.Zones {
		for _, public := range []bool{false, true} {
			for _, cidr := range portable(zone, public) {
				for _, address := range usable(cidr) {
					list = append(list, PortableAddress{
						Address: address, VLAN: vlanOf(zone, public), Zone: zone.ID, Public: public, Owner: k.used[address],
					})
				}
			}
		}
	}
	return list
}

func vlanOf(zone Zone, public bool) string {
	if public {
		return zone.PublicVLAN
	}
	return zone.PrivateVLAN
}

// AllocateAddress takes a free portable address of a classic zone for a load
// balancer of the owner's (any text). The zone may be "" for any.
func (s *Server) AllocateAddress(clusterNameOrID, zone string, public bool, owner string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return "", errClusterNotFound()
	}
	for _, z := range k.Zones {
		if zone != "" && z.ID != zone {
			continue
		}
		if address, err := k.allocate(owner, 2, portable(z, public)...); err == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("cluster %s: no portable address is free in zone %q", k.Name, zone)
}

// TakeAddress takes one portable address that is free.
func (s *Server) TakeAddress(clusterNameOrID, address, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return errClusterNotFound()
	}
	for _, one := range k.portableAddresses() {
		if one.Address != address {
			continue
		}
		if one.Owner != "" {
			return errConflict("The IP address %s is already in use by %s.", address, one.Owner)
		}
		k.used[address] = owner
		return nil
	}
	return fmt.Errorf("cluster %s: %s is none of its portable addresses", k.Name, address)
}

// ReleaseAddress gives a portable address back.
func (s *Server) ReleaseAddress(clusterNameOrID, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.find(clusterNameOrID); k != nil {
		k.release(address)
		s.emit(AddressReleased, k.ID, address)
	}
}

// AddPortableSubnet gives a classic zone one more portable subnet, such as
// 169.61.4.0/29, as people order one when addresses run out.
func (s *Server) AddPortableSubnet(clusterNameOrID, zoneID, cidr string, public bool) error {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return fmt.Errorf("portable subnet: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return errClusterNotFound()
	}
	zone := k.zone(zoneID)
	if k.Provider != Classic || zone == nil {
		return fmt.Errorf("cluster %s has no classic zone %q", k.Name, zoneID)
	}
	if public {
		zone.PortablePublic = append(zone.PortablePublic, prefix.Masked().String())
	} else {
		zone.PortablePrivate = append(zone.PortablePrivate, prefix.Masked().String())
	}
	s.emit(SubnetAdded, k.ID, prefix.Masked().String())
	return nil
}

func portable(z Zone, public bool) []string {
	if public {
		return z.PortablePublic
	}
	return z.PortablePrivate
}
