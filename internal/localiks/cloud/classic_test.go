package cloud_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func sample(name string, provider fakeiks.Provider, zones ...string) fakeiks.Cluster {
	spec := fakeiks.Cluster{
		Name: name, Provider: provider,
		Pools: []fakeiks.WorkerPool{{Name: "default", PerZone: 2}, {Name: "edge", PerZone: 2}},
	}
	for _, zone := range zones {
		spec.Zones = append(spec.Zones, fakeiks.Zone{ID: zone})
	}
	return spec
}

func TestClassicCluster(t *testing.T) {
	t.Parallel()
	r := newRig(t, sample("classic", fakeiks.Classic, "dal10", "dal12"), true)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"nodes look like IBM's", testNodesLookLikeIBMs},
		{"host endpoints and default policies", testCalico},
		{"pool settings reach nodes", testPoolSettingsReachNodes},
		{"workers come and go", testWorkersComeAndGo},
		{"host endpoints follow", testHostEndpointsFollow},
		{"ALBs run", testALBsRun},
		{"ALBs follow the edge when deployed", testALBsFollowTheEdgeWhenDeployed},
		{"ALB health", testALBHealth},
		{"Traefik", testTraefik},
		{"Ingresses", testIngresses},
		{"load balancer services", testServices},
		{"map of portable addresses", testVLANMap},
		{"controllers may start again", testRestart},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, r) }) {
			break
		}
	}
}

var (
	storedPolicies  = schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"}
	storedEndpoints = schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "hostendpoints"}
	policies        = schema.GroupVersionResource{Group: "projectcalico.org", Version: "v3", Resource: "globalnetworkpolicies"}
	endpoints       = schema.GroupVersionResource{Group: "projectcalico.org", Version: "v3", Resource: "hostendpoints"}
)

func (r *rig) dynamic(t *testing.T) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (r *rig) names(t *testing.T, resource schema.GroupVersionResource, selector string) []string {
	t.Helper()
	list, err := r.dynamic(t).Resource(resource).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, item := range list.Items {
		names = append(names, item.GetName())
	}
	slices.Sort(names)
	return names
}

func defaultPolicyNames() []string {
	return []string{
		"allow-all-outbound", "allow-all-private-default", "allow-bigfix-port", "allow-icmp",
		"allow-node-port-dnat", "allow-sys-mgmt", "allow-vrrp",
	}
}

func testCalico(t *testing.T, r *rig) {
	if got := r.names(t, policies, ""); !slices.Equal(got, defaultPolicyNames()) {
		t.Errorf("policies in v3: %v", got)
	}
	var stored []string
	for _, name := range defaultPolicyNames() {
		stored = append(stored, "default."+name)
	}
	if got := r.names(t, storedPolicies, ""); !slices.Equal(got, stored) {
		t.Errorf("policies as stored: %v", got)
	}
	var public, private []string
	for _, w := range r.iks.Workers(r.cluster.ID) {
		public = append(public, w.PrivateIP+"-worker-public")
		private = append(private, w.PrivateIP+"-worker-private")
	}
	slices.Sort(public)
	slices.Sort(private)
	if got := r.names(t, endpoints, "ibm.role=worker_public"); !slices.Equal(got, public) {
		t.Errorf("public host endpoints: %v, want %v", got, public)
	}
	if got := r.names(t, endpoints, "ibm.role=worker_private"); !slices.Equal(got, private) {
		t.Errorf("private host endpoints: %v, want %v", got, private)
	}
	w := r.iks.Workers(r.cluster.ID)[0]
	one, err := r.dynamic(t).Resource(endpoints).Get(t.Context(), w.PrivateIP+"-worker-public", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := json.Marshal(one.Object["spec"])
	want := fmt.Sprintf(`{"expectedIPs":[%q],"interfaceName":"eth1","node":%q}`, w.PublicIP, w.PrivateIP)
	if err != nil || string(spec) != want {
		t.Errorf("spec %s (%v), want %s", spec, err, want)
	}
}

// testHostEndpointsFollow checks the host endpoints after workers came and
// went, and what a master refresh brings back.
func testHostEndpointsFollow(t *testing.T, r *rig) {
	workers := r.iks.Workers(r.cluster.ID)
	eventually(t, "one pair of host endpoints for each worker", func() error {
		if got := r.names(t, storedEndpoints, ""); len(got) != 2*len(workers) {
			return fmt.Errorf("%d workers, host endpoints %v", len(workers), got)
		}
		return nil
	})
	victim := workers[0].PrivateIP + "-worker-public"
	if err := r.dynamic(t).Resource(storedEndpoints).Delete(t.Context(), victim, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.dynamic(t).Resource(storedPolicies).Delete(t.Context(), "default.allow-icmp", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.v1.Clusters().RefreshAPIServers(r.cluster.ID, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a master refresh brings both back", func() error {
		if !slices.Contains(r.names(t, endpoints, ""), victim) || !slices.Contains(r.names(t, policies, ""), "allow-icmp") {
			return fmt.Errorf("host endpoints %v, policies %v", r.names(t, endpoints, ""), r.names(t, policies, ""))
		}
		return nil
	})
}

// testServices sees that Services of type LoadBalancer are handed on.
func testServices(t *testing.T, r *rig) {
	services := r.kube.CoreV1().Services("default")
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "app"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	created, err := services.Create(t.Context(), service, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	called := func(call string, times int) {
		t.Helper()
		eventually(t, call, func() error {
			if got := r.lbs.count(call); got < times {
				return fmt.Errorf("%d calls, want %d", got, times)
			}
			return nil
		})
	}
	called("sync default/app", 1)
	created.Annotations = map[string]string{"touched": "now"}
	if _, err := services.Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	called("sync default/app", 2)
	if err := r.v1.Clusters().RefreshAPIServers(r.cluster.ID, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	called("sync default/app", 3)
	if err := services.Delete(t.Context(), "app", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	called("remove default/app", 1)
	if n := r.lbs.count("sync kube-system/" + r.alb(t, "public", r.cluster.Zones[0].ID).ID); n != 0 {
		t.Error("an ALB's Service was handed on")
	}
}

func testVLANMap(t *testing.T, r *rig) {
	config, err := r.kube.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(t.Context(), "ibm-cloud-provider-vlan-ip-config", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		VLANs []struct {
			ID      string
			Zone    string
			Subnets []struct {
				IPs    []string
				Public bool `json:"is_public"`
			}
		}
	}
	if err := json.Unmarshal([]byte(config.Data["vlanipmap.json"]), &content); err != nil {
		t.Fatal(err)
	}
	if len(content.VLANs) != 4 || len(content.VLANs[1].Subnets[0].IPs) != 5 || !content.VLANs[1].Subnets[0].Public ||
		!strings.HasPrefix(content.VLANs[1].Subnets[0].IPs[0], "169.") {
		t.Errorf("%+v", content)
	}
}

// testRestart runs a second set of controllers over what is there.
func testRestart(t *testing.T, r *rig) {
	before, err := r.kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.run(t)
	after, err := r.kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(after.Items) != len(before.Items) || after.Items[0].UID != before.Items[0].UID {
		t.Errorf("%d nodes before, %d after (%v)", len(before.Items), len(after.Items), err)
	}
}
