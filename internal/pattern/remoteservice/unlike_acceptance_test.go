package remoteservice_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// The Service of an app has the ports that are declared, and leads to its pods:
// it is not taken for a remote one.
func TestAccRefusesAnAppsService(t *testing.T) {
	o := in(t, acctest.Environment(t).Cluster(acctest.Classic))
	for what, of := range map[string]corev1.ServiceSpec{
		"selects pods of its own cluster": {Selector: map[string]string{"app": "api"}},
		"is headless":                     {ClusterIP: corev1.ClusterIPNone},
	} {
		of.Ports = []corev1.ServicePort{{Port: 443}}
		services := o.kube.CoreV1().Services("default")
		before, err := services.Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "api"}, Spec: of}, metav1.CreateOptions{})
		o.must(err)
		w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]"))
		says(t, w.Plan().Errors(), what, "force_conflicts")
		says(t, w.Apply().Errors(), what, "force_conflicts")
		if w.Attributes(address) != nil {
			t.Error("something stands in the state")
		}
		if after := o.service(); after.ResourceVersion != before.ResourceVersion {
			t.Errorf("the Service was written: %+v", after)
		}
		if what == "is headless" {
			o.must(services.Delete(t.Context(), "api", metav1.DeleteOptions{}))
			continue
		}
		w.Write(config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]\n  force_conflicts = true"))
		w.MustApply()
		w.MustPlanEmpty()
		o.leadsTo("default", "10.1.2.3")
		w.MustDestroy()
	}
}
