package iks

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
)

// Infrastructure is what a cluster's workers run on, in IKS's word (`provider`).
type Infrastructure string

// The infrastructures. IKS may name others one day; they are passed on as they are.
const (
	Classic   Infrastructure = "classic"
	VPC       Infrastructure = "vpc-gen2"
	Satellite Infrastructure = "satellite"
)

// Types of a cluster.
const (
	TypeKubernetes = "kubernetes"
	TypeOpenShift  = "openshift"
)

// Cluster is what IKS knows of a cluster.
type Cluster struct {
	ID, Name                string
	CRN                     string
	Region, ResourceGroupID string
	// Type is TypeKubernetes or TypeOpenShift.
	Type           string
	Infrastructure Infrastructure
	// State such as normal, deploying, pending, warning, critical, deleting, deleted.
	State string
	// MasterStatus such as Ready.
	MasterStatus string
	// Version of Kubernetes on the master, such as 1.33.4_1534.
	Version string
	// WorkerCount is the number of workers; Zones are those they are in.
	WorkerCount int
	Zones       []string

	Endpoints       Endpoints
	IngressHostname string
	// PodSubnet and ServiceSubnet are CIDRs.
	PodSubnet, ServiceSubnet string
	// VPCs are the IDs of the VPCs that the workers are in.
	VPCs []string
	// VLANs of a classic cluster, where IKS gave them along; VLANs fetches them.
	VLANs []VLAN
}

// Endpoints are the addresses of a cluster's API server.
type Endpoints struct {
	PublicEnabled, PrivateEnabled bool
	PublicURL, PrivateURL         string
	// VPEURL is the address at the VPC's virtual private endpoint gateway.
	VPEURL string
}

// wireCluster is the union of how IKS describes the clusters of the several
// infrastructures: the same facts stand in different places.
type wireCluster struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	CRN               string   `json:"crn"`
	Region            string   `json:"region"`
	ResourceGroup     string   `json:"resourceGroup"`
	Type              string   `json:"type"`
	Provider          string   `json:"provider"`
	State             string   `json:"state"`
	MasterStatus      string   `json:"masterStatus"`
	MasterKubeVersion string   `json:"masterKubeVersion"`
	WorkerCount       int      `json:"workerCount"`
	WorkerZones       []string `json:"workerZones"`
	PodSubnet         string   `json:"podSubnet"`
	ServiceSubnet     string   `json:"serviceSubnet"`
	IngressHostname   string   `json:"ingressHostname"`
	VPCs              []string `json:"vpcs"`
	VPEURL            string   `json:"virtualPrivateEndpointURL"`

	wireEndpoints
	ServiceEndpoints wireEndpoints `json:"serviceEndpoints"`
	Ingress          struct {
		Hostname string `json:"hostname"`
	} `json:"ingress"`
	Lifecycle struct {
		MasterStatus string `json:"masterStatus"`
	} `json:"lifecycle"`
	VLANs []containerv1.Vlan `json:"vlans"`
}

type wireEndpoints struct {
	PrivateEnabled bool   `json:"privateServiceEndpointEnabled"`
	PrivateURL     string `json:"privateServiceEndpointURL"`
	PublicEnabled  bool   `json:"publicServiceEndpointEnabled"`
	PublicURL      string `json:"publicServiceEndpointURL"`
}

// Cluster looks a cluster of any infrastructure up by its name, in the client's
// resource group if it has one, or by its ID, in one request. IsNotFound tells
// when there is none.
//
// Not through bluemix-go: its two types of cluster each lack what the other has.
func (c *Client) Cluster(ctx context.Context, nameOrID string) (Cluster, error) {
	cl, cancel := c.begin(ctx, "looking up", "cluster "+strconv.Quote(nameOrID))
	defer cancel()
	if err := checkName("cluster", nameOrID); err != nil {
		return Cluster{}, cl.explain(err)
	}
	found, err := c.getCluster(cl, nameOrID, c.target(Cluster{}))
	if IsNotFound(err) && c.resourceGroup != "" {
		// A resource group is for names. That an ID is not in it proves nothing.
		anywhere, again := c.getCluster(cl, nameOrID, http.Header{})
		if again != nil && !IsNotFound(again) {
			return Cluster{}, again
		}
		if anywhere.ID == nameOrID {
			return anywhere, nil
		}
	}
	return found, err
}

func (c *Client) getCluster(cl *call, nameOrID string, target http.Header) (Cluster, error) {
	var w wireCluster
	query := url.Values{"cluster": {nameOrID}, "v1-compatible": {""}}
	if err := c.getJSON(cl, "/v2/getCluster", query, target, &w); err != nil {
		return Cluster{}, err
	}
	found := w.cluster()
	if found.ID == "" {
		return Cluster{}, cl.explain(&garbledError{why: "the answer names no cluster"})
	}
	return found, nil
}

func (w *wireCluster) cluster() Cluster {
	return Cluster{
		ID: w.ID, Name: w.Name, CRN: w.CRN, Region: w.Region, ResourceGroupID: w.ResourceGroup,
		Type:           w.Type,
		Infrastructure: infrastructure(w.Provider, w.VPCs),
		State:          w.State,
		MasterStatus:   first(w.MasterStatus, w.Lifecycle.MasterStatus),
		Version:        w.MasterKubeVersion,
		WorkerCount:    w.WorkerCount,
		Zones:          w.WorkerZones,
		Endpoints: Endpoints{
			PublicEnabled:  w.PublicEnabled || w.ServiceEndpoints.PublicEnabled,
			PrivateEnabled: w.PrivateEnabled || w.ServiceEndpoints.PrivateEnabled,
			PublicURL:      first(w.PublicURL, w.ServiceEndpoints.PublicURL),
			PrivateURL:     first(w.PrivateURL, w.ServiceEndpoints.PrivateURL),
			VPEURL:         w.VPEURL,
		},
		IngressHostname: first(w.IngressHostname, w.Ingress.Hostname),
		PodSubnet:       w.PodSubnet, ServiceSubnet: w.ServiceSubnet,
		VPCs:  w.VPCs,
		VLANs: vlans(w.VLANs),
	}
}

// infrastructure normalises IKS's `provider`, which old classic clusters lack.
func infrastructure(provider string, vpcs []string) Infrastructure {
	switch provider {
	case "vpc", "vpc-gen2":
		return VPC
	case "":
		if len(vpcs) > 0 {
			return VPC
		}
		return Classic
	default:
		return Infrastructure(provider)
	}
}

// RefreshMaster makes the cluster's API servers read their configuration anew,
// which also lets the cloud provider look at every load balancer again. It
// returns when IKS has accepted that; the API servers then restart one by one.
func (c *Client) RefreshMaster(ctx context.Context, cluster Cluster) error {
	cl, cancel := c.begin(ctx, "refreshing the master of", describe(cluster))
	defer cancel()
	api, err := c.v1(cl.writing(unsent)) // a second one restarts them once more
	if err != nil {
		return cl.explain(err)
	}
	return cl.outcome(api.Clusters().RefreshAPIServers(url.PathEscape(cluster.ID), c.targetV1(cluster)))
}

// target names the resource group: the cluster's own, else the configured one.
func (c *Client) target(cluster Cluster) http.Header {
	header := http.Header{}
	if group := first(cluster.ResourceGroupID, c.resourceGroup); group != "" {
		header.Set("X-Auth-Resource-Group", group)
	}
	return header
}

func (c *Client) targetV1(cluster Cluster) containerv1.ClusterTargetHeader {
	return containerv1.ClusterTargetHeader{ResourceGroup: first(cluster.ResourceGroupID, c.resourceGroup)}
}

func (c *Client) targetV2(cluster Cluster) containerv2.ClusterTargetHeader {
	return containerv2.ClusterTargetHeader{ResourceGroup: first(cluster.ResourceGroupID, c.resourceGroup)}
}

func describe(cluster Cluster) string {
	return "cluster " + strconv.Quote(first(cluster.Name, cluster.ID))
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
