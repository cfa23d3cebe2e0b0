package fakeiks

import (
	"maps"
	"slices"
	"time"
)

// Provider is the infrastructure under a cluster, as IKS spells it.
type Provider string

// The two infrastructures.
const (
	Classic Provider = "classic"
	VPC     Provider = "vpc-gen2"
)

// Controller is the program inside an ALB.
type Controller string

// The two kinds of ALB.
const (
	NGINX   Controller = "nginx"
	Traefik Controller = "traefik"
)

// Cluster describes one cluster. [Server.AddCluster] takes it as the start
// state, every field but Kubernetes may stay empty; [Server.Cluster] gives the
// present state.
type Cluster struct {
	// ID is 20 characters of [0-9a-v] that begin with "c"; generated when empty.
	ID string
	// Name defaults to "cluster-<first characters of the ID>".
	Name     string
	Provider Provider // default Classic
	Region   string   // default "us-south"
	// ResourceGroupID defaults to that of the group "default".
	ResourceGroupID   string
	ResourceGroupName string
	// Version is major.minor.patch, for example "1.35.2"; default: what IKS offers as its default.
	Version string
	// VPCID is the VPC of a VPC cluster, for example "r006-…".
	VPCID         string
	PodSubnet     string // default 172.30.0.0/16
	ServiceSubnet string // default 172.21.0.0/16
	// Zones defaults to one zone of the region.
	Zones []Zone
	// Pools defaults to one pool "default" with two workers in each zone.
	Pools []WorkerPool
	// Kubernetes is the real API server behind the cluster.
	Kubernetes Access
	// Endpoints defaults to public and private, on VPC also VPE.
	Endpoints Endpoints
	// Controller is what the ALBs run; default NGINX.
	Controller Controller
	// NoALBs leaves the ALBs out that IKS creates for each zone.
	NoALBs bool

	// State is "normal", "deploying" or "deleting". Output only.
	State string
	// MasterRevision counts master refreshes. Output only.
	MasterRevision int
	// Created is when the cluster was added. Output only.
	Created time.Time
}

// Zone is one zone of a cluster with its networks.
type Zone struct {
	ID string // for example "dal10" (classic) or "us-south-1" (VPC)
	// PublicVLAN and PrivateVLAN are VLAN IDs of a classic zone. A zone whose
	// PublicVLAN is [NoVLAN] has no public network.
	PublicVLAN, PrivateVLAN string
	// SubnetID is the VPC subnet of the zone.
	SubnetID string
	// PrivateCIDR and PublicCIDR are where workers get their addresses.
	PrivateCIDR, PublicCIDR string
	// PortablePrivate and PortablePublic are where load balancers of a classic
	// zone get their addresses: a /29 each by default, that is 5 usable ones.
	PortablePrivate, PortablePublic []string
}

// NoVLAN as a zone's PublicVLAN says that the zone is private only.
const NoVLAN = "none"

// WorkerPool is one worker pool.
type WorkerPool struct {
	ID      string // generated when empty
	Name    string
	Flavor  string // default b3c.4x16 (classic) or bx2.4x16 (VPC)
	PerZone int
	// Zones are the zone IDs; default: all zones of the cluster.
	Zones []string
	// Labels are the pool's own labels, without IKS's system labels.
	Labels map[string]string
	// Taints map a key to "value:effect"; a key has one effect.
	Taints    map[string]string
	Autoscale bool
	// OperatingSystem defaults to UBUNTU_24_64.
	OperatingSystem string
}

// Access is how the real API server behind a cluster is reached. PEM texts.
type Access struct {
	Server           string // https://host:port
	CA               []byte
	AdminCertificate []byte
	AdminKey         []byte
}

// Endpoints are a cluster's service endpoints.
type Endpoints struct {
	Public, Private, VPE, Link Endpoint
}

// Endpoint is one service endpoint. Its Server goes into kubeconfigs that ask
// for that endpoint and defaults to the real API server.
type Endpoint struct {
	Enabled bool
	Server  string
}

// Worker is one worker node as IKS sees it.
type Worker struct {
	ID, PoolID, PoolName    string
	Zone, Flavor            string
	PrivateIP, PublicIP     string
	PrivateVLAN, PublicVLAN string
	SubnetID                string
	OperatingSystem         string
	// State is "provisioning", "deployed", "reloading", "deleting" or "deleted".
	State string
	// Health is "normal", "warning" or "critical"; HealthMessage says why.
	Health, HealthMessage string
	// KubeVersion is the version with IKS's build, for example "1.35.2_1530".
	KubeVersion string
	// Revision counts reloads: after each the node registers anew.
	Revision int
}

// ALB is one Ingress ALB.
type ALB struct {
	ID         string // public-cr<cluster>-alb1
	ClusterID  string
	Type       string // "public" or "private"
	Zone       string
	VLAN       string // classic
	Enabled    bool   // wanted
	State      string // "enabled" or "disabled": what is there
	Status     string // "healthy", "creating", "disabling", …, empty when disabled
	Build      string
	Controller Controller
	Replicas   int
	// Address is the IP (classic) or the host name (VPC) that IKS shows.
	Address string
	// Reserved is the address that the ALB is to get or has.
	Reserved string
	// KeepService is the API's disableDeployment: the service stays, the
	// controller goes.
	KeepService bool
	// Revision grows with each enable and each update: deploy anew.
	Revision int
	Created  time.Time
}

// IngressClass is the name of the IngressClass that belongs to the ALB.
func (a ALB) IngressClass() string {
	if a.Controller == Traefik {
		return a.Type + "-iks-traefik"
	}
	return a.Type + "-iks-k8s-nginx"
}

func (p WorkerPool) clone() WorkerPool {
	p.Zones = slices.Clone(p.Zones)
	p.Labels = maps.Clone(p.Labels)
	p.Taints = maps.Clone(p.Taints)
	return p
}

func (c Cluster) clone() Cluster {
	zones := make([]Zone, len(c.Zones))
	for i, zone := range c.Zones {
		zone.PortablePrivate = slices.Clone(zone.PortablePrivate)
		zone.PortablePublic = slices.Clone(zone.PortablePublic)
		zones[i] = zone
	}
	c.Zones = zones
	pools := make([]WorkerPool, len(c.Pools))
	for i, pool := range c.Pools {
		pools[i] = pool.clone()
	}
	c.Pools = pools
	c.Kubernetes.CA = slices.Clone(c.Kubernetes.CA)
	c.Kubernetes.AdminCertificate = slices.Clone(c.Kubernetes.AdminCertificate)
	c.Kubernetes.AdminKey = slices.Clone(c.Kubernetes.AdminKey)
	return c
}
