package fakeiks_test

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestClusterIsFilledIn(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	for name, cluster := range map[string]fakeiks.Cluster{"classic": addClassic(t, s), "vpc": addVPC(t, s)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !regexp.MustCompile(`^c[0-9a-v]{19}$`).MatchString(cluster.ID) {
				t.Errorf("ID %q", cluster.ID)
			}
			workers := s.Workers(cluster.ID)
			if want := map[string]int{"classic": 6, "vpc": 4}[name]; len(workers) != want {
				t.Fatalf("%d workers, want %d", len(workers), want)
			}
			if !regexp.MustCompile(`^kube-` + cluster.ID + `-[a-z0-9]{1,11}-default-0000000[1-9]$`).MatchString(workers[0].ID) {
				t.Errorf("worker ID %q", workers[0].ID)
			}
			addresses := map[string]bool{}
			for _, w := range workers {
				if w.State != "deployed" || w.Health != fakeiks.HealthNormal || addresses[w.PrivateIP] || w.PrivateIP == "" {
					t.Errorf("worker %+v", w)
				}
				addresses[w.PrivateIP] = true
				if hasPublic := w.PublicIP != ""; hasPublic != (name == "classic") {
					t.Errorf("public IP %q", w.PublicIP)
				}
			}
			ids := []string{}
			for _, a := range s.ALBs(cluster.ID) {
				ids = append(ids, a.ID)
				if a.Enabled != (a.Type == "public") {
					t.Errorf("ALB %s: enabled %v", a.ID, a.Enabled)
				}
			}
			want := []string{
				"private-cr" + cluster.ID + "-alb1", "public-cr" + cluster.ID + "-alb1",
				"private-cr" + cluster.ID + "-alb2", "public-cr" + cluster.ID + "-alb2",
			}
			if !slices.Equal(ids, want) {
				t.Errorf("ALBs %v, want %v", ids, want)
			}
		})
	}
}

func TestSnapshotsAreCopies(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	id := addClassic(t, s).ID
	copied, _ := s.Cluster(id)
	copied.Pools[0].Labels["mine"] = "x"
	copied.Zones[0].PortablePublic[0] = "x"
	copied.Kubernetes.CA[0] = 'X'
	again, _ := s.Cluster(id)
	if again.Pools[0].Labels["mine"] != "" || again.Zones[0].PortablePublic[0] == "x" || again.Kubernetes.CA[0] == 'X' {
		t.Error("a change of the copy reached the server")
	}
}

func TestBluemixFindsClusters(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v1, v2 := clientV1(t, config(s, viewerKey)), clientV2(t, config(s, viewerKey))

	list1, err := v1.Clusters().List(containerv1.ClusterTargetHeader{})
	if err != nil || len(list1) != 1 || list1[0].ID != classic.ID || list1[0].WorkerCount != 6 {
		t.Errorf("v1 list: %v, %v", list1, err)
	}
	list2, err := v2.Clusters().List(containerv2.ClusterTargetHeader{})
	if err != nil || len(list2) != 1 || list2[0].ID != vpc.ID {
		t.Errorf("v2 list: %v, %v", list2, err)
	}
	list2, err = v2.Clusters().List(containerv2.ClusterTargetHeader{Provider: "vpc-gen2"})
	if err != nil || len(list2) != 1 {
		t.Errorf("v2 list of vpc-gen2: %v, %v", list2, err)
	}

	found1, err := v1.Clusters().Find("classic-one", containerv1.ClusterTargetHeader{})
	if err != nil || found1.ID != classic.ID || found1.ServerURL != "https://127.0.0.1:6443" || found1.MasterStatus != "Ready" || found1.State != "normal" {
		t.Errorf("v1 find by name: %+v, %v", found1, err)
	}
	if len(found1.Vlans) != 4 || len(found1.Vlans[0].Subnets) != 1 || len(found1.Vlans[0].Subnets[0].Ips) != 5 || found1.Vlans[0].Subnets[0].IsPublic {
		t.Errorf("VLANs: %+v", found1.Vlans)
	}
	for _, name := range []string{classic.ID, classic.Name} {
		got, err := v2.Clusters().GetCluster(name, containerv2.ClusterTargetHeader{})
		if err != nil || got.ID != classic.ID || got.Provider != "classic" || !got.PublicServiceEndpointEnabled || got.ServiceEndpoints.PublicServiceEndpointEnabled {
			t.Errorf("v2 get of a classic cluster keeps endpoints at the top: %+v, %v", got, err)
		}
	}
	got, err := v2.Clusters().GetCluster(vpc.Name, containerv2.ClusterTargetHeader{})
	if err != nil || got.ServerURL != "" || got.MasterURL == "" || !got.ServiceEndpoints.PublicServiceEndpointEnabled || got.PublicServiceEndpointEnabled ||
		got.VirtualPrivateEndpointURL == "" || len(got.Vpcs) != 1 || got.Lifecycle.MasterStatus != "Ready" || got.Ingress.HostName == "" || len(got.WorkerZones) != 2 {
		t.Errorf("v2 get of a VPC cluster: %+v, %v", got, err)
	}
	either, err := v1.Clusters().FindWithOutShowResourcesCompatible(vpc.ID, containerv1.ClusterTargetHeader{})
	if err != nil || either.ServerURL == "" {
		t.Errorf("v1 find, compatible: %+v, %v", either, err)
	}
	owner, err := v1.Apikeys().GetApiKeyInfo(classic.ID, containerv1.ClusterTargetHeader{})
	if err != nil || owner.ID == "" {
		t.Errorf("key owner: %v, %v", owner, err)
	}
}

func TestUnknownClusterIsE0008(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	_, err := v2.Clusters().GetCluster("nosuch", containerv2.ClusterTargetHeader{})
	wantFailure(t, err, http.StatusNotFound, "E0008")
	_, err = v1.Clusters().Find("nosuch", containerv1.ClusterTargetHeader{})
	wantFailure(t, err, http.StatusNotFound, "The specified cluster could not be found")
	_, err = v2.Clusters().GetCluster(cluster.ID, containerv2.ClusterTargetHeader{ResourceGroup: "another"})
	wantFailure(t, err, http.StatusNotFound, "E0008")
	_, err = v1.Clusters().Find(cluster.ID, containerv1.ClusterTargetHeader{})
	wantFailure(t, err, http.StatusNotFound, "E0008") // v1 does not serve VPC
	if !s.RemoveCluster(cluster.Name) || s.RemoveCluster(cluster.Name) {
		t.Error("the cluster can be removed once")
	}
	_, err = v2.Clusters().GetCluster(cluster.ID, containerv2.ClusterTargetHeader{})
	wantFailure(t, err, http.StatusNotFound, "E0008")
}

func TestDeleteAndRefreshMaster(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	v1 := clientV1(t, config(s, adminKey))
	if err := v1.Clusters().RefreshAPIServers(cluster.Name, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	if now, _ := s.Cluster(cluster.ID); now.MasterRevision != 1 {
		t.Errorf("master revision %d", now.MasterRevision)
	}
	eventually(t, "the master is ready again", func() bool {
		got, err := v1.Clusters().Find(cluster.ID, containerv1.ClusterTargetHeader{})
		return err == nil && got.MasterStatus == "Ready"
	})
	if err := v1.Clusters().Delete(cluster.ID, containerv1.ClusterTargetHeader{}, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is gone", func() bool {
		_, found := s.Cluster(cluster.ID)
		return !found
	})
}

func TestCreateClusters(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{Access: func(fakeiks.Cluster) (fakeiks.Access, error) { return access(), nil }})
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	classic, err := v1.Clusters().Create(containerv1.ClusterCreateRequest{
		Name: "made-classic", Datacenter: "dal13", PublicVlan: "1", PrivateVlan: "2", WorkerNum: 2, PublicEndpointEnabled: true,
	}, containerv1.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
	request := containerv2.ClusterCreateRequest{Name: "made-vpc", WorkerPools: containerv2.WorkerPoolConfig{
		CommonWorkerPoolConfig: containerv2.CommonWorkerPoolConfig{WorkerCount: 1, Zones: []containerv2.Zone{{ID: "us-south-3"}}},
	}}
	vpc, err := v2.Clusters().Create(request, containerv2.ClusterTargetHeader{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v2.Clusters().Create(request, containerv2.ClusterTargetHeader{})
	wantFailure(t, err, http.StatusConflict, "same name")
	for _, id := range []string{classic.ID, vpc.ID} {
		eventually(t, "cluster "+id+" is normal with its workers", func() bool {
			got, err := v2.Clusters().GetCluster(id, containerv2.ClusterTargetHeader{})
			if err != nil || got.State != "normal" {
				return false
			}
			return !slices.ContainsFunc(s.Workers(id), func(w fakeiks.Worker) bool { return w.State != "deployed" })
		})
	}
}

func TestVersionsNetworksAndDNS(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	classic, vpc := addClassic(t, s), addVPC(t, s)
	v1, v2 := clientV1(t, config(s, viewerKey)), clientV2(t, config(s, viewerKey))
	versions, err := v1.KubeVersions().List(containerv1.ClusterTargetHeader{})
	if err != nil || !slices.ContainsFunc(versions, func(v containerv1.KubeVersion) bool { return v.Default }) {
		t.Errorf("kube-versions: %v, %v", versions, err)
	}
	all, err := v1.KubeVersions().ListV1(containerv1.ClusterTargetHeader{})
	if err != nil || len(all["kubernetes"]) != len(versions) {
		t.Errorf("versions: %v, %v", all, err)
	}
	subnets, err := v1.Subnets().List(containerv1.ClusterTargetHeader{}, "dal10")
	if err != nil || len(subnets) != 2 {
		t.Errorf("subnets: %v, %v", subnets, err)
	}
	vlans, err := v1.Vlans().List("dal12", containerv1.ClusterTargetHeader{})
	if err != nil || len(vlans) != 2 {
		t.Errorf("VLANs: %v, %v", vlans, err)
	}
	gen2 := containerv2.ClusterTargetHeader{Provider: "vpc-gen2"}
	vpcs, err := v2.VPCs().ListVPCs(gen2)
	if err != nil || len(vpcs) != 1 || vpcs[0].ID != vpc.VPCID {
		t.Errorf("VPCs: %v, %v", vpcs, err)
	}
	vpcSubnets, err := v2.Subnets().ListSubnets(vpc.VPCID, "us-south-1", gen2)
	if err != nil || len(vpcSubnets) != 1 || vpcSubnets[0].ID != vpc.Zones[0].SubnetID {
		t.Errorf("VPC subnets: %v, %v", vpcSubnets, err)
	}
	for _, cluster := range []fakeiks.Cluster{classic, vpc} {
		dns, err := v2.NlbDns().GetNLBDNSList(cluster.ID)
		if err != nil || len(dns) != 1 || dns[0].Nlb.Cluster != cluster.ID || dns[0].SecretName == "" {
			t.Errorf("NLB DNS of %s: %+v, %v", cluster.Provider, dns, err)
		}
	}
}
