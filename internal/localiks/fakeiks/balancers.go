package fakeiks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// LoadBalancer is a load balancer of a VPC.
type LoadBalancer struct {
	ID string // generated
	// Name is one of its kind among the load balancers of a region.
	Name string
	// Hostname is generated: <hash>-<region>.lb.appdomain.cloud.
	Hostname string
	// ClusterID is the cluster that it was made for, Owner what for in it.
	ClusterID, Owner string
	Region, VPCID    string
	Public           bool
	// Network says that it is a network load balancer, on one subnet, and not
	// an application load balancer.
	Network bool
	// Subnets are the IDs of the subnets that it is on; default: one of each
	// zone of the cluster.
	Subnets []string
	// PrivateIPs are generated, two for an application load balancer.
	PrivateIPs []string
	// Persistent ones stay when their cluster is deleted.
	Persistent bool
	Created    time.Time
}

func (b LoadBalancer) clone() LoadBalancer {
	b.Subnets, b.PrivateIPs = slices.Clone(b.Subnets), slices.Clone(b.PrivateIPs)
	return b
}

// CreateLoadBalancer makes a load balancer for a VPC cluster. What is said
// above to be generated is.
func (s *Server) CreateLoadBalancer(clusterNameOrID string, b LoadBalancer) (LoadBalancer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return LoadBalancer{}, errClusterNotFound()
	}
	made, err := s.createBalancer(k, b)
	if err != nil {
		return LoadBalancer{}, err
	}
	return made.clone(), nil
}

func (s *Server) createBalancer(k *cluster, b LoadBalancer) (*LoadBalancer, error) {
	if k.Provider != VPC {
		return nil, fmt.Errorf("cluster %s is not in a VPC", k.Name)
	}
	taken := slices.ContainsFunc(s.balancers, func(other *LoadBalancer) bool { return other.Region == k.Region && other.Name == b.Name })
	if b.Name == "" || taken {
		return nil, errConflict("A load balancer with the name %q exists already, or the name is empty.", b.Name)
	}
	k.lbsMade++
	b = b.clone()
	b.ID = "r006-" + uuid()
	b.Hostname = fmt.Sprintf("%s%02x-%s.lb.appdomain.cloud", k.hash[:6], k.lbsMade, k.Region)
	b.ClusterID, b.Region, b.VPCID, b.Created = k.ID, k.Region, k.VPCID, time.Now().UTC()
	if len(b.Subnets) == 0 {
		for _, zone := range k.Zones {
			b.Subnets = append(b.Subnets, zone.SubnetID)
		}
	}
	count := 2
	if b.Network {
		b.Subnets, count = b.Subnets[:1], 1
	}
	b.PrivateIPs = nil
	for i := range count {
		address, err := k.highest("load balancer "+b.ID, b.Subnets[i%len(b.Subnets)])
		if err != nil {
			return nil, err
		}
		b.PrivateIPs = append(b.PrivateIPs, address)
	}
	s.balancers = append(s.balancers, &b)
	return &b, nil
}

// highest takes the highest free address of a subnet: load balancers come from
// above, workers from below.
func (k *cluster) highest(owner, subnetID string) (string, error) {
	index := slices.IndexFunc(k.Zones, func(z Zone) bool { return z.SubnetID == subnetID })
	if index < 0 {
		return "", fmt.Errorf("cluster %s has no subnet %q", k.Name, subnetID)
	}
	prefix, err := netip.ParsePrefix(k.Zones[index].PrivateCIDR)
	if err != nil {
		return "", fmt.Errorf("range of subnet %s: %w", subnetID, err)
	}
	last := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	address := netip.AddrFrom4(last).Prev() // the last one is the broadcast's
	for ; prefix.Contains(address.Prev()); address = address.Prev() {
		if _, taken := k.used[address.String()]; !taken {
			k.used[address.String()] = owner
			return address.String(), nil
		}
	}
	return "", fmt.Errorf("no free address in subnet %s", subnetID)
}

// LoadBalancers are copies of the load balancers that were made for a cluster,
// oldest first.
func (s *Server) LoadBalancers(clusterNameOrID string) []LoadBalancer {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil
	}
	var list []LoadBalancer
	for _, b := range s.balancers {
		if b.ClusterID == k.ID {
			list = append(list, b.clone())
		}
	}
	return list
}

// AttachLoadBalancer gives a load balancer that has no owner, and that name, to
// a cluster in the same VPC. It says whether there is one.
func (s *Server) AttachLoadBalancer(clusterNameOrID, name, owner string) (LoadBalancer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return LoadBalancer{}, false
	}
	for _, b := range s.balancers {
		orphan := b.Owner == "" || s.find(b.ClusterID) == nil
		if b.Name == name && b.VPCID == k.VPCID && orphan {
			b.ClusterID, b.Owner = k.ID, owner
			return b.clone(), true
		}
	}
	return LoadBalancer{}, false
}

// DetachLoadBalancer leaves a load balancer, by its ID, without an owner.
func (s *Server) DetachLoadBalancer(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.balancers {
		if b.ID == id {
			b.Owner = ""
		}
	}
}

// DeleteLoadBalancer takes a load balancer away by its ID and says whether
// there was one.
func (s *Server) DeleteLoadBalancer(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := slices.IndexFunc(s.balancers, func(b *LoadBalancer) bool { return b.ID == id })
	if index < 0 {
		return false
	}
	s.removeBalancer(index)
	return true
}

func (s *Server) removeBalancer(index int) {
	b := s.balancers[index]
	s.balancers = slices.Delete(s.balancers, index, index+1)
	if k := s.find(b.ClusterID); k != nil {
		for _, address := range b.PrivateIPs {
			k.release(address)
		}
	}
}

// endBalancers takes away what goes with a cluster.
func (s *Server) endBalancers(k *cluster) {
	s.balancers = slices.DeleteFunc(s.balancers, func(b *LoadBalancer) bool { return b.ClusterID == k.ID && !b.Persistent })
}

// albBalancer is the load balancer that all ALBs of one type and controller
// share; a new one when there is none.
func (s *Server) albBalancer(k *cluster, a *ALB) (*LoadBalancer, error) {
	owner := fmt.Sprintf("ALBs: %s, %s", a.Type, a.Controller)
	for _, b := range s.balancers {
		if b.ClusterID == k.ID && b.Owner == owner {
			return b, nil
		}
	}
	name := "kube-" + k.ID + "-" + strings.ReplaceAll(uuid(), "-", "")
	return s.createBalancer(k, LoadBalancer{Name: name, Owner: owner, Public: a.Type == "public"})
}

// endALBBalancer takes the load balancer of that host name away when no ALB is
// behind it any more.
func (s *Server) endALBBalancer(k *cluster, hostname string) {
	for _, a := range k.albs {
		if a.Reserved == hostname {
			return
		}
	}
	index := slices.IndexFunc(s.balancers, func(b *LoadBalancer) bool { return b.ClusterID == k.ID && b.Hostname == hostname })
	if index >= 0 {
		s.removeBalancer(index)
	}
}
