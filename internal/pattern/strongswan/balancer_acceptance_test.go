package strongswan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// A load balancer that is made anew has another address, and what is built upon
// that follows in the same apply.
func TestAccBalancerMadeAnew(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	services := in(c).CoreV1().Services("default")
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, "")+
		"resource \"terraform_data\" \"firewall\" {\n  input = iks_strongswan_vpn.it.load_balancer_ips\n}\n")
	w.MustApply()
	before, err := services.Get(t.Context(), "vpn-strongswan", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	options := helm.UninstallOptions{Namespace: "default", Name: "vpn"}
	if _, err := releases(t, c).Uninstall(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	// Somebody else has the address meanwhile.
	taker := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "taker", Annotations: before.Annotations}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, LoadBalancerIP: before.Status.LoadBalancer.Ingress[0].IP, Ports: []corev1.ServicePort{{Port: 443}},
	}}
	if _, err := services.Create(t.Context(), taker, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	acctest.Eventually(t, "the address is taken", func() error {
		taker, err := services.Get(t.Context(), "taker", metav1.GetOptions{})
		if err == nil && len(taker.Status.LoadBalancer.Ingress) == 0 {
			err = errors.New("not yet")
		}
		return err
	})
	w.MustApply()
	after, err := services.Get(t.Context(), "vpn-strongswan", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := after.Status.LoadBalancer.Ingress[0].IP
	if got := fmt.Sprint(w.Attributes("terraform_data.firewall")["output"]); !strings.Contains(got, "["+address+"]") {
		t.Errorf("what is built upon the address has %s, and it is %s", got, address)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
	if err := services.Delete(t.Context(), "taker", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}
