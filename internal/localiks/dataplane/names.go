package dataplane

import (
	"context"
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
	if err := w.ip(ctx, fmt.Sprintf("addr add %s/32 dev lo", localProxy.Addr())); err != nil {
		return err
	}
	var listener net.Listener
	err := w.within(func() (err error) {
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
	tcp, udp, yes := corev1.ProtocolTCP, corev1.ProtocolUDP, true
	https, number, dns := "https", int32(localProxy.Port()), map[string]string{"k8s-app": "kube-dns"}
	pods := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: dns}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{
			Name: coredns, Image: corednsImage, Command: []string{"/coredns", "-conf", "/etc/coredns/Corefile"},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}, {Name: "access", MountPath: "/etc/kube"}},
		}},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: coredns}}}},
			{Name: "access", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: coredns}}},
		},
	}}
	system := client.CoreV1()
	for _, create := range []func() error{
		func() error {
			_, err := client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).Create(ctx, &discoveryv1.EndpointSlice{
				ObjectMeta:  metav1.ObjectMeta{Name: "kubernetes", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"}},
				AddressType: discoveryv1.AddressTypeIPv4,
				Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{localProxy.Addr().String()}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
				Ports:       []discoveryv1.EndpointPort{{Name: &https, Port: &number, Protocol: &tcp}},
			}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := system.ConfigMaps(metav1.NamespaceSystem).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: coredns}, Data: map[string]string{"Corefile": corefile}}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := system.Secrets(metav1.NamespaceSystem).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: coredns}, Data: map[string][]byte{"config": config}}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := system.Services(metav1.NamespaceSystem).Create(ctx, &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "kube-dns"},
				Spec: corev1.ServiceSpec{ClusterIP: dnsService, Selector: dns, Ports: []corev1.ServicePort{
					{Name: "dns", Protocol: udp, Port: 53, TargetPort: intstr.FromInt32(53)}, {Name: "dns-tcp", Protocol: tcp, Port: 53, TargetPort: intstr.FromInt32(53)},
				}},
			}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := client.AppsV1().Deployments(metav1.NamespaceSystem).Create(ctx, &appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Name: coredns}, Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: dns}, Template: pods},
			}, metav1.CreateOptions{})
			return err
		},
	} {
		if err := create(); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("the cluster's DNS: %w", err)
		}
	}
	return nil
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
