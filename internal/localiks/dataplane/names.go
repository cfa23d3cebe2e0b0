package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// localProxy is where every worker of IKS has a proxy of the API server; the
// Service kubernetes leads there.
var localProxy = netip.MustParseAddrPort("172.20.0.1:2040")

// proxyPatience is how long the proxy waits for the master.
const proxyPatience = 5 * time.Second

const (
	coredns      = "coredns"
	corednsImage = "localiks/coredns"
	corefile     = `. {
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig /etc/kube/config
    ttl 0
  }
}
`
)

// proxy lets what runs on a worker, and its pods, reach the API server.
func (w *Worker) proxy(ctx context.Context) error {
	if err := w.IP(ctx, fmt.Sprintf("addr add %s/32 dev lo", localProxy.Addr())); err != nil {
		return err
	}
	var listener net.Listener
	err := w.Within(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", localProxy.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("local proxy of the API server: %w", err)
	}
	w.serving["proxy"] = listener
	master := netip.AddrPortFrom(w.cluster.Control.Address, APIPort)
	go relay(listener, func() (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyPatience)
		defer cancel()
		return w.dial(ctx, TCP, netip.Addr{}, master)
	})
	return nil
}

// directory makes what pods find the API server and each other by: the
// endpoints of the Service kubernetes, and the cluster's DNS.
func (c *Cluster) directory(ctx context.Context, client kubernetes.Interface) error {
	access, err := clientcmd.Load(c.Kubeconfig())
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	for _, cluster := range access.Clusters {
		cluster.Server, cluster.TLSServerName = "https://"+apiService, "kubernetes"
	}
	config, err := clientcmd.Write(*access)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	named := metav1.ObjectMeta{Name: coredns}
	system := client.CoreV1()
	return errors.Join(
		put(ctx, client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).Create, apiEndpoints()),
		put(ctx, system.ConfigMaps(metav1.NamespaceSystem).Create, &corev1.ConfigMap{ObjectMeta: named, Data: map[string]string{"Corefile": corefile}}),
		put(ctx, system.Secrets(metav1.NamespaceSystem).Create, &corev1.Secret{ObjectMeta: named, Data: map[string][]byte{"config": config}}),
		put(ctx, system.Services(metav1.NamespaceSystem).Create, dnsFront()),
		put(ctx, client.AppsV1().Deployments(metav1.NamespaceSystem).Create, dnsPods()),
	)
}

// put makes an object that may be there already.
func put[T any](ctx context.Context, create func(context.Context, *T, metav1.CreateOptions) (*T, error), object *T) error {
	if _, err := create(ctx, object, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%T: %w", object, err)
	}
	return nil
}

// apiEndpoints lead from the Service kubernetes to the workers' own proxies.
func apiEndpoints() *discoveryv1.EndpointSlice {
	name, port, protocol, ready := "https", int32(localProxy.Port()), corev1.ProtocolTCP, true
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "kubernetes", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{localProxy.Addr().String()}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
}

// dnsLabels are those of the pods of the cluster's DNS.
func dnsLabels() map[string]string { return map[string]string{"k8s-app": "kube-dns"} }

func dnsFront() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns"},
		Spec: corev1.ServiceSpec{ClusterIP: dnsService, Selector: dnsLabels(), Ports: []corev1.ServicePort{
			{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)},
			{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromInt32(53)},
		}},
	}
}

func dnsPods() *appsv1.Deployment {
	config := corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: coredns}}}
	access := corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: coredns}}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: coredns},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: dnsLabels()},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: dnsLabels()}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{
					Name: coredns, Image: corednsImage, Command: []string{"/coredns", "-conf", "/etc/coredns/Corefile"},
					VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}, {Name: "access", MountPath: "/etc/kube"}},
				}},
				Volumes: []corev1.Volume{{Name: "config", VolumeSource: config}, {Name: "access", VolumeSource: access}},
			}},
		},
	}
}

// lookUp asks the cluster's DNS for the address of a name, from inside a host.
func (h *Host) lookUp(ctx context.Context, name string) (netip.Addr, error) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return h.dial(ctx, strings.ToUpper(strings.TrimRight(network, "46")), netip.Addr{}, netip.AddrPortFrom(netip.MustParseAddr(dnsService), 53))
	}}
	found, err := resolver.LookupNetIP(ctx, "ip4", name+".")
	if err != nil {
		return netip.Addr{}, err
	}
	return found[0].Unmap(), nil
}
