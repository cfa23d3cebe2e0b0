package dataplane_test

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

const only = "only"

// packets skips a test where packets are not to be sent.
func packets(t *testing.T) {
	t.Helper()
	if os.Getenv("PACKETS") == "" {
		t.Skip("packets are sent with PACKETS=1, as `make test-packets` sets it")
	}
	if missing := dataplane.Missing(); missing != "" {
		t.Fatal("packets are asked for, and need " + missing)
	}
}

// start is a lab around one cluster of two workers in two zones.
func start(t *testing.T) (*dataplane.Lab, *dataplane.Cluster) {
	t.Helper()
	packets(t)
	sample := localiks.SampleCluster(only, fakeiks.Classic)
	sample.Pools = []fakeiks.WorkerPool{{Name: "default", PerZone: 1}}
	environment, err := localiks.Start(t.Context(), localiks.Options{Clusters: []localiks.ClusterOptions{{Cluster: sample}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Close(); err != nil {
			t.Error(err)
		}
	})
	lab, err := dataplane.Start(t.Context(), dataplane.Options{
		Environment: environment, Clusters: []string{only}, Log: t.Output(), Images: map[string]sandbox.Image{realImage: {Links: map[string]string{"/hello": "/usr/bin/echo"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab, lab.Cluster(only)
}

// Who reaches whom with IBM's default policies alone.
func TestDefaults(t *testing.T) {
	t.Parallel()
	lab, cluster := start(t)
	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	workers := cluster.Pool("default")
	for i, w := range workers {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: []string{"web-0", "web-1"}[i], Labels: map[string]string{"app": "web"}},
			Spec:       corev1.PodSpec{NodeName: w.Name, Containers: []corev1.Container{{Name: "web", Image: "web"}}},
		}
		if _, err := client.CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{
				{Name: "tcp", Protocol: corev1.ProtocolTCP, Port: 80, NodePort: 30080, TargetPort: intstr.FromInt32(8080)},
				{Name: "udp", Protocol: corev1.ProtocolUDP, Port: 80, NodePort: 30080, TargetPort: intstr.FromInt32(8080)},
			},
		},
	}
	if _, err := client.CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	address, err := cluster.LoadBalancer(t.Context(), "default", "web")
	if err != nil {
		t.Fatal(err)
	}
	var all []dataplane.Expectation
	expect := func(from *dataplane.Host, protocol string, to netip.Addr, port uint16, want dataplane.Verdict, label string) {
		all = append(all, dataplane.Expectation{
			Probe: dataplane.Probe{From: from, Protocol: protocol, To: netip.AddrPortFrom(to, port), Label: label}, Want: want,
		})
	}
	for _, from := range []*dataplane.Host{lab.Client, lab.Office} {
		expect(from, dataplane.TCP, address, 80, dataplane.Open, "the load balancer")
		expect(from, dataplane.UDP, address, 80, dataplane.Open, "the load balancer")
		for _, w := range workers {
			expect(from, dataplane.TCP, w.Public, 30080, dataplane.Open, "a node port")
			expect(from, dataplane.UDP, w.Public, 30080, dataplane.Open, "a node port")
			expect(from, dataplane.TCP, w.Public, 10250, dataplane.Dropped, "a kubelet, over the internet")
			expect(from, dataplane.TCP, w.Public, 22, dataplane.Open, "a failsafe port")
		}
	}
	first, second := workers[0], workers[1]
	expect(lab.Client, dataplane.TCP, first.Address, 10250, dataplane.Dropped, "no route from the internet")
	expect(lab.Neighbour, dataplane.TCP, first.Address, 10250, dataplane.Open, "a kubelet, over the private network")
	expect(lab.Neighbour, dataplane.TCP, first.Address, 30080, dataplane.Open, "a node port, over the private network")
	expect(lab.Neighbour, dataplane.TCP, first.Address, 30081, dataplane.Refused, "nothing there")
	expect(first.Host, dataplane.TCP, second.Address, 10250, dataplane.Open, "worker to worker")
	expect(first.Host, dataplane.TCP, cluster.Control.Address, dataplane.KonnectivityPort, dataplane.Open, "worker to master")
	if err := lab.Check(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	one, other := cluster.Pod("default/web-0"), cluster.Pod("default/web-1")
	all = nil
	expect(one, dataplane.TCP, other.Address, 8080, dataplane.Open, "pod to pod of another worker")
	expect(one, dataplane.TCP, second.Address, 10250, dataplane.Open, "pod to kubelet")
	expect(one, dataplane.TCP, lab.Client.Address, 443, dataplane.Open, "pod to the internet")
	expect(one, dataplane.UDP, lab.Neighbour.Address, 53, dataplane.Open, "pod to the private network")
	if err := lab.Check(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	if err := lab.Check(t.Context(), byName(one)...); err != nil {
		t.Fatal(err)
	}
	podsThatRun(t, cluster, client)
	// What a failure says, and that there are failures.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = lab.Check(ctx, dataplane.Expectation{
		Probe: dataplane.Probe{From: lab.Client, Protocol: dataplane.TCP, To: netip.AddrPortFrom(first.Public, 10250)}, Want: dataplane.Open,
	})
	if err == nil {
		t.Fatal("a port that policies close was found open")
	}
	for _, part := range []string{
		"client -> " + first.Public.String() + ":10250 (TCP): dropped, want open", // what failed
		"+1 filter: -A cali-from-host-endpoint",                                   // the way it took
		"default.allow-node-port-dnat",                                            // by which policies
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in the explanation:\n%s", part, err)
		}
	}
}
