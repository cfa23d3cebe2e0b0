package main

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ours selects what the provider has made.
func ours() metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=terraform-provider-iks"}
}

// apps are the Services and Ingresses that the provider has made, and where
// they are reached.
func (s *stage) apps(ctx context.Context) ([]app, error) {
	services, err := s.typed.CoreV1().Services(metav1.NamespaceAll).List(ctx, ours())
	if err != nil {
		return nil, err
	}
	var out []app
	for _, service := range services.Items {
		a := app{kind: "private Service", name: service.Namespace + "/" + service.Name}
		var at []string
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			at = append(at, ingress.IP+ingress.Hostname)
		}
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			a.kind = "remote Service"
			if at, err = s.elsewhere(ctx, service); err != nil {
				return nil, err
			}
		}
		a.address = strings.Join(at, ", ")
		out = append(out, a)
	}
	ingresses, err := s.typed.NetworkingV1().Ingresses(metav1.NamespaceAll).List(ctx, ours())
	if err != nil {
		return nil, err
	}
	for _, ingress := range ingresses.Items {
		var at []string
		for _, address := range ingress.Status.LoadBalancer.Ingress {
			at = append(at, address.IP+address.Hostname)
		}
		out = append(out, app{kind: "private Ingress", name: ingress.Namespace + "/" + ingress.Name, address: strings.Join(at, ", ")})
	}
	return out, nil
}

// elsewhere is where a Service without pods of its own leads to.
func (s *stage) elsewhere(ctx context.Context, service corev1.Service) ([]string, error) {
	if service.Spec.ExternalName != "" {
		return []string{service.Spec.ExternalName}, nil
	}
	endpoints, err := s.typed.DiscoveryV1().EndpointSlices(service.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service.Name,
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, slice := range endpoints.Items {
		for _, endpoint := range slice.Endpoints {
			out = append(out, endpoint.Addresses...)
		}
	}
	return out, nil
}
