package kube

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// Kind says where the objects of the Go type T are served. T is a struct such as corev1.Node; its pointer must have
// the methods of an API object (metadata accessors).
type Kind[T any] struct {
	// Group is empty for the core group.
	Group, Version string
	// Resource is the lower-case plural of the path, for example "nodes".
	Resource string
	// Name is the kind as it is written in objects and in messages, for example "Node".
	Name       string
	Namespaced bool
}

// The kinds that are used in several rooms; values to read, never to change. A kind of another group is declared where it
// is used: each group that is linked costs up to half a megabyte of program and some start-up.
var (
	Nodes                  = Kind[corev1.Node]{Version: "v1", Resource: "nodes", Name: "Node"}
	Namespaces             = Kind[corev1.Namespace]{Version: "v1", Resource: "namespaces", Name: "Namespace"}
	Pods                   = Kind[corev1.Pod]{Version: "v1", Resource: "pods", Name: "Pod", Namespaced: true}
	Services               = Kind[corev1.Service]{Version: "v1", Resource: "services", Name: "Service", Namespaced: true}
	ConfigMaps             = Kind[corev1.ConfigMap]{Version: "v1", Resource: "configmaps", Name: "ConfigMap", Namespaced: true}
	Secrets                = Kind[corev1.Secret]{Version: "v1", Resource: "secrets", Name: "Secret", Namespaced: true}
	Events                 = Kind[corev1.Event]{Version: "v1", Resource: "events", Name: "Event", Namespaced: true}
	PersistentVolumeClaims = Kind[corev1.PersistentVolumeClaim]{Version: "v1", Resource: "persistentvolumeclaims", Name: "PersistentVolumeClaim", Namespaced: true}

	Deployments  = Kind[appsv1.Deployment]{Group: "apps", Version: "v1", Resource: "deployments", Name: "Deployment", Namespaced: true}
	DaemonSets   = Kind[appsv1.DaemonSet]{Group: "apps", Version: "v1", Resource: "daemonsets", Name: "DaemonSet", Namespaced: true}
	ReplicaSets  = Kind[appsv1.ReplicaSet]{Group: "apps", Version: "v1", Resource: "replicasets", Name: "ReplicaSet", Namespaced: true}
	StatefulSets = Kind[appsv1.StatefulSet]{Group: "apps", Version: "v1", Resource: "statefulsets", Name: "StatefulSet", Namespaced: true}

	EndpointSlices = Kind[discoveryv1.EndpointSlice]{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices", Name: "EndpointSlice", Namespaced: true}

	Ingresses       = Kind[networkingv1.Ingress]{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses", Name: "Ingress", Namespaced: true}
	IngressClasses  = Kind[networkingv1.IngressClass]{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses", Name: "IngressClass"}
	NetworkPolicies = Kind[networkingv1.NetworkPolicy]{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies", Name: "NetworkPolicy", Namespaced: true}

	PodDisruptionBudgets = Kind[policyv1.PodDisruptionBudget]{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets", Name: "PodDisruptionBudget", Namespaced: true}
)

// APIVersion is the group and version as objects carry them, for example "apps/v1" or "v1".
func (k Kind[T]) APIVersion() string {
	if k.Group == "" {
		return k.Version
	}
	return k.Group + "/" + k.Version
}

// path gives the URL path of a collection (empty name), of an object, or of one of its subresources.
func (k Kind[T]) path(namespace, name, subresource string) string {
	path := "/apis/" + k.Group + "/" + k.Version
	if k.Group == "" {
		path = "/api/" + k.Version
	}
	if k.Namespaced && namespace != "" {
		path += "/namespaces/" + namespace
	}
	path += "/" + k.Resource
	if name != "" {
		path += "/" + name
	}
	if subresource != "" {
		path += "/" + subresource
	}
	return path
}

// call starts the description of a request on this kind.
func (k Kind[T]) call(verb, namespace, name string) call {
	if !k.Namespaced {
		namespace = ""
	}
	return call{
		target: target{verb: verb, kind: k.Name, namespace: namespace, name: name},
		path:   k.path(namespace, name, ""),
		accept: acceptFor[T](),
	}
}
