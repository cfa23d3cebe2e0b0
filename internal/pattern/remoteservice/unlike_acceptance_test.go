package remoteservice_test

import (
	"fmt"
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

// The name of one that goes in the same run can be taken: a plan warns of it.
func TestAccNameOfAnother(t *testing.T) {
	other := func(name string) string {
		return fmt.Sprintf("resource \"iks_remote_service\" \"other\" {\n  cluster = \"classic\"\n  name    = %q\n  endpoints = [\"10.1.2.4\"]\n  ports = [{ port = 443 }]\n}\n", name)
	}
	w := acctest.NewWorkspace(t, config(t, "  endpoints = [\"10.1.2.3\"]\n  ports = [{ port = 443 }]")+other("other"))
	w.MustApply()
	w.Write(acctest.ProviderBlock(acctest.Environment(t)) + other("api"))
	plan := w.Plan()
	if len(plan.Errors()) > 0 {
		t.Errorf("the plan fails: %q", plan.Errors())
	}
	says(t, plan.Warnings(), "another resource of this provider")
	w.MustDestroy()
}
