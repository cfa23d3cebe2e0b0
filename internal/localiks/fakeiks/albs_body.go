package fakeiks

import (
	"strconv"
	"strings"
)

// v1 is the ALB's body in v1 (classic).
func (a *ALB) v1() map[string]any {
	return map[string]any{
		"albBuild": a.Build, "albID": a.ID, "albType": a.Type, "albip": a.Address, "authBuild": "",
		"clusterID": a.ClusterID, "createdDate": stamp(a.Created), "disableDeployment": a.KeepService,
		"enable": a.Enabled, "name": "", "nlbVersion": "1.0", "numOfInstances": strconv.Itoa(a.Replicas),
		"resize": false, "state": a.State, "status": a.Status, "vlanID": strings.TrimPrefix(a.VLAN, NoVLAN), "zone": a.Zone,
	}
}

// v2 is the ALB's body in v2. Classic ALBs keep their IP in albip there.
func (a *ALB) v2(k *cluster) map[string]any {
	body := map[string]any{
		"albBuild": a.Build, "albID": a.ID, "albType": a.Type, "authBuild": "", "cluster": a.ClusterID,
		"createdDate": stamp(a.Created), "disableDeployment": a.KeepService, "enable": a.Enabled,
		"loadBalancerHostname": "", "name": "", "numOfInstances": strconv.Itoa(a.Replicas),
		"resize": false, "state": a.State, "status": a.Status, "zone": a.Zone,
	}
	if k.Provider == VPC {
		body["loadBalancerHostname"] = a.Address
	} else {
		body["albip"], body["vlanID"] = a.Address, strings.TrimPrefix(a.VLAN, NoVLAN)
	}
	return body
}
