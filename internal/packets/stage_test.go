package packets

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

const (
	clusterName      = "here"
	otherClusterName = "there"
	namespace        = "default"
	ipType           = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"
)

// stage is the environment that all scenarios play in: a cluster with two
// workers and two edge workers, a pod on each, and services in front of them,
// and another cluster of the account with two workers and a pod on each.
type stage struct {
	environment *localiks.Environment
	lab         *dataplane.Lab
	cluster     *dataplane.Cluster
	other       *dataplane.Cluster
	balancers   map[where]netip.Addr
	spare       netip.Addr // a portable public address of the cluster that nothing has
	proxy       []string   // environment in which IBM's chart repository is played
}

// newStage builds it, of clusters with or without projectcalico.org/v3.
func newStage(t *testing.T, calicoAPI bool) *stage {
	t.Helper()
	asked(t)
	sample := localiks.SampleCluster(clusterName, fakeiks.Classic)
	sample.Zones = sample.Zones[:1]
	other := fakeiks.Cluster{
		Name: otherClusterName, Provider: fakeiks.Classic, Zones: []fakeiks.Zone{{ID: "dal10"}}, NoALBs: true,
		Pools: []fakeiks.WorkerPool{{Name: "default", PerZone: 2}},
	}
	s := &stage{
		environment: acctest.OwnEnvironment(t, localiks.Options{Clusters: []localiks.ClusterOptions{
			{Cluster: sample, DualStack: true, WithoutCalicoAPI: !calicoAPI},
			{Cluster: other, WithoutCalicoAPI: !calicoAPI},
		}}),
		balancers: map[where]netip.Addr{},
	}
	var err error
	s.lab, err = dataplane.Start(t.Context(), dataplane.Options{
		Environment: s.environment, Clusters: []string{clusterName, otherClusterName}, Log: t.Output(),
		Images: map[string]sandbox.Image{busyboxImage: busybox(), strongswanImage: {}, charts.StrongSwanImage: charts.StrongSwanPrograms()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.lab.Close(); err != nil {
			t.Error(err)
		}
	})
	s.cluster, s.other = s.lab.Cluster(clusterName), s.lab.Cluster(otherClusterName)
	for _, cluster := range []*dataplane.Cluster{s.cluster, s.other} {
		apps(t, cluster)
	}
	s.services(t)
	s.repository(t)
	s.spare = s.lastPortable(t)
	for _, w := range s.cluster.Workers { // daemons in the host's network
		if err := errors.Join(w.Serve(t.Context(), dataplane.TCP, hostPort), w.Serve(t.Context(), dataplane.UDP, metricsPort)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// apps makes a pod on each worker of a cluster and waits until it is connected.
func apps(t *testing.T, cluster *dataplane.Cluster) {
	t.Helper()
	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range cluster.Workers {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: cluster.Name + "-app-" + w.ID[len(w.ID)-8:], Labels: map[string]string{"app": "app"}},
			Spec: corev1.PodSpec{NodeName: w.Name, Containers: []corev1.Container{{
				Name: "app", Image: "app", Ports: []corev1.ContainerPort{{ContainerPort: 8080}, {ContainerPort: 8080, Protocol: corev1.ProtocolUDP}},
			}}},
		}
		if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	acctest.Eventually(t, "the pods are connected", func() error {
		if there, want := len(cluster.Pods(namespace)), len(cluster.Workers); there != want {
			return fmt.Errorf("%d of %d", there, want)
		}
		return nil
	})
}

// services makes those in front of the pods.
func (s *stage) services(t *testing.T) {
	t.Helper()
	client, err := kubernetes.NewForConfig(s.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	both := corev1.IPFamilyPolicyPreferDualStack
	nodes := service("nodes", corev1.ServiceTypeNodePort, "", 1, nodePorts...)
	nodes.Spec.IPFamilyPolicy = &both
	aside := service("aside", corev1.ServiceTypeNodePort, "", 1, 31081)
	for i := range aside.Spec.Ports {
		aside.Spec.Ports[i].TargetPort = intstr.FromInt32(8081)
	}
	for _, service := range []*corev1.Service{
		nodes, aside,
		service("web", corev1.ServiceTypeLoadBalancer, "public", 0, append([]uint16{80}, beside...)...),
		service("database", corev1.ServiceTypeLoadBalancer, "public", 0, 27017, 22),
		service("vpn", corev1.ServiceTypeLoadBalancer, "public", 0, vpnPorts...),
		service("internal", corev1.ServiceTypeLoadBalancer, "private", 0, 80),
	} {
		if _, err := client.CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for place, name := range map[where]string{web: "web", database: "database", vpn: "vpn", internal: "internal"} {
		if s.balancers[place], err = s.cluster.LoadBalancer(t.Context(), namespace, name); err != nil {
			t.Fatal(err)
		}
	}
}

// repository plays IBM's, with the chart that stands in for IBM's.
func (s *stage) repository(t *testing.T) {
	t.Helper()
	versions, err := charts.StrongSwanVersions()
	if err != nil {
		t.Fatal(err)
	}
	server := charts.Start(charts.Options{}, versions...)
	t.Cleanup(server.Close)
	world, err := charts.StartWorld("https://icr.io/helm/iks-charts", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	trust := filepath.Join(t.TempDir(), "trust.pem")
	if err := os.WriteFile(trust, world.CACertificates(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.proxy = world.Env(trust)
}

// lastPortable is the last usable one of the cluster's portable public addresses,
// which are given away from the first on.
func (s *stage) lastPortable(t *testing.T) netip.Addr {
	t.Helper()
	info, _ := s.environment.IKS.Cluster(s.cluster.ID)
	subnet, err := netip.ParsePrefix(info.Zones[0].PortablePublic[0])
	if err != nil {
		t.Fatal(err)
	}
	last := subnet.Addr()
	for subnet.Contains(last.Next().Next()) {
		last = last.Next()
	}
	return last
}

// service is one in front of all pods, TCP and UDP. Its ports are node ports as
// well, or those of a load balancer without any.
func service(name string, kind corev1.ServiceType, side string, nodePort int32, ports ...uint16) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Type: kind, Selector: map[string]string{"app": "app"}},
	}
	if kind == corev1.ServiceTypeLoadBalancer {
		s.Annotations = map[string]string{ipType: side}
		none := false
		s.Spec.AllocateLoadBalancerNodePorts = &none
	}
	for _, number := range ports {
		for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{
				Name: fmt.Sprintf("p%d-%s", number, map[corev1.Protocol]string{corev1.ProtocolTCP: "tcp", corev1.ProtocolUDP: "udp"}[protocol]),
				Port: int32(number), NodePort: nodePort * int32(number), Protocol: protocol, TargetPort: intstr.FromInt32(8080),
			})
		}
	}
	return s
}

// hosts are who sends.
func (s *stage) hosts(from who) []*dataplane.Host {
	switch from {
	case client:
		return []*dataplane.Host{s.lab.Client}
	case office:
		return []*dataplane.Host{s.lab.Office}
	case neighbour:
		return []*dataplane.Host{s.lab.Neighbour}
	case otherNeighbour:
		return []*dataplane.Host{s.lab.OtherNeighbour}
	case worker:
		return []*dataplane.Host{s.cluster.Pool("default")[0].Host}
	case pod:
		return s.cluster.Pods(namespace)[:1]
	}
	return nil
}

// addresses are where probes go.
func (s *stage) addresses(to where) []netip.Addr {
	all := slices.Concat(s.cluster.Pool("default"), s.cluster.Pool("edge"))
	public := func(list []*dataplane.Worker) (addresses []netip.Addr) {
		for _, w := range list {
			addresses = append(addresses, w.Public)
		}
		return addresses
	}
	private := func(list []*dataplane.Worker) (addresses []netip.Addr) {
		for _, w := range list {
			addresses = append(addresses, w.Address)
		}
		return addresses
	}
	var list []netip.Addr
	switch to {
	case workers:
		return public(all)
	case othersWorkers:
		return public(s.other.Pool("default"))
	case edge:
		return public(s.cluster.Pool("edge"))
	case others:
		return public(s.cluster.Pool("default"))
	case first:
		return public(all[:1])
	case rest:
		return public(all[1:])
	case workersPrivate:
		return private(all)
	case edgePrivate:
		return private(s.cluster.Pool("edge"))
	case othersPrivate:
		return private(s.cluster.Pool("default"))
	case workersIPv6:
		for _, w := range all {
			list = append(list, w.PrivateIPv6())
		}
	case workersIPv6Out:
		for _, w := range all {
			list = append(list, w.PublicIPv6())
		}
	case web, database, vpn, internal:
		list = append(list, s.balancers[to])
	case albs:
		for _, alb := range s.environment.IKS.ALBs(s.cluster.ID) {
			if address, err := netip.ParseAddr(alb.Address); err == nil && alb.Enabled && alb.Type == "public" {
				list = append(list, address)
			}
		}
	case master:
		list = append(list, s.cluster.Control.Address, s.cluster.Control.Public)
	case masterPrivate:
		list = append(list, s.cluster.Control.Address)
	case masterPublic:
		list = append(list, s.cluster.Control.Public)
	case server:
		list = append(list, s.lab.Neighbour.Address)
	case pods:
		for _, p := range s.cluster.Pods(namespace) {
			if strings.HasPrefix(p.Name, clusterName+"-app-") {
				list = append(list, p.Address)
			}
		}
	case translatedPods:
		list = seenAs(s.addresses(pods))
	case tunnelAddress:
		list = append(list, s.spare)
	case officeHost:
		list = append(list, s.lab.Office.Address)
	case internet:
		list = append(list, s.lab.Client.Address)
	}
	return list
}

// variables that configurations may use, as TF_VAR_name=JSON.
func (s *stage) variables(t *testing.T) (environment []string, declarations string) {
	t.Helper()
	for name, value := range map[string]any{
		"cluster":        clusterName,
		"other_cluster":  otherClusterName,
		"office_cidr":    s.lab.Gateway.Address.String() + "/32",
		"office_gateway": s.lab.Gateway.Address.String(),
		"office_subnet":  dataplane.OfficeSubnet.String(),
		"tunnel_address": s.spare.String(),
		"neighbour_cidr": s.lab.Neighbour.Address.String() + "/32",
		"edge_addresses": s.addresses(edge),
		"edge_private":   s.addresses(edgePrivate),
		"first_cidr":     s.addresses(first)[0].String() + "/32",
		"web_cidr":       s.balancers[web].String() + "/32",
		"database_cidr":  s.balancers[database].String() + "/32",
		"vpn_cidr":       s.balancers[vpn].String() + "/32",
	} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		text, kind := string(encoded), "list(string)"
		if plain, ok := value.(string); ok {
			text, kind = plain, "string"
		}
		environment = append(environment, "TF_VAR_"+name+"="+text)
		declarations += fmt.Sprintf("variable %q {\n  type = %s\n}\n", name, kind)
	}
	return environment, declarations
}

// asked skips the test where packets are not to be sent.
func asked(t *testing.T) {
	t.Helper()
	if os.Getenv("PACKETS") == "" {
		t.Skip("packets are sent with PACKETS=1, as `make test-packets` sets it")
	}
	if missing := cmp.Or(dataplane.Missing(), missingForTunnels()); missing != "" {
		t.Fatal("packets are asked for, and need " + missing)
	}
}
