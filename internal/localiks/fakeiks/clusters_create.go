package fakeiks

import "net/http"

func createClassicCluster(c *call) (int, any, error) {
	var body struct {
		DataCenter            string `json:"dataCenter"`
		MachineType           string `json:"machineType"`
		Name                  string `json:"name"`
		PrivateVLAN           string `json:"privateVlan"`
		PublicVLAN            string `json:"publicVlan"`
		WorkerNum             int    `json:"workerNum"`
		MasterVersion         string `json:"masterVersion"`
		OperatingSystem       string `json:"operatingSystem"`
		Private               bool   `json:"privateSeviceEndpoint"`
		Public                bool   `json:"publicServiceEndpoint"`
		DefaultWorkerPoolName string `json:"defaultWorkerPoolName"`
		PodSubnet             string `json:"podSubnet"`
		ServiceSubnet         string `json:"serviceSubnet"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.DefaultWorkerPoolName == "" {
		body.DefaultWorkerPoolName = "default"
	}
	spec := Cluster{
		Name: body.Name, Provider: Classic, Version: body.MasterVersion,
		PodSubnet: body.PodSubnet, ServiceSubnet: body.ServiceSubnet,
		Zones: []Zone{{ID: body.DataCenter, PublicVLAN: body.PublicVLAN, PrivateVLAN: body.PrivateVLAN}},
		Pools: []WorkerPool{{
			Name: body.DefaultWorkerPoolName, PerZone: body.WorkerNum, Flavor: body.MachineType, OperatingSystem: body.OperatingSystem,
		}},
	}
	spec.Endpoints.Public.Enabled, spec.Endpoints.Private.Enabled = body.Public, body.Private
	k, err := c.create(spec)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, map[string]string{"id": k.ID}, nil
}

func createVPCCluster(c *call) (int, any, error) {
	var body struct {
		DisablePublic bool   `json:"disablePublicServiceEndpoint"`
		KubeVersion   string `json:"kubeVersion"`
		PodSubnet     string `json:"podSubnet"`
		ServiceSubnet string `json:"serviceSubnet"`
		Name          string `json:"name"`
		Pool          struct {
			Name            string            `json:"name"`
			Flavor          string            `json:"flavor"`
			Labels          map[string]string `json:"labels"`
			OperatingSystem string            `json:"operatingSystem"`
			VPCID           string            `json:"vpcID"`
			WorkerCount     int               `json:"workerCount"`
			Zones           []struct {
				ID       string `json:"id"`
				SubnetID string `json:"subnetID"`
			} `json:"zones"`
		} `json:"workerPool"`
	}
	if err := c.decode(&body); err != nil {
		return 0, nil, err
	}
	if body.Pool.Name == "" {
		body.Pool.Name = "default"
	}
	spec := Cluster{
		Name: body.Name, Provider: VPC, Version: body.KubeVersion, VPCID: body.Pool.VPCID,
		PodSubnet: body.PodSubnet, ServiceSubnet: body.ServiceSubnet,
		Pools: []WorkerPool{{
			Name: body.Pool.Name, PerZone: body.Pool.WorkerCount, Flavor: body.Pool.Flavor,
			Labels: body.Pool.Labels, OperatingSystem: body.Pool.OperatingSystem,
		}},
	}
	for _, zone := range body.Pool.Zones {
		spec.Zones = append(spec.Zones, Zone{ID: zone.ID, SubnetID: zone.SubnetID})
	}
	spec.Endpoints.Public.Enabled = !body.DisablePublic
	spec.Endpoints.Private.Enabled, spec.Endpoints.VPE.Enabled = true, true
	k, err := c.create(spec)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, map[string]string{"clusterID": k.ID}, nil
}

// create adds a cluster that comes up after the delay.
func (c *call) create(spec Cluster) (*cluster, error) {
	if spec.Name == "" {
		return nil, errBadRequest("Specify a name for the cluster.")
	}
	if c.server.find(spec.Name) != nil {
		return nil, errConflict("A cluster with the same name already exists. Choose another name.")
	}
	spec.ResourceGroupID = c.Header.Get("X-Auth-Resource-Group")
	spec.ID = newClusterID()
	if give := c.server.options.Access; give != nil {
		c.server.mu.Unlock() // it may take its time, and may use the server
		access, err := give(spec)
		c.server.mu.Lock()
		if err != nil {
			return nil, err
		}
		spec.Kubernetes = access
	}
	k, err := c.server.addCluster(spec, false)
	if err != nil {
		return nil, errBadRequest("%v", err)
	}
	return k, nil
}
