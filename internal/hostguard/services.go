package hostguard

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// IBM's annotations of classic load balancers: whether one has a public or a
// private address, and its features, separated by commas.
const (
	IPTypeAnnotation   = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"
	FeaturesAnnotation = "service.kubernetes.io/ibm-load-balancer-cloud-provider-enable-features"
)

// ProtocolOf is the protocol of a service's port.
func ProtocolOf(p corev1.Protocol) string {
	if p == "" {
		return string(corev1.ProtocolTCP)
	}
	return string(p)
}

// Balanced tells whether a service has a load balancer.
func Balanced(service corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer
}

// IPVS tells whether a service has a load balancer of version 2.0, whose packets
// no policy before DNAT sees.
func IPVS(service corev1.Service) bool {
	features := strings.Split(service.Annotations[FeaturesAnnotation], ",")
	return Balanced(service) && slices.ContainsFunc(features, func(f string) bool { return strings.TrimSpace(f) == "ipvs" })
}

// ComesInAt tells whether a load balancer's packets may come in at host
// endpoints of these roles. In doubt they do.
func ComesInAt(service corev1.Service, roles []string) bool {
	var away string // the roles that its packets never come in at
	switch service.Annotations[IPTypeAnnotation] {
	case "private":
		away = "_public"
	case "public":
		away = "_private"
	}
	return away == "" || slices.ContainsFunc(roles, func(role string) bool { return !strings.HasSuffix(role, away) })
}

// BalancerPort names a port of a load balancer for people.
func BalancerPort(service corev1.Service, p corev1.ServicePort) string {
	return fmt.Sprintf("load balancer %s/%s, port %s %d", service.Namespace, service.Name, ProtocolOf(p.Protocol), p.Port)
}

// LeftOpen names the services that answer on one of these failsafe ports, which a
// guard of these roles means to close and cannot.
func LeftOpen(services []corev1.Service, failsafe []calico.FailsafePort, roles []string) []string {
	open := func(protocol corev1.Protocol, port int32) bool {
		return slices.ContainsFunc(failsafe, func(f calico.FailsafePort) bool {
			return f.Protocol == ProtocolOf(protocol) && int32(f.Port) == port
		})
	}
	var out []string
	for _, service := range services {
		for _, p := range service.Spec.Ports {
			if Balanced(service) && ComesInAt(service, roles) && open(p.Protocol, p.Port) {
				out = append(out, BalancerPort(service, p))
			}
			if p.NodePort != 0 && open(p.Protocol, p.NodePort) {
				out = append(out, fmt.Sprintf("service %s/%s, node port %s %d", service.Namespace, service.Name, ProtocolOf(p.Protocol), p.NodePort))
			}
		}
	}
	slices.Sort(out)
	return out
}
