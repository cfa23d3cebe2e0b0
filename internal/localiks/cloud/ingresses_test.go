package cloud_test

import (
	"fmt"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// ingress makes an Ingress of a class, by the older annotation if asked for.
func (r *rig) ingress(t *testing.T, name, class string, byAnnotation bool) {
	t.Helper()
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "app", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networkingv1.IngressSpec{DefaultBackend: &backend}}
	switch {
	case byAnnotation:
		i.Annotations = map[string]string{"kubernetes.io/ingress.class": class}
	case class != "":
		i.Spec.IngressClassName = &class
	}
	if _, err := r.kube.NetworkingV1().Ingresses("default").Create(t.Context(), i, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) changeIngress(t *testing.T, name string, change func(*networkingv1.Ingress)) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		i, err := r.kube.NetworkingV1().Ingresses("default").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(i)
		_, err = r.kube.NetworkingV1().Ingresses("default").Update(t.Context(), i, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) reached(t *testing.T, name string) ([]string, error) {
	t.Helper()
	i, err := r.kube.NetworkingV1().Ingresses("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	at := []string{}
	for _, one := range i.Status.LoadBalancer.Ingress {
		if (one.IP != "") != (r.cluster.Provider == fakeiks.Classic) {
			return nil, fmt.Errorf("%+v", one)
		}
		at = append(at, one.IP+one.Hostname)
	}
	return at, nil
}

// addresses are those of the enabled ALBs of a type, each once.
func (r *rig) addresses(kind string) []string {
	at := []string{}
	for _, alb := range r.iks.ALBs(r.cluster.ID) {
		if alb.Type == kind && alb.State == "enabled" {
			at = append(at, alb.Address)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

func (r *rig) isReached(t *testing.T, name string, want []string) {
	t.Helper()
	eventually(t, "ingress "+name, func() error {
		got, err := r.reached(t, name)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("reached at %v, want %v", got, want)
		}
		return err
	})
}

// testIngresses follows Ingresses while ALBs are switched and classes change.
func testIngresses(t *testing.T, r *rig) {
	const public, private = "public-iks-k8s-nginx", "private-iks-k8s-nginx"
	nowhere := []string{}
	r.ingress(t, "private", private, false)
	r.ingress(t, "older", private, true)
	r.ingress(t, "public", public, false)
	r.ingress(t, "foreign", "haproxy", false)
	r.ingress(t, "plain", "", false)
	if len(r.addresses("public")) == 0 {
		t.Fatal("no public ALB is enabled")
	}
	r.isReached(t, "public", r.addresses("public"))
	r.isReached(t, "plain", r.addresses("public")) // the default class
	for _, name := range []string{"private", "older", "foreign"} {
		r.isReached(t, name, nowhere)
	}

	alb := r.alb(t, "private", r.cluster.Zones[1].ID)
	if alb.IngressClass() != private {
		t.Fatalf("ALB %s is of the class %s", alb.ID, alb.IngressClass())
	}
	r.enable(t, alb, true)
	r.settled(t, alb.ID, true)
	for _, name := range []string{"private", "older"} {
		r.isReached(t, name, r.addresses("private"))
	}
	r.changeIngress(t, "private", func(i *networkingv1.Ingress) { *i.Spec.IngressClassName = public })
	r.isReached(t, "private", r.addresses("public"))
	r.changeIngress(t, "private", func(i *networkingv1.Ingress) { *i.Spec.IngressClassName = "haproxy" })
	r.isReached(t, "private", nowhere)

	r.enable(t, alb, false)
	r.settled(t, alb.ID, false)
	r.isReached(t, "older", nowhere)
	err := r.kube.NetworkingV1().Ingresses("default").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
