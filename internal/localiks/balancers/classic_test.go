package balancers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestClassic(t *testing.T) {
	t.Parallel()
	r := newRig(t, localiks.SampleCluster("lb-classic", fakeiks.Classic))
	for _, step := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"addresses by annotation", testAddresses},
		{"refusals", testRefusals},
		{"addresses run out and come back", testRunOut},
		{"edge nodes", testEdge},
		{"version 2.0", testIPVS},
		{"type changes", testTypeChanges},
		{"slow, never, wrong, elsewhere", testPlay},
		{"namespace is deleted", testNamespace},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, r) }) {
			break
		}
	}
}

// place is where an address is from.
func (r *rig) place(t *testing.T, address string) fakeiks.PortableAddress {
	t.Helper()
	all := r.env.IKS.PortableAddresses(r.cluster.ID)
	index := slices.IndexFunc(all, func(a fakeiks.PortableAddress) bool { return a.Address == address })
	if index < 0 {
		t.Fatalf("%q is none of the cluster's portable addresses", address)
	}
	return all[index]
}

func (r *rig) info(t *testing.T) fakeiks.Cluster {
	t.Helper()
	info, found := r.env.IKS.Cluster(r.cluster.ID)
	if !found {
		t.Fatal("the cluster is gone")
	}
	return info
}

func testAddresses(t *testing.T, r *rig) {
	zone := r.info(t).Zones[1]
	r.balancer(t, "plain", nil)
	r.balancer(t, "private", map[string]string{"ip-type": "private"})
	r.balancer(t, "zone", map[string]string{"ip-type": "private", "zone": zone.ID})
	r.balancer(t, "vlan", map[string]string{"ip-type": "private", "vlan": zone.PrivateVLAN})
	prefix := zone.PortablePrivate[0]
	wanted := strings.Replace(prefix, ".0/29", ".6", 1)
	r.balancer(t, "named", map[string]string{"ip-type": "private"}, func(s *corev1.Service) { s.Spec.LoadBalancerIP = wanted })
	for name, want := range map[string]fakeiks.PortableAddress{
		"plain": {Public: true}, "private": {}, "zone": {Zone: zone.ID}, "vlan": {VLAN: zone.PrivateVLAN}, "named": {Address: wanted},
	} {
		got := r.place(t, r.assigned(t, name))
		if got.Public != want.Public || want.Zone != "" && got.Zone != want.Zone || want.VLAN != "" && got.VLAN != want.VLAN ||
			want.Address != "" && got.Address != want.Address {
			t.Errorf("%s is at %+v, want %+v", name, got, want)
		}
		label := "privateVLAN"
		if got.Public {
			label = "publicVLAN"
		}
		r.runsOn(t, got.Address, "", map[string]string{label: got.VLAN})
	}
	s := r.service(t, "plain")
	if !slices.Contains(s.Finalizers, "service.kubernetes.io/load-balancer-cleanup") {
		t.Errorf("finalizers %v", s.Finalizers)
	}
	ip := r.address(t, "plain")
	r.remove(t, "plain", "private", "zone", "vlan", "named")
	if taken := r.taken(); len(taken) > 0 {
		t.Errorf("addresses %v are taken still", taken)
	}
	if _, _, err := r.deployed(t, ip); !apierrors.IsNotFound(err) {
		t.Errorf("deployment of %s: %v", ip, err)
	}
}

func testRefusals(t *testing.T, r *rig) {
	r.balancer(t, "first", map[string]string{"ip-type": "private"})
	taken := r.assigned(t, "first")
	r.balancer(t, "second", map[string]string{"ip-type": "private"}, func(s *corev1.Service) { s.Spec.LoadBalancerIP = taken })
	r.warned(t, "second", "CreatingCloudLoadBalancerFailed", "Requested cloud provider IP "+taken+" is not available. The following cloud provider IPs are available: ")
	if got := r.address(t, "second"); got != "" {
		t.Errorf("it got %s all the same", got)
	}
	// Another IP for a live one is refused, and nothing moves.
	r.change(t, "first", func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.0.0.9" })
	r.warned(t, "first", "UpdatingCloudLoadBalancerFailed", "Updating cloud provider IP to 10.0.0.9 is not supported")
	if got := r.address(t, "first"); got != taken {
		t.Errorf("the address is %s, was %s", got, taken)
	}
	// The kind of a live one is not looked at.
	r.change(t, "first", func(s *corev1.Service) {
		s.Spec.LoadBalancerIP = ""
		s.Annotations[notes+"ip-type"] = "public"
	})
	r.balancer(t, "after", map[string]string{"ip-type": "private"})
	r.assigned(t, "after")
	if got := r.address(t, "first"); got != taken {
		t.Errorf("the address is %s, was %s", got, taken)
	}
	class := "somebody/else"
	r.balancer(t, "classy", nil, func(s *corev1.Service) { s.Spec.LoadBalancerClass = &class })
	// The address comes back with the Service, and who waited for it gets it.
	r.remove(t, "first")
	if got := r.assigned(t, "second"); got != taken {
		t.Errorf("the second got %s, want %s", got, taken)
	}
	if got := r.service(t, "classy"); r.address(t, "classy") != "" || len(got.Finalizers) > 0 {
		t.Errorf("a Service of another class was served: %+v", got.Status)
	}
	r.remove(t, "second", "after", "classy")
}

// testRunOut takes all public addresses of a zone, then one more.
func testRunOut(t *testing.T, r *rig) {
	zone := r.info(t).Zones[0].ID
	for {
		if _, err := r.env.IKS.AllocateAddress(r.cluster.ID, zone, true, "somebody"); err != nil {
			break
		}
	}
	r.balancer(t, "late", map[string]string{"zone": zone})
	r.warned(t, "late", "CreatingCloudLoadBalancerFailed",
		"No cloud provider IPs are available to fulfill the load balancer service request. Add a portable subnet to the cluster and try again.")
	if err := r.env.IKS.AddPortableSubnet(r.cluster.ID, zone, "169.254.7.8/29", true); err != nil {
		t.Fatal(err)
	}
	if got := r.assigned(t, "late"); got != "169.254.7.10" {
		t.Errorf("it got %s", got)
	}
	eventually(t, "the map of portable addresses has the new subnet", func() error {
		config, err := r.kube.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "ibm-cloud-provider-vlan-ip-config", metav1.GetOptions{})
		if err == nil && !strings.Contains(config.Data["vlanipmap.json"], "169.254.7.10") {
			err = fmt.Errorf("%s", config.Data["vlanipmap.json"])
		}
		return err
	})
	r.remove(t, "late")
	for _, a := range r.env.IKS.PortableAddresses(r.cluster.ID) {
		if a.Owner == "somebody" {
			r.env.IKS.ReleaseAddress(r.cluster.ID, a.Address)
		}
	}
}

// testEdge labels nodes and touches the Service.
func testEdge(t *testing.T, r *rig) {
	zone := r.info(t).Zones[0]
	r.balancer(t, "edgy", map[string]string{"ip-type": "private", "zone": zone.ID})
	ip := r.assigned(t, "edgy")
	where := map[string]string{"privateVLAN": zone.PrivateVLAN}
	r.runsOn(t, ip, "", where)
	label := func(value any) {
		t.Helper()
		for _, w := range r.env.IKS.Workers(r.cluster.ID) {
			if w.PoolName == "edge" {
				r.label(t, w.PrivateIP, value)
			}
		}
	}
	touch := func(value string) {
		t.Helper()
		r.change(t, "edgy", func(s *corev1.Service) { s.Annotations["touched"] = value })
	}
	label("edge")
	d, _, err := r.deployed(t, ip)
	if err != nil || demands(d)["dedicated"] != "" {
		t.Errorf("the label alone moves it (%v)", err)
	}
	touch("once")
	r.runsOn(t, ip, "edge", map[string]string{"privateVLAN": zone.PrivateVLAN, "dedicated": "edge"})
	label(nil)
	touch("twice")
	r.runsOn(t, ip, "", where)
	r.remove(t, "edgy")
}

// label sets the label "dedicated" of a node, nil removes it.
func (r *rig) label(t *testing.T, node string, value any) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{"dedicated": value}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.kube.CoreV1().Nodes().Patch(t.Context(), node, "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func testIPVS(t *testing.T, r *rig) {
	r.balancer(t, "two", map[string]string{"ip-type": "private", "enable-features": "ipvs"})
	r.warned(t, "two", "CreatingCloudLoadBalancerFailed", "Set 'externalTrafficPolicy' to 'Local', and try again.")
	r.change(t, "two", func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal })
	ip := r.assigned(t, "two")
	client, err := dynamic.NewForConfig(r.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	name := "default.allow-lb-a" + strings.ReplaceAll(string(r.service(t, "two").UID), "-", "")[:31]
	policies := client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"})
	policy, err := policies.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(policy.Object["spec"])
	want := `{"applyOnForward":true,"doNotTrack":true,"ingress":[{"action":"Allow","destination":{"nets":["` + ip + `/32"],"ports":[80]},` +
		`"protocol":"TCP","source":{}}],"order":1100,"selector":"ibm.role in { 'worker_private' }","tier":"default","types":["Ingress"]}`
	if err != nil || string(got) != want {
		t.Errorf("policy %s (%v), want %s", got, err, want)
	}
	r.remove(t, "two")
	if _, err := policies.Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the policy is left: %v", err)
	}
}

// testTypeChanges makes a Service of another type, and back.
func testTypeChanges(t *testing.T, r *rig) {
	r.balancer(t, "turning", map[string]string{"ip-type": "private"})
	r.assigned(t, "turning")
	r.change(t, "turning", func(s *corev1.Service) {
		s.Spec.Type = corev1.ServiceTypeClusterIP
		s.Spec.Ports[0].NodePort = 0
	})
	eventually(t, "the load balancer goes", func() error {
		s := r.service(t, "turning")
		if len(s.Status.LoadBalancer.Ingress) > 0 || len(s.Finalizers) > 0 || len(r.taken()) > 0 {
			return fmt.Errorf("status %v, finalizers %v, addresses %v", s.Status, s.Finalizers, r.taken())
		}
		return nil
	})
	r.change(t, "turning", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer })
	r.assigned(t, "turning")
	r.remove(t, "turning")
}
