package remoteservice

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// remote is a name in one cluster that leads to a service elsewhere.
type remote struct {
	namespace, name string
	ports           []port
	// addresses, sorted, or hostname: exactly one of them.
	addresses []netip.Addr
	hostname  string
	// labels and annotations of the user's.
	labels, annotations map[string]string
}

// port is one port of the Service.
type port struct {
	name           string
	number, target int32
	protocol       corev1.Protocol
	appProtocol    string
}

// clusterDomain is the DNS domain of every IKS cluster.
const clusterDomain = "cluster.local"

// dnsName is what a client in the cluster says.
func dnsName(namespace, name string) string { return name + "." + namespace + ".svc." + clusterDomain }

// families that the addresses are of, in the order of families().
func (r remote) families() []corev1.IPFamily {
	var out []corev1.IPFamily
	for _, f := range families() {
		if slices.ContainsFunc(r.addresses, func(a netip.Addr) bool { return family(a) == f }) {
			out = append(out, f)
		}
	}
	return out
}

// service is the Service to write.
func (r remote) service() corev1.Service {
	out := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: r.name, Labels: r.labels, Annotations: r.annotations}}
	for _, p := range r.ports {
		out.Spec.Ports = append(out.Spec.Ports, corev1.ServicePort{
			Name: p.name, Port: p.number, TargetPort: intstr.FromInt32(p.target), Protocol: p.protocol, AppProtocol: given(p.appProtocol),
		})
	}
	if r.hostname != "" {
		out.Spec.Type, out.Spec.ExternalName = corev1.ServiceTypeExternalName, r.hostname
		return out
	}
	// Both families are asked for outright: where the cluster has one of them only, the API server says so, instead of
	// leaving out the addresses of the other.
	policy := corev1.IPFamilyPolicySingleStack
	out.Spec.Type, out.Spec.IPFamilies = corev1.ServiceTypeClusterIP, r.families()
	if len(out.Spec.IPFamilies) > 1 {
		policy = corev1.IPFamilyPolicyRequireDualStack
	}
	out.Spec.IPFamilyPolicy = &policy
	return out
}

// sliceName is the name of the EndpointSlice of a family.
func sliceName(service string, f corev1.IPFamily) string {
	return service + "-iks-" + strings.ToLower(string(f))
}

// slice is the EndpointSlice to write for a family. It goes with the Service of
// that uid; "" where that is not known.
func (r remote) slice(f corev1.IPFamily, service types.UID) discoveryv1.EndpointSlice {
	ready := true
	out := discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: sliceName(r.name, f), Labels: map[string]string{
			discoveryv1.LabelServiceName: r.name,
			discoveryv1.LabelManagedBy:   framework.ManagedByValue,
		}},
		AddressType: discoveryv1.AddressType(f),
	}
	if service != "" {
		out.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: r.name, UID: service}}
	}
	for _, a := range r.addresses {
		if family(a) == f {
			out.Endpoints = append(out.Endpoints, discoveryv1.Endpoint{Addresses: []string{a.String()}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}})
		}
	}
	for _, p := range r.ports {
		out.Ports = append(out.Ports, discoveryv1.EndpointPort{Name: &p.name, Port: &p.target, Protocol: &p.protocol, AppProtocol: given(p.appProtocol)})
	}
	return out
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
