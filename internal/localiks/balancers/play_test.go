package balancers_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testPlay makes the cloud slow and wrong, as tests of resources do.
func testPlay(t *testing.T, r *rig) {
	private := map[string]string{"ip-type": "private"}
	lbs := r.cluster.LoadBalancers
	lbs.Hold()
	r.balancer(t, "held", private)
	eventually(t, "the finalizer is there", func() error {
		if len(r.service(t, "held").Finalizers) == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	if got := r.address(t, "held"); got != "" {
		t.Errorf("it got %s all the same", got)
	}
	lbs.Release()
	r.assigned(t, "held")

	lbs.SetDelay(time.Hour)
	r.balancer(t, "slow", private)
	r.balancer(t, "slower", private)
	lbs.SetDelay(0)
	r.assigned(t, "slow")
	r.assigned(t, "slower")

	lbs.AssignWrongKind(true)
	r.balancer(t, "wrong", private)
	if got := r.place(t, r.assigned(t, "wrong")); !got.Public {
		t.Errorf("it got %+v, want a public one", got)
	}
	lbs.AssignWrongKind(false)

	former := r.address(t, "held")
	moved, err := lbs.Reassign(t.Context(), "default", "held", true)
	if err != nil || !r.place(t, moved).Public || r.address(t, "held") != moved {
		t.Errorf("moved to %q (%v), status %s", moved, err, r.address(t, "held"))
	}
	if r.place(t, former).Owner != "" {
		t.Errorf("the former address %s is not free", former)
	}
	if _, err := lbs.Reassign(t.Context(), "default", "nosuch", true); err == nil {
		t.Error("a Service that is not there was moved")
	}
	r.remove(t, "held", "slow", "slower", "wrong")
	if taken := r.taken(); len(taken) > 0 {
		t.Errorf("addresses %v are taken still", taken)
	}
}

// testNamespace deletes a Service along with its namespace.
func testNamespace(t *testing.T, r *rig) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "passing"}}
	if _, err := r.kube.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "api"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if _, err := r.kube.CoreV1().Services("passing").Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has an address", func() error {
		if len(r.taken()) == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	if err := r.kube.CoreV1().Namespaces().Delete(t.Context(), "passing", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the address comes back", func() error {
		if taken := r.taken(); len(taken) > 0 {
			return fmt.Errorf("%v", taken)
		}
		return nil
	})
}
