package fakeiks

import (
	"fmt"
	"slices"
	"time"
)

// States and statuses of an ALB. "enabled", "disabled" and "healthy" are IBM's;
// the words for the way between them are assumed.
const (
	ALBStateEnabled  = "enabled"
	ALBStateDisabled = "disabled"

	ALBHealthy   = "healthy"
	albCreating  = "creating"
	albUpdating  = "updating"
	albDisabling = "disabling"
)

// nginxBuilds and traefikBuilds are the builds on offer, the default first.
func nginxBuilds() []string   { return []string{"1.14.5_9134_iks", "1.15.6_9201_iks", "1.13.7_8890_iks"} }
func traefikBuilds() []string { return []string{"3.7.4_348800920_iks", "3.6.9_341100410_iks"} }

func buildsOf(c Controller) []string {
	if c == Traefik {
		return traefikBuilds()
	}
	return nginxBuilds()
}

// controllerOf is the kind of ALB that a build runs, and whether it is known.
func controllerOf(build string) (Controller, bool) {
	for _, c := range []Controller{NGINX, Traefik} {
		if slices.Contains(buildsOf(c), build) {
			return c, true
		}
	}
	return "", false
}

// ALBs are copies of a cluster's ALBs in the order of their numbers; nil where
// there is no such cluster.
func (s *Server) ALBs(clusterNameOrID string) []ALB {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil
	}
	list := make([]ALB, 0, len(k.albs))
	for _, a := range k.albs {
		list = append(list, *a)
	}
	return list
}

// TakeOverALBs says that somebody carries out the changes of a cluster's ALBs
// and reports with [Server.SetALB]. Without, changes come true by themselves
// when the delay has passed.
func (s *Server) TakeOverALBs(clusterNameOrID string) (giveBack func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return func() {}
	}
	k.albOwners++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		k.albOwners--
	}
}

// SetALB reports what became of an ALB: its state, status and address. An ALB
// that is reported disabled without an address gives it back.
func (s *Server) SetALB(clusterNameOrID, albID, state, status, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return errClusterNotFound()
	}
	a := k.alb(albID)
	if a == nil {
		return errALBNotFound()
	}
	a.State, a.Status, a.Address = state, status, address
	if state == ALBStateDisabled && address == "" && !a.Enabled {
		s.freeALB(k, a)
	}
	return nil
}

func (k *cluster) alb(id string) *ALB {
	for _, a := range k.albs {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// addALB adds the next ALB of a type, enabled and healthy at once or disabled.
func (s *Server) addALB(k *cluster, kind, zone string, enabled bool) *ALB {
	number := 1
	for _, a := range k.albs {
		if a.Type == kind {
			number++
		}
	}
	a := &ALB{
		ID:         fmt.Sprintf("%s-cr%s-alb%d", kind, k.ID, number),
		ClusterID:  k.ID,
		Type:       kind,
		Zone:       zone,
		State:      ALBStateDisabled,
		Build:      buildsOf(k.Controller)[0],
		Controller: k.Controller,
		Replicas:   2,
		Created:    time.Now().UTC(),
	}
	if z := k.zone(zone); k.Provider == Classic && z != nil {
		a.VLAN = z.PrivateVLAN
		if kind == "public" {
			a.VLAN = z.PublicVLAN
		}
	}
	k.albs = append(k.albs, a)
	if enabled {
		a.Enabled = true
		a.Revision++
		if s.reserveALB(k, a) {
			a.State, a.Status, a.Address = ALBStateEnabled, ALBHealthy, a.Reserved
		}
	}
	return a
}

// reserveALB finds the address for an ALB that is to be enabled. Without a free
// one the ALB's status says so.
func (s *Server) reserveALB(k *cluster, a *ALB) bool {
	if a.Reserved != "" {
		return true
	}
	if k.Provider == VPC {
		balancer, err := s.albBalancer(k, a)
		if err != nil {
			a.Status = "error: " + err.Error()
			return false
		}
		a.Reserved = balancer.Hostname
		return true
	}
	address, err := k.allocate(a.ID, 2, portable(*k.zone(a.Zone), a.Type == "public")...)
	if err != nil {
		a.Status = "error: no portable IP address is free in zone " + a.Zone
		return false
	}
	a.Reserved = address
	return true
}

// freeALB gives the address of a disabled ALB back.
func (s *Server) freeALB(k *cluster, a *ALB) {
	address := a.Reserved
	a.Reserved = ""
	if k.Provider == VPC {
		s.endALBBalancer(k, address)
		return
	}
	k.release(address)
	s.emit(AddressReleased, k.ID, address)
}

// enableALB wants an ALB to run, if asked so with another build.
func (s *Server) enableALB(k *cluster, a *ALB, build, address string) error {
	if build != "" && build != a.Build {
		controller, known := controllerOf(build)
		if !known {
			return errBadRequest("The ALB build %q is not supported.", build)
		}
		if a.Enabled {
			return errConflict("The ALB %s is enabled; disable it before you change its build this way.", a.ID)
		}
		a.Build, a.Controller = build, controller
	}
	if address != "" && k.Provider == Classic && a.Reserved == "" {
		if owner, taken := k.used[address]; taken {
			return errConflict("The IP address %s is already in use by %s.", address, owner)
		}
		k.used[address], a.Reserved = a.ID, address
	}
	if a.Enabled && a.State == ALBStateEnabled && !a.KeepService {
		return nil
	}
	a.Enabled, a.KeepService = true, false
	a.Revision++
	a.Status = albCreating
	reserved := s.reserveALB(k, a)
	revision := a.Revision
	if reserved && k.albOwners == 0 {
		s.after(func() {
			if a.Enabled && a.Revision == revision {
				a.State, a.Status, a.Address = ALBStateEnabled, ALBHealthy, a.Reserved
			}
		})
	}
	s.emit(ALBEnabled, k.ID, a.ID)
	return nil
}

// disableALB wants an ALB gone; keepService leaves its load balancer.
func (s *Server) disableALB(k *cluster, a *ALB, keepService bool) {
	if !a.Enabled && a.State == ALBStateDisabled {
		return
	}
	a.Enabled, a.KeepService = false, keepService
	a.Status = albDisabling
	revision := a.Revision
	if k.albOwners == 0 {
		s.after(func() {
			if a.Enabled || a.Revision != revision {
				return
			}
			a.State, a.Status = ALBStateDisabled, ""
			if !keepService {
				a.Address = ""
				s.freeALB(k, a)
			}
		})
	}
	s.emit(ALBDisabled, k.ID, a.ID)
}

// updateALBs deploys ALBs anew with a build ("" for the default of their
// kind). Without a list it is all of them. Disabled ALBs take the build only.
func (s *Server) updateALBs(k *cluster, build string, list []string) error {
	targets := k.albs
	if len(list) > 0 {
		targets = nil
		for _, id := range list {
			a := k.alb(id)
			if a == nil {
				return errALBNotFound()
			}
			targets = append(targets, a)
		}
	}
	if build != "" {
		controller, known := controllerOf(build)
		if !known {
			return errBadRequest("The ALB build %q is not supported.", build)
		}
		for _, a := range targets {
			if a.Controller != controller {
				return errBadRequest("The ALB %s cannot be updated to the build %q of another controller.", a.ID, build)
			}
		}
	}
	for _, a := range targets {
		a.Build = build
		if build == "" {
			a.Build = buildsOf(a.Controller)[0]
		}
		if a.Enabled {
			s.redeployALB(k, a)
		}
	}
	return nil
}

func (s *Server) redeployALB(k *cluster, a *ALB) {
	a.Revision++
	a.Status = albUpdating
	revision := a.Revision
	if k.albOwners == 0 {
		s.after(func() {
			if a.Enabled && a.Revision == revision && a.Reserved != "" {
				a.State, a.Status, a.Address = ALBStateEnabled, ALBHealthy, a.Reserved
			}
		})
	}
	s.emit(ALBUpdated, k.ID, a.ID)
}

// albByID finds an ALB in all clusters.
func (c *call) albByID(id string) (*cluster, *ALB, error) {
	for _, k := range c.server.sorted() {
		if a := k.alb(id); a != nil && c.inResourceGroup(k) {
			return k, a, nil
		}
	}
	return nil, nil, errALBNotFound()
}
