package fakeiks_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const poolIDLabel = "ibm-cloud.kubernetes.io/worker-pool-id"

// ownLabels drops the system's labels from what the API reads back.
func ownLabels(t *testing.T, labels map[string]string) map[string]string {
	t.Helper()
	if labels[poolIDLabel] == "" {
		t.Errorf("labels %v lack the system's", labels)
	}
	own := maps.Clone(labels)
	delete(own, poolIDLabel)
	return own
}

func TestLabelsAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	edge := map[string]string{"dedicated": "edge"}

	err := v2.WorkerPools().UpdateWorkerPoolLabels(containerv2.SetWorkerPoolLabelsRequest{Cluster: classic.ID, WorkerPool: "edge", Labels: edge}, containerv2.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v1.WorkerPools().GetWorkerPool(classic.Name, "edge", containerv1.ClusterTargetHeader{})
	if err != nil || !maps.Equal(ownLabels(t, got.Labels), edge) {
		t.Errorf("classic, at once: %v, %v", got.Labels, err)
	}
	other := map[string]string{"other": "one"}
	for _, cluster := range []fakeiks.Cluster{classic, vpc} {
		if err := v1.WorkerPools().UpdateLabelsWorkerPool(cluster.ID, "default", other, containerv1.ClusterTargetHeader{}); err != nil {
			t.Fatalf("v1 PATCH on %s: %v", cluster.Provider, err)
		}
		for _, pool := range s.Pools(cluster.ID) {
			if pool.Name == "default" && !maps.Equal(pool.Labels, other) {
				t.Errorf("%s: %v", cluster.Provider, pool.Labels)
			}
		}
	}
	err = v2.WorkerPools().UpdateWorkerPoolLabels(containerv2.SetWorkerPoolLabelsRequest{Cluster: vpc.ID, WorkerPool: "default", Labels: map[string]string{}}, containerv2.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
	cleared, err := v2.WorkerPools().GetWorkerPool(vpc.ID, "default", containerv2.ClusterTargetHeader{})
	if err != nil || len(ownLabels(t, cleared.Labels)) != 0 {
		t.Errorf("cleared: %v, %v", cleared.Labels, err)
	}
}

func TestTaintsAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v2 := clientV2(t, config(s, adminKey))
	token := tokenFor(t, s, viewerKey)
	for _, cluster := range []fakeiks.Cluster{classic, vpc} {
		for _, taints := range []map[string]string{{"a": "1:NoSchedule", "b": ":PreferNoSchedule"}, {"dedicated": "edge:NoExecute"}, {}} {
			err := v2.WorkerPools().UpdateWorkerPoolTaints(containerv2.WorkerPoolTaintRequest{Cluster: cluster.ID, WorkerPool: "default", Taints: taints}, containerv2.ClusterTargetHeader{})
			if err != nil {
				t.Fatal(err)
			}
			raw := do(t, s, token, http.MethodGet, "/v2/getWorkerPool?workerpool=default&cluster="+cluster.Name, "", http.StatusOK)
			var pool containerv2.GetWorkerPoolResponse
			if err := json.Unmarshal(raw, &pool); err != nil || !maps.Equal(pool.Taints, taints) {
				t.Errorf("%s: %v, want %v (%v)", cluster.Provider, pool.Taints, taints, err)
			}
		}
	}
}

func TestPoolRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	token := tokenFor(t, s, adminKey)
	tests := map[string]struct {
		path, body string
		wantStatus int
		wantCode   string
	}{
		"taint without effect":       {path: "/v2/setWorkerPoolTaints", body: `{"cluster":"CLUSTER","workerpool":"edge","taints":{"dedicated":"edge"}}`, wantStatus: 400},
		"taint with unknown effect":  {path: "/v2/setWorkerPoolTaints", body: `{"cluster":"CLUSTER","workerpool":"edge","taints":{"dedicated":"edge:Never"}}`, wantStatus: 400},
		"taint with a bad key":       {path: "/v2/setWorkerPoolTaints", body: `{"cluster":"CLUSTER","workerpool":"edge","taints":{"-":"edge:NoExecute"}}`, wantStatus: 400},
		"label with a bad value":     {path: "/v2/setWorkerPoolLabels", body: `{"cluster":"CLUSTER","workerpool":"edge","labels":{"a":"-"}}`, wantStatus: 400},
		"label of the system":        {path: "/v2/setWorkerPoolLabels", body: `{"cluster":"CLUSTER","workerpool":"edge","labels":{"ibm-cloud.kubernetes.io/x":"y"}}`, wantStatus: 400},
		"labels of unknown pool":     {path: "/v2/setWorkerPoolLabels", body: `{"cluster":"CLUSTER","workerpool":"x","labels":{}}`, wantStatus: 404},
		"labels of unknown cluster":  {path: "/v2/setWorkerPoolLabels", body: `{"cluster":"x","workerpool":"edge","labels":{}}`, wantStatus: 404, wantCode: "E0008"},
		"pool of an existing name":   {path: "/v1/clusters/CLUSTER/workerpools", body: `{"name":"edge","sizePerZone":1}`, wantStatus: 409, wantCode: "E0d39"},
		"pool without a name":        {path: "/v1/clusters/CLUSTER/workerpools", body: `{}`, wantStatus: 400},
		"VPC pool in a classic one":  {path: "/v2/vpc/createWorkerPool", body: `{"cluster":"CLUSTER","name":"x"}`, wantStatus: 404, wantCode: "E0008"},
		"size beyond reason":         {path: "/v2/resizeWorkerPool", body: `{"cluster":"CLUSTER","workerpool":"edge","size":5000}`, wantStatus: 400},
		"a zone that is there":       {path: "/v1/clusters/CLUSTER/workerpools/edge/zones", body: `{"id":"dal10"}`, wantStatus: 409},
		"removing an unknown zone":   {path: "/v2/removeWorkerPoolZone", body: `{"cluster":"CLUSTER","workerpool":"edge","zone":"x"}`, wantStatus: 404},
		"operating system, not said": {path: "/v2/setWorkerPoolOperatingSystem", body: `{"cluster":"CLUSTER","workerPool":"edge"}`, wantStatus: 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replace := func(text string) string { return strings.ReplaceAll(text, "CLUSTER", cluster.ID) }
			got := object(t, do(t, s, token, http.MethodPost, replace(test.path), replace(test.body), test.wantStatus))
			if text(t, got["description"]) == "" || test.wantCode != "" && got["code"] != test.wantCode {
				t.Errorf("body %v", got)
			}
		})
	}
	pools := s.Pools(cluster.ID)
	if len(pools) != 2 || !maps.Equal(pools[1].Labels, map[string]string{"team": "net"}) || len(pools[1].Taints) != 0 {
		t.Errorf("something changed: %+v", pools)
	}
}

func TestPoolsComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	none1, none2 := containerv1.ClusterTargetHeader{}, containerv2.ClusterTargetHeader{}

	made, err := v1.WorkerPools().CreateWorkerPool(classic.ID, containerv1.WorkerPoolRequest{WorkerPoolConfig: containerv1.WorkerPoolConfig{Name: "extra", Size: 1, MachineType: "b3c.8x32"}}, none1)
	if err != nil || made.ID == "" {
		t.Fatal(made, err)
	}
	crypted, err := v1.WorkerPools().CreateWorkerPool(classic.ID, containerv1.WorkerPoolRequest{
		WorkerPoolConfig: containerv1.WorkerPoolConfig{Name: "crypted", MachineType: "b3c.8x32"}, DiskEncryption: true,
	}, none1)
	if err != nil {
		t.Fatal(err)
	}
	if crypted.MachineType != "b3c.8x32.encrypted" {
		t.Errorf("a pool with encrypted disks has machine type %s", crypted.MachineType)
	}
	if err := v1.WorkerPools().DeleteWorkerPool(classic.ID, crypted.ID, none1); err != nil {
		t.Fatal(err)
	}
	if n := poolWorkers(s, classic.ID, "extra"); n != 0 {
		t.Errorf("%d workers without a zone", n)
	}
	if err := v1.WorkerPools().AddZone(classic.ID, made.ID, containerv1.WorkerPoolZone{ID: "dal13", WorkerPoolZoneNetwork: containerv1.WorkerPoolZoneNetwork{PrivateVLAN: "77"}}, none1); err != nil {
		t.Fatal(err)
	}
	workers, err := v1.Workers().ListByWorkerPool(classic.ID, "extra", false, none1)
	if err != nil || len(workers) != 1 || workers[0].PublicIP != "" || workers[0].PrivateVlan != "77" {
		t.Errorf("one worker, in the private zone: %+v, %v", workers, err)
	}
	eventually(t, "the worker is ready", func() bool {
		workers, err := v1.Workers().ListByWorkerPool(classic.ID, "extra", false, none1)
		return err == nil && len(workers) == 1 && workers[0].State == "normal" && workers[0].Status == "Ready"
	})
	if err := v1.WorkerPools().ResizeWorkerPool(classic.ID, "extra", 3, none1); err != nil {
		t.Fatal(err)
	}
	if n := poolWorkers(s, classic.ID, "extra"); n != 3 {
		t.Errorf("%d workers after the resize to 3", n)
	}
	if err := v1.WorkerPools().DeleteWorkerPool(classic.ID, "extra", none1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pool's workers are gone", func() bool { return poolWorkers(s, classic.ID, "extra") == 0 })
	_, err = v1.WorkerPools().GetWorkerPool(classic.ID, "extra", none1)
	wantFailure(t, err, http.StatusNotFound, "The specified worker pool could not be found")
	deleted, err := v1.Workers().ListByWorkerPool(classic.ID, "", true, none1)
	if err != nil || !slices.ContainsFunc(deleted, func(w containerv1.Worker) bool { return w.State == "deleted" && w.ReasonForDelete != "" }) {
		t.Errorf("deleted workers are not shown: %v, %v", deleted, err)
	}

	request := containerv2.WorkerPoolRequest{Cluster: vpc.ID, CommonWorkerPoolConfig: containerv2.CommonWorkerPoolConfig{
		Name: "edge", WorkerCount: 2, Zones: []containerv2.Zone{{ID: "us-south-1"}}, Labels: map[string]string{"dedicated": "edge"},
	}}
	pool, err := v2.WorkerPools().CreateWorkerPool(request, none2)
	if err != nil {
		t.Fatal(err)
	}
	if err := v2.WorkerPools().CreateWorkerPoolZone(containerv2.WorkerPoolZone{Cluster: vpc.ID, Id: "us-south-3", SubnetID: "0727-x", WorkerPoolID: pool.ID}, none2); err != nil {
		t.Fatal(err)
	}
	list, err := v2.WorkerPools().ListWorkerPools(vpc.Name, none2)
	if err != nil || len(list) != 2 || list[1].PoolName != "edge" || len(list[1].Zones) != 2 || list[1].Zones[1].Subnets[0].ID != "0727-x" {
		t.Errorf("pools %+v, %v", list, err)
	}
	if err := v2.WorkerPools().ResizeWorkerPool(containerv2.ResizeWorkerPoolReq{Cluster: vpc.ID, Workerpool: "edge", Size: 1}, none2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pool shrinks", func() bool { return poolWorkers(s, vpc.ID, "edge") == 2 })
}

func poolWorkers(s *fakeiks.Server, cluster, pool string) int {
	n := 0
	for _, w := range s.Workers(cluster) {
		if w.PoolName == pool {
			n++
		}
	}
	return n
}
