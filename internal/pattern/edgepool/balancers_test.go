package edgepool

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// balancer makes a Service of type LoadBalancer, which localiks serves as IBM's
// controller does.
func (r *rig) balancer(name string) {
	r.t.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"team": "web"}}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
	if _, err := r.client.CoreV1().Services("default").Create(r.t.Context(), s, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// Classic load balancers follow the edge nodes, and leave them.
func testClassicLoadBalancers(t *testing.T, r *rig) {
	r.balancer("web")
	r.balancer("api")
	var names []string
	r.eventually("the load balancers run", func() error {
		list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		names = nil
		for _, d := range list.Items {
			if d.Status.AvailableReplicas == 2 {
				names = append(names, d.Name)
			}
		}
		if len(names) != 2 {
			return &unexpected{"ibm-system", fmt.Sprint(names)}
		}
		return nil
	})

	m := byPool("edge")
	r.mustApply(m, nil)
	for _, name := range names {
		r.wantOn(balancerNamespace, name, "edge", true)
	}
	r.sent()
	r.mustApply(byPool("edge"), m)
	if writes := r.sent().writes(); len(writes) > 0 {
		t.Errorf("a second apply writes %v", writes)
	}

	// One that is made now is put on edge nodes without us, and has to leave
	// them as the others do.
	r.balancer("later")
	r.eventually("the third one runs", func() error {
		list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) != 3 {
			err = &unexpected{"ibm-system", "two"}
		}
		return err
	})
	r.mustRemove(m)
	list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if demanded := requiredNode(&list.Items[i], markKey); demanded != "" {
			t.Errorf("load balancer %s demands %q", list.Items[i].Name, demanded)
		}
	}
	r.wantNoTraces()
}

// A removal that may not touch VPC load balancers leaves a note on them, which
// the next edge pool of the same nodes does not trust.
func testVPCLoadBalancersStayPut(t *testing.T, r *rig) {
	r.balancer("web")
	m := byPool("edge")
	r.mustApply(m, nil)
	stay := byPool("edge", stayPut)
	r.mustApply(stay, m)
	r.sent()
	r.mustRemove(stay)
	if writes := r.sent().writes().to("/services/"); len(writes) > 0 {
		t.Errorf("the removal wrote %v", writes)
	}
	r.restart()
	again := byPool("edge")
	r.mustApply(again, nil)
	if writes := r.sent().taken().to("/services/web"); len(writes) != 2 {
		t.Errorf("the load balancer was touched by %v, want the annotation to go and come", writes)
	}
	r.mustRemove(again)
	r.wantNoTraces()
}

// Without permission to move them, they are named.
func testLoadBalancersStayPut(t *testing.T, r *rig) {
	m := byPool("edge")
	r.mustApply(m, nil)
	defer r.mustApply(byPool("edge"), nil) // and so clean up
	stay := byPool("edge", stayPut)
	r.mustApply(stay, m)
	r.mustRemove(stay)
	r.wantALBs("edge", true) // they demand edge nodes still
	if len(r.warned) != 1 || !strings.Contains(r.warned[0], "demand edge nodes") || !strings.Contains(r.warned[0], "ALB public-cr") {
		t.Errorf("warned %q", r.warned)
	}
}

// VPC load balancers are told, and the master is refreshed where that is allowed,
// be it by the run after one that failed.
func testVPCLoadBalancers(t *testing.T, r *rig) {
	r.balancer("web")
	note := func() string {
		s, err := r.client.CoreV1().Services("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Annotations[relocatedAnnotation]
	}
	revision := func() int {
		c, _ := r.env.IKS.Cluster(clusterName)
		return c.MasterRevision
	}
	m := byPool("edge")
	r.mustApply(m, nil)
	first := note()
	if first == "" || revision() != 0 {
		t.Errorf("note %q, master refreshed %d times", first, revision())
	}
	refresh := byPool("default", onlyWarn, func(m *model) { m.AllowMasterRefresh = types.BoolValue(true) })
	repair := r.env.IKS.Fail(fakeiks.Fault{Method: "PUT", Path: "/v1/clusters/*/masters", Status: http.StatusConflict})
	r.wantError(r.apply(refresh, m), "refreshing the master")
	repair()
	r.restart()
	r.mustApply(refresh, m)
	if second := note(); second == first || second == "" || revision() != 1 {
		t.Errorf("note %q after %q, master refreshed %d times", second, first, revision())
	}

	// One that is made now has the edge nodes as its members without us, and has
	// to be looked at again as the others have.
	r.balancer("later")
	r.sent()
	r.mustRemove(refresh)
	if writes := r.sent().taken().to("/services/later"); len(writes) != 2 {
		t.Errorf("the load balancer that was made later was touched by %v, want the annotation to come and go", writes)
	}
	if note() != "" || revision() != 2 {
		t.Errorf("note %q is left, master refreshed %d times", note(), revision())
	}
	r.mustRemove(refresh)
	if writes := r.sent().writes(); len(writes) > 0 || revision() != 2 {
		t.Errorf("a second removal writes %v, master refreshed %d times", writes, revision())
	}
	r.wantNoTraces()
}
