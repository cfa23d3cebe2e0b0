package cloud

import (
	"reflect"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestClassOf(t *testing.T) {
	t.Parallel()
	ingress := func(class *string, note string) *networkingv1.Ingress {
		i := &networkingv1.Ingress{Spec: networkingv1.IngressSpec{IngressClassName: class}}
		if note != "" {
			i.Annotations = map[string]string{"kubernetes.io/ingress.class": note}
		}
		return i
	}
	private := "private-iks-k8s-nginx"
	for name, test := range map[string]struct {
		ingress *networkingv1.Ingress
		want    string
	}{
		"none":                    {ingress: ingress(nil, "")},
		"the field":               {ingress: ingress(&private, ""), want: private},
		"the annotation":          {ingress: ingress(nil, private), want: private},
		"the field of the two":    {ingress: ingress(&private, "other"), want: private},
		"somebody else's":         {ingress: ingress(nil, "haproxy"), want: "haproxy"},
		"empty, which is a class": {ingress: ingress(new(string), "other")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := classOf(test.ingress); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestAddressesOf(t *testing.T) {
	t.Parallel()
	alb := func(kind, address string, changes ...func(*fakeiks.ALB)) fakeiks.ALB {
		a := fakeiks.ALB{Type: kind, Address: address, Enabled: true, State: "enabled", Controller: fakeiks.NGINX}
		for _, change := range changes {
			change(&a)
		}
		return a
	}
	albs := []fakeiks.ALB{
		alb("private", "10.0.0.9"), alb("private", "10.0.0.1"), alb("private", "10.0.0.1"),
		alb("public", "169.0.0.1", func(a *fakeiks.ALB) { a.Enabled = false }),
		alb("public", "169.0.0.2", func(a *fakeiks.ALB) { a.State = "disabled" }),
		alb("public", ""),
		alb("private", "10.0.0.5", func(a *fakeiks.ALB) { a.Controller = fakeiks.Traefik }),
	}
	type list = []networkingv1.IngressLoadBalancerIngress
	for name, test := range map[string]struct {
		class string
		onVPC bool
		want  list
	}{
		"all of the class":      {class: "private-iks-k8s-nginx", want: list{{IP: "10.0.0.1"}, {IP: "10.0.0.9"}}},
		"host names on VPC":     {class: "private-iks-traefik", onVPC: true, want: list{{Hostname: "10.0.0.5"}}},
		"none that is enabled":  {class: "public-iks-k8s-nginx"},
		"nobody's class":        {class: "haproxy"},
		"no class":              {},
		"another one's address": {class: "private-iks-traefik", want: list{{IP: "10.0.0.5"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := addressesOf(test.class, albs, test.onVPC); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
