package privateingress

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// whole has everything that can be declared.
func whole() ingress {
	return ingress{
		namespace: "shop", name: "front", class: "private-iks-k8s-nginx", albID: "private-crc1-alb1",
		annotations: map[string]string{"note": "n"},
		rules: []rule{
			{host: "shop.example.com", paths: []route{
				{path: "/", pathType: networkingv1.PathTypePrefix, backend: backend{"shop", "443"}},
				{path: "/api", pathType: networkingv1.PathTypeExact, backend: backend{"api", "https"}},
			}},
			{paths: []route{{pathType: networkingv1.PathTypeImplementationSpecific, backend: backend{"any", "80"}}}},
		},
		fallback: &backend{"nothing", "http"},
		tls:      []certificate{{hosts: []string{"shop.example.com"}, secret: "shop-tls"}, {}},
	}
}

const wholeYAML = `metadata:
  annotations:
    ingress.bluemix.net/ALB-ID: private-crc1-alb1
    note: "n"
  name: front
  namespace: shop
spec:
  defaultBackend:
    service:
      name: nothing
      port:
        name: http
  ingressClassName: private-iks-k8s-nginx
  rules:
  - host: shop.example.com
    http:
      paths:
      - backend:
          service:
            name: shop
            port:
              number: 443
        path: /
        pathType: Prefix
      - backend:
          service:
            name: api
            port:
              name: https
        path: /api
        pathType: Exact
  - http:
      paths:
      - backend:
          service:
            name: any
            port:
              number: 80
        pathType: ImplementationSpecific
  tls:
  - hosts:
    - shop.example.com
    secretName: shop-tls
  - {}
status:
  loadBalancer: {}
`

func TestObject(t *testing.T) {
	t.Parallel()
	raw, err := yaml.Marshal(whole().object())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeYAML, strings.ReplaceAll(string(raw), "  creationTimestamp: null\n", "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	bare := ingress{namespace: "shop", name: "front", fallback: &backend{"a", "80"}}.object()
	if bare.Spec.IngressClassName != nil || len(bare.Annotations) > 0 || bare.Spec.TLS != nil {
		t.Errorf("without a class and an ALB: %+v", bare)
	}
}

func TestReadIngress(t *testing.T) {
	t.Parallel()
	want := whole()
	want.annotations = nil // who declared which is for others to find
	got, wrong := readIngress(whole().object())
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ingress{}, rule{}, route{}, backend{}, certificate{})); diff != "" || wrong != "" {
		t.Errorf("%s, -want +got:\n%s", wrong, diff)
	}
	bucket := networkingv1.IngressBackend{Resource: &corev1.TypedLocalObjectReference{Kind: "Bucket", Name: "b"}}
	for name, spec := range map[string]networkingv1.IngressSpec{
		"default backend": {DefaultBackend: &bucket},
		"backend": {Rules: []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Backend: bucket}}},
		}}}},
		"no paths": {Rules: []networkingv1.IngressRule{{Host: "a"}}},
	} {
		if _, wrong := readIngress(networkingv1.Ingress{Spec: spec}); wrong == "" {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}

func TestStrayed(t *testing.T) {
	t.Parallel()
	class := "public-iks-k8s-nginx"
	for name, test := range map[string]struct {
		annotations map[string]string
		class       *string
		want        ingress
		count       int
	}{
		"as declared":           {map[string]string{"note": "n"}, &class, ingress{class: "x"}, 0},
		"legacy class":          {map[string]string{legacyClass: "public"}, nil, ingress{class: "x"}, 1},
		"ALB":                   {map[string]string{legacyALB: "public-crc1-alb1"}, nil, ingress{class: "x"}, 1},
		"ALB that is declared":  {map[string]string{legacyALB: "private-crc1-alb1"}, nil, ingress{class: "x", albID: "private-crc1-alb1"}, 0},
		"both":                  {map[string]string{legacyALB: "a", legacyClass: "b"}, nil, ingress{class: "x"}, 2},
		"class on old clusters": {nil, &class, ingress{albID: "private-crc1-alb1"}, 1},
	} {
		live := networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Annotations: test.annotations}, Spec: networkingv1.IngressSpec{IngressClassName: test.class}}
		if got := strayed(live, test.want); len(got) != test.count {
			t.Errorf("%s: %q", name, got)
		}
	}
}
