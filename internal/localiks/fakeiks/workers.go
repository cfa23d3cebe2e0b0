package fakeiks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// States of a worker.
const (
	workerProvisioning = "provisioning"
	workerDeployed     = "deployed"
	workerReloading    = "reloading"
	workerDeleting     = "deleting"
	workerDeleted      = "deleted"
)

// Healths of a worker.
const (
	HealthNormal   = "normal"
	HealthWarning  = "warning"
	HealthCritical = "critical"
)

// keptDeleted is how many deleted workers a cluster still shows to showDeleted.
const keptDeleted = 200

// Workers are copies of a cluster's workers, without the deleted ones; nil
// where there is no such cluster.
func (s *Server) Workers(clusterNameOrID string) []Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil
	}
	var list []Worker
	for _, w := range k.workers {
		if w.State != workerDeleted {
			list = append(list, *w)
		}
	}
	return list
}

// AddWorker adds one worker to a pool and grows the pool in that zone, as the
// autoscaler would. The worker is provisioned when the delay has passed.
func (s *Server) AddWorker(clusterNameOrID, pool, zone string) (Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, p, err := s.findPool(clusterNameOrID, pool)
	if err != nil {
		return Worker{}, err
	}
	if !slices.Contains(p.Zones, zone) {
		return Worker{}, fmt.Errorf("cluster %s: worker pool %s has no zone %q", k.Name, p.Name, zone)
	}
	w, err := s.addWorker(k, p, zone, false)
	if err != nil {
		return Worker{}, err
	}
	p.PerZone = max(p.PerZone, len(k.workersOf(p, zone)))
	return *w, nil
}

// ReplaceWorker deletes a worker and adds another one in its place, which it
// returns.
func (s *Server) ReplaceWorker(clusterNameOrID, workerID string) (Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, w, err := s.findWorker(clusterNameOrID, workerID)
	if err != nil {
		return Worker{}, err
	}
	fresh, err := s.replaceWorker(k, w)
	if err != nil {
		return Worker{}, err
	}
	return *fresh, nil
}

// RemoveWorker deletes a worker without another one in its place.
func (s *Server) RemoveWorker(clusterNameOrID, workerID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, w, err := s.findWorker(clusterNameOrID, workerID)
	if err != nil {
		return err
	}
	s.removeWorker(k, w, "Worker was deleted")
	return nil
}

// ReloadWorker reinstalls a worker: its node registers anew.
func (s *Server) ReloadWorker(clusterNameOrID, workerID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, w, err := s.findWorker(clusterNameOrID, workerID)
	if err != nil {
		return err
	}
	s.reloadWorker(k, w)
	return nil
}

// SetWorkerHealth reports a worker's health.
func (s *Server) SetWorkerHealth(clusterNameOrID, workerID, health, message string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, w, err := s.findWorker(clusterNameOrID, workerID)
	if err != nil {
		return err
	}
	if w.Health == health && w.HealthMessage == message {
		return nil
	}
	w.Health, w.HealthMessage = health, message
	s.emit(WorkerHealth, k.ID, w.ID)
	return nil
}

func (s *Server) findPool(clusterNameOrID, pool string) (*cluster, *WorkerPool, error) {
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil, nil, errClusterNotFound()
	}
	p := k.pool(pool)
	if p == nil {
		return nil, nil, errPoolNotFound()
	}
	return k, p, nil
}

func (s *Server) findWorker(clusterNameOrID, workerID string) (*cluster, *Worker, error) {
	k := s.find(clusterNameOrID)
	if k == nil {
		return nil, nil, errClusterNotFound()
	}
	w := k.worker(workerID)
	if w == nil {
		return nil, nil, errWorkerNotFound()
	}
	return k, w, nil
}

// worker finds a worker that is not deleted.
func (k *cluster) worker(id string) *Worker {
	for _, w := range k.workers {
		if w.ID == id && w.State != workerDeleted {
			return w
		}
	}
	return nil
}

// workersOf are a pool's workers that are there or come, in one zone or ("")
// in all, oldest first.
func (k *cluster) workersOf(p *WorkerPool, zone string) []*Worker {
	var list []*Worker
	for _, w := range k.workers {
		gone := w.State == workerDeleted || w.State == workerDeleting
		if w.PoolID == p.ID && !gone && (zone == "" || w.Zone == zone) {
			list = append(list, w)
		}
	}
	return list
}

// addWorker adds a worker; ready says whether it is there at once.
func (s *Server) addWorker(k *cluster, p *WorkerPool, zoneID string, ready bool) (*Worker, error) {
	zone := k.zone(zoneID)
	k.workersMade++
	w := &Worker{
		ID:     workerID(k, p, k.workersMade),
		PoolID: p.ID, PoolName: p.Name,
		Zone: zoneID, Flavor: p.Flavor, OperatingSystem: p.OperatingSystem,
		State: workerProvisioning, Health: "pending", HealthMessage: "Provisioning",
		KubeVersion: k.Version + "_" + workerBuild,
	}
	var err error
	if w.PrivateIP, err = k.allocate(w.ID, 4, zone.PrivateCIDR); err != nil {
		return nil, err
	}
	if k.Provider == VPC {
		w.SubnetID = zone.SubnetID
	} else {
		w.PrivateVLAN = zone.PrivateVLAN
		if zone.PublicVLAN != NoVLAN {
			w.PublicVLAN = zone.PublicVLAN
			if w.PublicIP, err = k.allocate(w.ID, 4, zone.PublicCIDR); err != nil {
				return nil, err
			}
		}
	}
	k.workers = append(k.workers, w)
	s.emit(WorkerAdded, k.ID, w.ID)
	if ready {
		w.State, w.Health, w.HealthMessage = workerDeployed, HealthNormal, "Ready"
		return w, nil
	}
	s.after(func() { s.deployed(k, w, workerProvisioning) })
	return w, nil
}

// deployed ends the provisioning or reloading of a worker.
func (s *Server) deployed(k *cluster, w *Worker, from string) {
	if w.State != from || !s.alive(k) {
		return
	}
	w.State, w.Health, w.HealthMessage = workerDeployed, HealthNormal, "Ready"
	s.emit(WorkerHealth, k.ID, w.ID)
}

func (s *Server) removeWorker(k *cluster, w *Worker, why string) {
	if w.State == workerDeleting || w.State == workerDeleted {
		return
	}
	w.State, w.HealthMessage = workerDeleting, why
	s.emit(WorkerRemoved, k.ID, w.ID)
	s.after(func() {
		w.State = workerDeleted
		k.release(w.PrivateIP)
		k.release(w.PublicIP)
		k.forgetDeleted()
	})
}

// forgetDeleted bounds the list of deleted workers.
func (k *cluster) forgetDeleted() {
	deleted := 0
	for _, w := range k.workers {
		if w.State == workerDeleted {
			deleted++
		}
	}
	if deleted <= keptDeleted {
		return
	}
	oldest := slices.IndexFunc(k.workers, func(w *Worker) bool { return w.State == workerDeleted })
	k.workers = slices.Delete(k.workers, oldest, oldest+1)
}

func (s *Server) replaceWorker(k *cluster, w *Worker) (*Worker, error) {
	p := k.pool(w.PoolID)
	if p == nil || w.State == workerDeleting {
		return nil, errConflict("The worker node %s is being deleted.", w.ID)
	}
	s.removeWorker(k, w, "Worker was replaced")
	return s.addWorker(k, p, w.Zone, false)
}

func (s *Server) reloadWorker(k *cluster, w *Worker) {
	w.State, w.Health, w.HealthMessage = workerReloading, "pending", "Reloading"
	w.Revision++
	s.emit(WorkerReloaded, k.ID, w.ID)
	s.after(func() { s.deployed(k, w, workerReloading) })
}

// workerID is kube-<cluster ID>-<name, 11 characters>-<pool, 7 characters>-<8 hexadecimal digits>.
func workerID(k *cluster, p *WorkerPool, number int) string {
	short := func(text string, length int) string {
		text = regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(strings.ToLower(text), "")
		return text[:min(len(text), length)]
	}
	return fmt.Sprintf("kube-%s-%s-%s-%08x", k.ID, short(k.Name, 11), short(p.Name, 7), number)
}
