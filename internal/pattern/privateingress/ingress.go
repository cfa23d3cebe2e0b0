package privateingress

import (
	"maps"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Annotations that say which controller and which ALB an Ingress is for.
const (
	legacyClass = "kubernetes.io/ingress.class"
	legacyALB   = "ingress.bluemix.net/ALB-ID"
)

// ingress is what is declared.
type ingress struct {
	namespace, name string
	// class is the IngressClass; "" while it is to be found, and on old clusters
	// that have none.
	class string
	// albID is the one ALB that serves it, on old clusters.
	albID    string
	rules    []rule
	fallback *backend
	tls      []certificate
	// labels and annotations of the user's.
	labels, annotations map[string]string
}

// rule says where requests for a host go; host is "" for all hosts.
type rule struct {
	host  string
	paths []route
}

// route is one path of a host.
type route struct {
	path     string
	pathType networkingv1.PathType
	backend  backend
}

// backend is a port of a Service, by number or by name.
type backend struct{ service, port string }

// certificate is the Secret that TLS for some hosts ends with.
type certificate struct {
	hosts  []string
	secret string
}

// object is the Ingress to write.
func (i ingress) object() networkingv1.Ingress {
	out := networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: i.namespace, Name: i.name, Labels: i.labels, Annotations: i.annotations}}
	if i.albID != "" {
		out.Annotations = map[string]string{}
		maps.Copy(out.Annotations, i.annotations)
		out.Annotations[legacyALB] = i.albID
	}
	if i.class != "" {
		out.Spec.IngressClassName = &i.class
	}
	if i.fallback != nil {
		to := i.fallback.object()
		out.Spec.DefaultBackend = &to
	}
	for _, r := range i.rules {
		out.Spec.Rules = append(out.Spec.Rules, r.object())
	}
	for _, c := range i.tls {
		out.Spec.TLS = append(out.Spec.TLS, networkingv1.IngressTLS{Hosts: c.hosts, SecretName: c.secret})
	}
	return out
}

func (r rule) object() networkingv1.IngressRule {
	paths := make([]networkingv1.HTTPIngressPath, len(r.paths))
	for i, p := range r.paths {
		paths[i] = networkingv1.HTTPIngressPath{Path: p.path, PathType: &p.pathType, Backend: p.backend.object()}
	}
	return networkingv1.IngressRule{Host: r.host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}}}
}

func (b backend) object() networkingv1.IngressBackend {
	to := networkingv1.IngressServiceBackend{Name: b.service}
	if number, err := strconv.ParseInt(b.port, 10, 32); err == nil {
		to.Port.Number = int32(number)
	} else {
		to.Port.Name = b.port
	}
	return networkingv1.IngressBackend{Service: &to}
}

// readIngress reads what an Ingress declares. wrong says what of it cannot be
// declared here, "" for nothing.
func readIngress(live networkingv1.Ingress) (out ingress, wrong string) {
	out = ingress{namespace: live.Namespace, name: live.Name, albID: live.Annotations[legacyALB]}
	if live.Spec.IngressClassName != nil {
		out.class = *live.Spec.IngressClassName
	}
	if live.Spec.DefaultBackend != nil {
		b, ok := readBackend(*live.Spec.DefaultBackend)
		if !ok {
			return out, "its default backend is not a Service"
		}
		out.fallback = &b
	}
	for _, r := range live.Spec.Rules {
		if r.HTTP == nil {
			return out, "a rule of it has no paths"
		}
		read := rule{host: r.Host}
		for _, p := range r.HTTP.Paths {
			b, ok := readBackend(p.Backend)
			if !ok {
				return out, "a backend of it is not a Service"
			}
			kind := networkingv1.PathTypeImplementationSpecific
			if p.PathType != nil {
				kind = *p.PathType
			}
			read.paths = append(read.paths, route{path: p.Path, pathType: kind, backend: b})
		}
		out.rules = append(out.rules, read)
	}
	for _, c := range live.Spec.TLS {
		out.tls = append(out.tls, certificate{hosts: c.Hosts, secret: c.SecretName})
	}
	return out, ""
}

func readBackend(b networkingv1.IngressBackend) (backend, bool) {
	if b.Service == nil {
		return backend{}, false
	}
	port := b.Service.Port.Name
	if port == "" {
		port = strconv.Itoa(int(b.Service.Port.Number))
	}
	return backend{service: b.Service.Name, port: port}, true
}
