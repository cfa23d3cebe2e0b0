package fakeiks_test

import (
	"net/http"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestBluemixWorksOnWorkers(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	none1, none2 := containerv1.ClusterTargetHeader{}, containerv2.ClusterTargetHeader{}

	for _, cluster := range []fakeiks.Cluster{classic, vpc} {
		all, err := v2.Workers().ListAllWorkers(cluster.ID, false, none2)
		if err != nil || len(all) != len(s.Workers(cluster.ID)) {
			t.Fatalf("%s: %d workers, %v", cluster.Provider, len(all), err)
		}
		w := all[0]
		if w.LifeCycle.ActualState != "deployed" || w.Health.State != "normal" || w.KubeVersion.Actual == "" || w.NetworkInterfaces[0].IpAddress == "" || w.Location == "" {
			t.Errorf("%s: %+v", cluster.Provider, w)
		}
	}

	worker := s.Workers(classic.ID)[0]
	for _, step := range []struct{ action, state string }{{"reload", "reloading"}, {"os_reboot", "deployed"}} {
		if err := v1.Workers().Update(classic.ID, worker.ID, containerv1.WorkerUpdateParam{Action: step.action}, none1); err != nil {
			t.Fatal(step.action, err)
		}
		eventually(t, step.action+" is done", func() bool { return s.Workers(classic.ID)[0].State == "deployed" })
	}
	if got := s.Workers(classic.ID)[0]; got.Revision != 1 || got.PrivateIP != worker.PrivateIP {
		t.Errorf("after one reload: %+v", got)
	}
	if one, err := v1.Workers().Get(worker.ID, none1); err != nil || one.PrivateIP != worker.PrivateIP || one.PublicIP != worker.PublicIP {
		t.Errorf("get: %+v, %v", one, err)
	}

	old := s.Workers(vpc.ID)[0]
	if _, err := v2.Workers().ReplaceWokerNode(vpc.ID, old.ID, none2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is replaced", func() bool {
		workers := s.Workers(vpc.ID)
		last := workers[len(workers)-1]
		return len(workers) == 4 && workers[0].ID != old.ID && last.State == "deployed" && last.PrivateIP != old.PrivateIP && last.Zone == old.Zone
	})
	_, err := v2.Workers().Get(vpc.ID, old.ID, none2)
	wantFailure(t, err, http.StatusNotFound, "worker node could not be found")
}

func TestTheCloudSideOfWorkers(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	added, err := s.AddWorker(cluster.ID, "edge", "dal10")
	if err != nil || added.State != "provisioning" {
		t.Fatal(added, err)
	}
	if n := s.Pools(cluster.ID)[1].PerZone; n != 2 {
		t.Errorf("the pool wants %d workers in each zone", n)
	}
	if err := s.SetWorkerHealth(cluster.ID, added.ID, fakeiks.HealthCritical, "Not Ready"); err != nil {
		t.Fatal(err)
	}
	v1 := clientV1(t, config(s, viewerKey))
	eventually(t, "provisioning is done", func() bool {
		w, err := v1.Workers().Get(added.ID, containerv1.ClusterTargetHeader{})
		return err == nil && w.State == "normal"
	})
	if err := s.SetWorkerHealth(cluster.ID, added.ID, fakeiks.HealthCritical, "Not Ready"); err != nil {
		t.Fatal(err)
	}
	if w, err := v1.Workers().Get(added.ID, containerv1.ClusterTargetHeader{}); err != nil || w.State != "critical" || w.Status != "Not Ready" {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := s.ReplaceWorker(cluster.ID, added.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveWorker(cluster.ID, s.Workers(cluster.ID)[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is replaced, one removed", func() bool { return len(s.Workers(cluster.ID)) == 6 })
	for what, err := range map[string]error{
		"remove":        s.RemoveWorker(cluster.ID, "x"),
		"health":        s.SetWorkerHealth(cluster.ID, "x", "", ""),
		"reload":        s.ReloadWorker("x", "x"),
		"unknown ALB":   s.SetALB(cluster.ID, "x", "", "", ""),
		"ALB elsewhere": s.SetALB("x", "x", "", "", ""),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := s.AddWorker(cluster.ID, "edge", "nowhere"); err == nil {
		t.Error("a worker in an unknown zone")
	}
}
