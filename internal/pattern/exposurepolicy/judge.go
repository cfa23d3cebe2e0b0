package exposurepolicy

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// The judgement of the policy in Go, about objects as they would be created.
// What the expressions in cel.go say and what stands here must be the same.

// serviceRules are the rules that would refuse a Service.
func (s settings) serviceRules(service corev1.Service) []rule {
	return s.applying(map[rule]bool{
		externalIPs:        len(service.Spec.ExternalIPs) > 0,
		nodePort:           service.Spec.Type == corev1.ServiceTypeNodePort,
		publicLoadBalancer: isPublicLoadBalancer(service),
	})
}

// ingressRules are the rules that would refuse an Ingress.
func (s settings) ingressRules(ingress networkingv1.Ingress) []rule {
	return s.applying(map[rule]bool{publicIngress: isPublicIngress(ingress, s.privateClasses())})
}

// podRules are the rules that would refuse a pod, or a template of one.
func (s settings) podRules(spec corev1.PodSpec) []rule {
	return s.applying(map[rule]bool{hostNetwork: spec.HostNetwork, hostPort: opensHostPort(spec)})
}

func (s settings) applying(violated map[rule]bool) []rule {
	return slices.DeleteFunc(slices.Clone(s.deny), func(r rule) bool { return !violated[r] })
}

func isPublicLoadBalancer(service corev1.Service) bool {
	_, publicALB := service.Annotations[publicALBAnnotation]
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer &&
		(service.Spec.LoadBalancerClass != nil || service.Annotations[ipTypeAnnotation] != ipTypePrivate || publicALB)
}

func isPublicIngress(ingress networkingv1.Ingress, private []string) bool {
	var classes []string
	if ingress.Spec.IngressClassName != nil {
		classes = append(classes, *ingress.Spec.IngressClassName)
	}
	if class, annotated := ingress.Annotations[classAnnotation]; annotated {
		classes = append(classes, class)
	}
	return len(classes) == 0 || len(without(classes, private)) > 0 || strings.Contains(ingress.Annotations[albAnnotation], publicALB)
}

// opensHostPort tells whether a container has a port on the node: one that it
// asks for, or any in the network of the node.
func opensHostPort(spec corev1.PodSpec) bool {
	for _, c := range append(slices.Clone(spec.Containers), spec.InitContainers...) {
		for _, p := range c.Ports {
			if p.HostPort != 0 || spec.HostNetwork && p.ContainerPort != 0 {
				return true
			}
		}
	}
	return false
}
