package fakeiks

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// States of a cluster and its master, as bluemix-go and IBM's provider know them.
const (
	clusterNormal    = "normal"
	clusterDeploying = "deploying"
	clusterDeleting  = "deleting"

	masterReady     = "Ready"
	masterDeploying = "Deploy in progress"
)

// DefaultResourceGroup is the ID of the resource group that clusters are in
// when they do not say.
const DefaultResourceGroup = "5c49eabcf5e85881a37e2d100a33b3df"

// cluster is the server's own record.
type cluster struct {
	Cluster      // Pools is unused, see pools
	hash         string
	masterStatus string
	modified     time.Time
	pools        []*WorkerPool
	workers      []*Worker
	albs         []*ALB
	ingress      ingressSettings
	used         map[string]string // address -> owner
	workersMade  int
	albOwners    int // cloud controllers that look after the ALBs
	lbsMade      int
	rbacSince    map[string]time.Time // IAM ID -> RBAC synchronised from then on
	boundSubnets []string
}

// AddCluster adds a cluster with its pools, workers and ALBs, all there at
// once. It returns the cluster with everything that was filled in.
func (s *Server) AddCluster(spec Cluster) (Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.addCluster(spec, true)
	if err != nil {
		return Cluster{}, err
	}
	return k.snapshot(), nil
}

// addCluster does it; ready says whether everything is there at once.
func (s *Server) addCluster(spec Cluster, ready bool) (*cluster, error) {
	spec = spec.clone()
	if spec.ID == "" {
		spec.ID = newClusterID()
	}
	if spec.Name == "" {
		spec.Name = "cluster-" + spec.ID[1:7]
	}
	if s.find(spec.ID) != nil || s.find(spec.Name) != nil {
		return nil, fmt.Errorf("cluster %q (%s): a cluster of that name or ID exists", spec.Name, spec.ID)
	}
	if spec.Provider == "" {
		spec.Provider = Classic
	}
	if spec.Provider != Classic && spec.Provider != VPC {
		return nil, fmt.Errorf("cluster %q: unknown provider %q", spec.Name, spec.Provider)
	}
	s.fillIn(&spec)
	spec.State, spec.Created = clusterDeploying, time.Now().UTC()
	k := &cluster{
		Cluster:      spec,
		hash:         secret(16),
		masterStatus: masterDeploying,
		modified:     spec.Created,
		used:         map[string]string{},
		rbacSince:    map[string]time.Time{},
		ingress:      newIngressSettings(),
	}
	k.Cluster.Pools = nil
	for _, pool := range spec.Pools {
		if _, err := s.addPool(k, pool, ready); err != nil {
			return nil, fmt.Errorf("cluster %q: %w", spec.Name, err)
		}
	}
	if !spec.NoALBs {
		for _, zone := range k.Zones {
			s.addALB(k, "private", zone.ID, false)
			if zone.PublicVLAN != NoVLAN {
				s.addALB(k, "public", zone.ID, true)
			}
		}
	}
	s.clusters[k.ID] = k
	settle := func() {
		k.State, k.masterStatus, k.modified = clusterNormal, masterReady, time.Now().UTC()
	}
	if ready {
		settle()
	} else {
		s.after(settle)
	}
	s.emit(ClusterAdded, k.ID, k.ID)
	return k, nil
}

// fillIn completes a cluster.
func (s *Server) fillIn(c *Cluster) {
	if c.Region == "" {
		c.Region = "us-south"
	}
	if c.ResourceGroupID == "" {
		c.ResourceGroupID, c.ResourceGroupName = DefaultResourceGroup, "default"
	}
	if c.Version == "" {
		c.Version = defaultVersion().String()
	}
	if c.PodSubnet == "" {
		c.PodSubnet = "172.30.0.0/16"
	}
	if c.ServiceSubnet == "" {
		c.ServiceSubnet = "172.21.0.0/16"
	}
	if c.Controller == "" {
		c.Controller = NGINX
	}
	if c.Provider == VPC && c.VPCID == "" {
		c.VPCID = "r006-" + uuid()
	}
	if c.Endpoints == (Endpoints{}) {
		c.Endpoints.Public.Enabled, c.Endpoints.Private.Enabled = true, true
		c.Endpoints.VPE.Enabled = c.Provider == VPC
	}
	if len(c.Zones) == 0 {
		c.Zones = []Zone{{ID: map[Provider]string{Classic: "dal10", VPC: c.Region + "-1"}[c.Provider]}}
	}
	for i := range c.Zones {
		s.fillInZone(c.Provider, &c.Zones[i])
	}
	if len(c.Pools) == 0 {
		c.Pools = []WorkerPool{{Name: "default", PerZone: 2}}
	}
}

// RemoveCluster takes a cluster away at once, by name or ID: from then on IKS
// answers 404 E0008 for it. It says whether there was one.
func (s *Server) RemoveCluster(nameOrID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(nameOrID)
	if k == nil {
		return false
	}
	s.removeCluster(k)
	return true
}

func (s *Server) removeCluster(k *cluster) {
	if s.clusters[k.ID] != k {
		return
	}
	delete(s.clusters, k.ID)
	s.endBalancers(k)
	s.emit(ClusterRemoved, k.ID, k.ID)
}

// Cluster is a copy of a cluster's present state, by name or ID.
func (s *Server) Cluster(nameOrID string) (Cluster, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(nameOrID)
	if k == nil {
		return Cluster{}, false
	}
	return k.snapshot(), true
}

// Clusters are copies of all clusters, sorted by ID.
func (s *Server) Clusters() []Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Cluster
	for _, k := range s.sorted() {
		list = append(list, k.snapshot())
	}
	return list
}

func (s *Server) sorted() []*cluster {
	list := make([]*cluster, 0, len(s.clusters))
	for _, k := range s.clusters {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *cluster) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// find looks a cluster up by ID, then by name.
func (s *Server) find(nameOrID string) *cluster {
	if k, found := s.clusters[nameOrID]; found {
		return k
	}
	for _, k := range s.clusters {
		if k.Name == nameOrID {
			return k
		}
	}
	return nil
}

// alive says whether the record still stands for a cluster, for changes that
// come later.
func (s *Server) alive(k *cluster) bool { return s.clusters[k.ID] == k }

func (k *cluster) snapshot() Cluster {
	c := k.clone()
	c.Pools = nil
	for _, pool := range k.pools {
		c.Pools = append(c.Pools, pool.clone())
	}
	return c
}

func (k *cluster) zone(id string) *Zone {
	for i := range k.Zones {
		if k.Zones[i].ID == id {
			return &k.Zones[i]
		}
	}
	return nil
}

// newClusterID makes an ID as IKS has them: "c" and 19 characters of
// lower-case base 32.
func newClusterID() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv"
	var b [19]byte
	fill(b[:])
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return "c" + string(b[:])
}

// refreshMaster starts a master refresh.
func (s *Server) refreshMaster(k *cluster) {
	k.masterStatus, k.modified = masterDeploying, time.Now().UTC()
	k.MasterRevision++
	s.after(func() {
		k.masterStatus, k.modified = masterReady, time.Now().UTC()
	})
	s.emit(MasterRefreshed, k.ID, k.ID)
}
