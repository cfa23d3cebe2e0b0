package fakeiks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// TestStatusCodes holds every route against the success code that IBM's
// public swagger has for it. Each row works on a server of its own.
func TestStatusCodes(t *testing.T) {
	t.Parallel()
	const (
		get, post, put    = http.MethodGet, http.MethodPost, http.MethodPut
		patch, deleteVerb = http.MethodPatch, http.MethodDelete
	)
	classic := []struct {
		method, path, body string
		want               int
	}{
		{get, "/v1/clusters", "", 200},
		{get, "/v1/clusters/CLUSTER?showResources=true", "", 200},
		{get, "/v1/clusters/CLUSTER/config", "", 200},
		{get, "/v1/clusters/CLUSTER/services", "", 200},
		{get, "/v1/clusters/CLUSTER/subnets", "", 200},
		{get, "/v1/clusters/CLUSTER/workerpools", "", 200},
		{get, "/v1/clusters/CLUSTER/workerpools/default", "", 200},
		{get, "/v1/clusters/CLUSTER/workers", "", 200},
		{get, "/v1/clusters/CLUSTER/workers/WORKER", "", 200},
		{get, "/v1/alb/albs/ALB", "", 200},
		{get, "/v1/alb/albtypes", "", 200},
		{get, "/v1/alb/clusters/CLUSTER", "", 200},
		{get, "/v1/alb/clusters/CLUSTER/updatepolicy", "", 200},
		{get, "/v1/datacenters/dal10/vlans", "", 200},
		{get, "/v1/kube-versions", "", 200},
		{get, "/v1/versions", "", 200},
		{get, "/v1/zones", "", 200},
		{get, "/v1/subnets", "", 200},
		{get, "/v1/subnets/vlan-spanning", "", 200},
		{get, "/v1/nlb-dns/clusters/CLUSTER/list", "", 200},
		{get, "/v2/getVersions", "", 200},
		{get, "/v2/getClusters", "", 200},
		{get, "/v2/getCluster?cluster=CLUSTER", "", 200},
		{get, "/v2/getWorker?cluster=CLUSTER&worker=WORKER", "", 200},
		{get, "/v2/classic/getCluster?cluster=CLUSTER", "", 200},
		{get, "/v2/classic/getClusters", "", 200},
		{get, "/v2/classic/getVLANs?zone=dal10", "", 200},
		{get, "/v2/classic/getWorker?cluster=CLUSTER&worker=WORKER", "", 200},
		{get, "/v2/classic/getWorkers?cluster=CLUSTER", "", 200},
		{get, "/v2/classic/getWorkerPool?cluster=CLUSTER&workerpool=edge", "", 200},
		{get, "/v2/classic/getWorkerPools?cluster=CLUSTER", "", 200},
		{get, "/v2/alb/getAlb?albID=ALB", "", 200},
		{post, "/v1/alb/albs", `{"albID":"ALB","enable":true}`, 201},
		{deleteVerb, "/v1/alb/albs/ALB?disableDeployment=true", "", 204},
		{put, "/v1/alb/clusters/CLUSTER/update", "", 200},
		{put, "/v1/alb/clusters/CLUSTER/updaterollback", "", 200},
		{put, "/v1/alb/clusters/CLUSTER/updatepolicy", `{"autoUpdate":false}`, 204},
		{post, "/v1/alb/clusters/CLUSTER/zone/dal10", `{"type":"public"}`, 201},
		{put, "/v1/clusters/CLUSTER", `{"action":"update","version":"1.36.1"}`, 204},
		{put, "/v1/clusters/CLUSTER/masters", `{"action":"refresh"}`, 204},
		{post, "/v2/refreshMaster", `{"cluster":"CLUSTER"}`, 204},
		{post, "/v1/clusters/CLUSTER/workers", `{"count":1}`, 201},
		{put, "/v1/clusters/CLUSTER/workers/WORKER", `{"action":"os_reboot"}`, 204},
		{deleteVerb, "/v1/clusters/CLUSTER/workers/WORKER", "", 204},
		{post, "/v2/removeWorker", `{"cluster":"CLUSTER","workerID":"WORKER"}`, 204},
		{post, "/v1/clusters/CLUSTER/workerpools", `{"name":"x","sizePerZone":1}`, 201},
		{patch, "/v1/clusters/CLUSTER/workerpools/edge", `{"state":"rebalancing"}`, 202},
		{deleteVerb, "/v1/clusters/CLUSTER/workerpools/edge", "", 204},
		{post, "/v1/clusters/CLUSTER/workerpools/edge/zones", `{"id":"dal13"}`, 201},
		{patch, "/v1/clusters/CLUSTER/workerpools/edge/zones/dal10", `{"privateVlan":"1","publicVlan":"2"}`, 204},
		{deleteVerb, "/v1/clusters/CLUSTER/workerpools/edge/zones/dal12", "", 202},
		{post, "/v2/rebalanceWorkerPool", `{"cluster":"CLUSTER","workerpool":"edge"}`, 204},
		{post, "/v2/removeWorkerPool", `{"cluster":"CLUSTER","workerpool":"edge"}`, 204},
		{post, "/v2/removeWorkerPoolZone", `{"cluster":"CLUSTER","workerpool":"edge","zone":"dal10"}`, 204},
		{post, "/v2/resizeWorkerPool", `{"cluster":"CLUSTER","workerpool":"edge","size":2}`, 202},
		{post, "/v2/setWorkerPoolLabels", `{"cluster":"CLUSTER","workerpool":"edge","labels":{}}`, 204},
		{post, "/v2/setWorkerPoolTaints", `{"cluster":"CLUSTER","workerpool":"edge","taints":{}}`, 204},
		{post, "/v2/setWorkerPoolOperatingSystem", `{"cluster":"CLUSTER","workerPool":"edge","operatingSystem":"UBUNTU_24_64"}`, 202},
		{post, "/v2/enableImageSecurity", `{"cluster":"CLUSTER"}`, 204},
		{deleteVerb, "/v1/clusters/CLUSTER?deleteResources=true", "", 204},
	}
	vpc := []struct {
		method, path, body string
		want               int
	}{
		{get, "/v2/vpc/getCluster?cluster=CLUSTER", "", 200},
		{get, "/v2/vpc/getClusters", "", 200},
		{get, "/v2/vpc/getWorkerPool?cluster=CLUSTER&workerpool=default", "", 200},
		{get, "/v2/vpc/getWorkers?cluster=CLUSTER&pool=default", "", 200},
		{get, "/v2/vpc/getZones", "", 200},
		{get, "/v2/vpc/getVPC?vpc=VPCID", "", 200},
		{get, "/v2/alb/getClusterAlbs?cluster=CLUSTER", "", 200},
		{get, "/v2/alb/getAlbImages", "", 200},
		{get, "/v2/alb/getStatus?cluster=CLUSTER", "", 200},
		{get, "/ingress/v2/secret/getSecrets?cluster=CLUSTER", "", 200},
		{post, "/v2/alb/vpc/enableAlb", `{"albID":"ALB"}`, 201},
		{post, "/v2/alb/vpc/disableAlb", `{"albID":"ALB"}`, 204},
		{post, "/v2/alb/vpc/createAlb", `{"cluster":"CLUSTER","type":"private","zone":"us-south-1","enableByDefault":true}`, 201},
		{post, "/v2/vpc/createWorkerPool", `{"cluster":"CLUSTER","name":"x"}`, 201},
		{post, "/v2/vpc/createWorkerPoolZone", `{"cluster":"CLUSTER","workerPoolID":"default","id":"us-south-3"}`, 201},
		{post, "/v2/applyRBAC", `{"cluster":"CLUSTER"}`, 204},
	}
	check := func(t *testing.T, s *fakeiks.Server, cluster fakeiks.Cluster, method, path, body string, want int) {
		t.Helper()
		names := strings.NewReplacer("CLUSTER", cluster.ID, "VPCID", cluster.VPCID,
			"WORKER", s.Workers(cluster.ID)[0].ID, "ALB", s.ALBs(cluster.ID)[0].ID)
		do(t, s, tokenFor(t, s, adminKey), method, names.Replace(path), names.Replace(body), want)
	}
	s := start(t, fakeiks.Options{})
	for _, row := range classic {
		t.Run("classic "+row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			cluster := add(t, s, fakeiks.Cluster{
				Kubernetes: access(), Zones: []fakeiks.Zone{{ID: "dal10"}, {ID: "dal12"}},
				Pools: []fakeiks.WorkerPool{{Name: "default", PerZone: 1}, {Name: "edge", PerZone: 1}},
			})
			check(t, s, cluster, row.method, row.path, row.body, row.want)
		})
	}
	for _, row := range vpc {
		t.Run("VPC "+row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			cluster := add(t, s, fakeiks.Cluster{Provider: fakeiks.VPC, Kubernetes: access()})
			check(t, s, cluster, row.method, row.path, row.body, row.want)
		})
	}
}

func TestRefusedActions(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	token := tokenFor(t, s, adminKey)
	tests := map[string]struct {
		method, path, body string
		want               int
	}{
		"unknown master action":  {http.MethodPut, "/v1/clusters/CLUSTER/masters", `{"action":"x"}`, 400},
		"unknown update action":  {http.MethodPut, "/v1/clusters/CLUSTER", `{"action":"x"}`, 400},
		"unsupported version":    {http.MethodPut, "/v1/clusters/CLUSTER", `{"action":"update","version":"1.2.3"}`, 400},
		"unknown worker action":  {http.MethodPut, "/v1/clusters/CLUSTER/workers/WORKER", `{"action":"x"}`, 400},
		"unknown pool state":     {http.MethodPatch, "/v1/clusters/CLUSTER/workerpools/edge", `{"state":"x"}`, 400},
		"unknown zone of a pool": {http.MethodPatch, "/v1/clusters/CLUSTER/workerpools/edge/zones/x", `{}`, 404},
		"unknown ALB type":       {http.MethodPost, "/v1/alb/clusters/CLUSTER/zone/dal10", `{"type":"x"}`, 400},
		"ALB in unknown zone":    {http.MethodPost, "/v1/alb/clusters/CLUSTER/zone/x", `{"type":"public"}`, 400},
		"disabling by enabling":  {http.MethodPost, "/v1/alb/albs", `{"albID":"ALB","enable":false}`, 400},
		"unknown ALB build":      {http.MethodPost, "/v1/alb/albs", `{"albID":"ALB","albBuild":"x"}`, 400},
		"classic ALB over VPC":   {http.MethodPost, "/v2/alb/vpc/enableAlb", `{"albID":"ALB"}`, 404},
		"neither true nor false": {http.MethodDelete, "/v1/alb/albs/ALB?disableDeployment=x", "", 400},
		"unknown VPC":            {http.MethodGet, "/v2/vpc/getVPC?vpc=x", "", 404},
		"cluster without a name": {http.MethodPost, "/v2/vpc/createCluster", `{}`, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := strings.NewReplacer("CLUSTER", cluster.ID, "WORKER", s.Workers(cluster.ID)[0].ID, "ALB", s.ALBs(cluster.ID)[0].ID)
			body := object(t, do(t, s, token, test.method, names.Replace(test.path), names.Replace(test.body), test.want))
			if text(t, body["code"]) == "" || text(t, body["incidentID"]) == "" {
				t.Errorf("body %v", body)
			}
		})
	}
}

func TestMasterUpdate(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	v1 := clientV1(t, config(s, adminKey))
	update := containerv1.ClusterUpdateParam{Action: "update", Version: "1.36.1"}
	if err := v1.Clusters().Update(cluster.ID, update, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the master has the version", func() bool {
		got, err := v1.Clusters().Find(cluster.ID, containerv1.ClusterTargetHeader{})
		return err == nil && strings.HasPrefix(got.MasterKubeVersion, "1.36.1_") && got.MasterStatus == "Ready"
	})
}

// IBM's provider asks two more services for the tags of a cluster; there are none.
func TestTagsAreAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	token := tokenFor(t, s, viewerKey)
	for _, body := range [][]byte{
		do(t, s, token, http.MethodGet, "/v3/tags?attached_to=crn:v1:x", "", http.StatusOK),
		do(t, s, token, http.MethodPost, "/v3/resources/search", `{"query":"crn:\"crn:v1:x\"","fields":["tags"]}`, http.StatusOK),
	} {
		if items, ok := object(t, body)["items"].([]any); !ok || len(items) != 0 {
			t.Errorf("got %s, want an empty list of items", body)
		}
	}
}
