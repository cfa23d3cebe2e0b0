package fakeiks

import (
	"fmt"
	"slices"
	"time"
)

// stamp is a time as IKS prints it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-0700") }

func (k *cluster) crn(account string) string {
	return fmt.Sprintf("crn:v1:bluemix:public:containers-kubernetes:%s:a/%s:%s::", k.Region, account, k.ID)
}

func (k *cluster) masterVersion() string { return k.Version + "_" + masterBuild }

// ingressHostname is the IBM-provided subdomain.
func (k *cluster) ingressHostname() string {
	return fmt.Sprintf("%s-%s-0000.%s.containers.appdomain.cloud", k.Name, k.hash, k.Region)
}

func (k *cluster) ingressSecret() string { return fmt.Sprintf("%s-%s-0000", k.Name, k.hash) }

// url is the address of an endpoint: what kubeconfigs for it hold, or a name
// of IBM's form where no API server is behind the cluster.
func (k *cluster) url(kind string) string {
	endpoint := k.endpoint(kind)
	switch {
	case !endpoint.Enabled:
		return ""
	case endpoint.Server != "":
		return endpoint.Server
	case k.Kubernetes.Server != "":
		return k.Kubernetes.Server
	}
	host := map[string]string{"public": "c1.", "private": "c1.private.", "vpe": k.ID + ".vpe.private.", "link": "c1.link."}[kind]
	return fmt.Sprintf("https://%s%s.containers.cloud.ibm.com:30426", host, k.Region)
}

func (k *cluster) endpoint(kind string) Endpoint {
	switch kind {
	case "public":
		return k.Endpoints.Public
	case "private":
		return k.Endpoints.Private
	case "vpe":
		return k.Endpoints.VPE
	case "link":
		return k.Endpoints.Link
	default:
		return Endpoint{}
	}
}

// masterURL is the endpoint that is used when none is asked for.
func (k *cluster) masterURL() string {
	for _, kind := range []string{"public", "private", "vpe", "link"} {
		if url := k.url(kind); url != "" {
			return url
		}
	}
	return k.Kubernetes.Server
}

func (k *cluster) workerZones() []string {
	zones := []string{}
	for _, w := range k.workers {
		if w.State != workerDeleted && !slices.Contains(zones, w.Zone) {
			zones = append(zones, w.Zone)
		}
	}
	slices.Sort(zones)
	return zones
}

func (k *cluster) workerCount() int {
	n := 0
	for _, w := range k.workers {
		if w.State != workerDeleted {
			n++
		}
	}
	return n
}

// location is the zone of the master: a data centre on classic.
func (k *cluster) location() string {
	if k.Provider == VPC {
		return k.Region
	}
	return k.Zones[0].ID
}

// common are the fields that v1 and v2 share.
func (k *cluster) common(account string) map[string]any {
	return map[string]any{
		"addons":               []any{},
		"apiUser":              "",
		"createdDate":          stamp(k.Created),
		"crn":                  k.crn(account),
		"dataCenter":           k.location(),
		"disableAutoUpdate":    false,
		"id":                   k.ID,
		"imageSecurityEnabled": false,
		"isPaid":               true,
		"location":             k.location(),
		"masterKubeVersion":    k.masterVersion(),
		"masterStatus":         k.masterStatus,
		"masterURL":            k.masterURL(),
		"multiAzCapable":       true,
		"name":                 k.Name,
		"ownerEmail":           "owner@example.com",
		"podSubnet":            k.PodSubnet,
		"provider":             string(k.Provider),
		"region":               k.Region,
		"resourceGroup":        k.ResourceGroupID,
		"resourceGroupName":    k.ResourceGroupName,
		"serviceSubnet":        k.ServiceSubnet,
		"state":                k.State,
		"targetVersion":        "",
		"type":                 "kubernetes",
		"versionEOS":           "",
		"workerCount":          k.workerCount(),
		"workerZones":          k.workerZones(),
	}
}

// v1 is the body of /v1/clusters and of v2 with v1-compatible on classic:
// endpoints and ingress stand at the top level.
func (k *cluster) v1(account string, vlans bool) map[string]any {
	body := k.common(account)
	body["serverURL"] = k.masterURL()
	body["ingressHostname"] = k.ingressHostname()
	body["ingressSecretName"] = k.ingressSecret()
	body["isTrusted"] = false
	body["keyProtectEnabled"] = false
	body["pullSecretApplied"] = true
	body["monitoringURL"] = ""
	body["etcdPort"] = "20006"
	body["logOrg"], body["logOrgName"], body["logSpace"], body["logSpaceName"] = "", "", "", ""
	body["masterStatusModifiedDate"] = stamp(k.modified)
	body["modifiedDate"] = stamp(k.modified)
	body["masterHealth"], body["masterState"] = "normal", "deployed"
	body["privateServiceEndpointEnabled"] = k.Endpoints.Private.Enabled
	body["privateServiceEndpointURL"] = k.url("private")
	body["publicServiceEndpointEnabled"] = k.Endpoints.Public.Enabled
	body["publicServiceEndpointURL"] = k.url("public")
	body["vlans"] = []any{}
	if vlans {
		body["vlans"] = k.vlans()
	}
	return body
}

// v2 is the body of the v2 calls on VPC, and of /v2/classic/getCluster.
// serverURL is blank there.
func (k *cluster) v2(account string) map[string]any {
	body := k.common(account)
	body["serverURL"] = ""
	body["entitlement"] = ""
	body["features"] = map[string]any{"keyProtectEnabled": false, "pullSecretApplied": true}
	body["ingress"] = map[string]any{
		"hostname": k.ingressHostname(), "secretName": k.ingressSecret(), "status": "healthy", "message": "All Ingress components are healthy",
	}
	body["lifecycle"] = map[string]any{
		"masterHealth":             "normal",
		"masterState":              "deployed",
		"masterStatus":             k.masterStatus,
		"masterStatusModifiedDate": stamp(k.modified),
		"modifiedDate":             stamp(k.modified),
	}
	body["masterHealth"] = "normal"
	body["networkPlugin"] = "Calico"
	body["offering"] = ""
	body["serviceEndpoints"] = map[string]any{
		"privateServiceEndpointEnabled": k.Endpoints.Private.Enabled,
		"privateServiceEndpointURL":     k.url("private"),
		"publicServiceEndpointEnabled":  k.Endpoints.Public.Enabled,
		"publicServiceEndpointURL":      k.url("public"),
	}
	body["virtualPrivateEndpointURL"] = k.url("vpe")
	body["vpcs"] = []string{}
	if k.Provider == VPC {
		body["vpcs"] = []string{k.VPCID}
	}
	return body
}

// vlans are a classic cluster's VLANs with their portable subnets.
func (k *cluster) vlans() []any {
	list := []any{}
	for _, zone := range k.Zones {
		for _, public := range []bool{false, true} {
			id := zone.PrivateVLAN
			if public {
				id = zone.PublicVLAN
			}
			if id == "" || id == NoVLAN {
				continue
			}
			subnets := []any{}
			for i, cidr := range portable(zone, public) {
				subnets = append(subnets, map[string]any{
					"id": subnetID(id, i), "cidr": cidr, "ips": usable(cidr), "is_byoip": false, "is_public": public,
				})
			}
			list = append(list, map[string]any{"id": id, "subnets": subnets, "zone": zone.ID, "region": k.Region})
		}
	}
	return list
}
