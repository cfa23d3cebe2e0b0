package privateservice_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// argocd applies the Service on the server's side, as another owner does.
func argocd(t *testing.T, c *localiks.Cluster, spec map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "api", "namespace": "default"}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	force := true
	_, err = client(t, c).CoreV1().Services("default").Patch(kept(t), "api", types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "argocd-controller", Force: &force})
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	if err := client(t, c).CoreV1().Services("default").Delete(kept(t), "api", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

const forced = "  force_conflicts = true\n"

// Somebody else's Service of the same name: an error that names them, until it
// is taken over by force.
func TestAccForeignService(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	argocd(t, c, map[string]any{"selector": map[string]any{"app": "other"}, "ports": []any{map[string]any{"port": 80}}})
	t.Cleanup(func() { remove(t, c) })
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	r := w.Apply()
	if r.ExitCode == 0 {
		t.Fatal("apply takes over somebody else's Service")
	}
	says(t, "the error", r.Errors(), "argocd-controller", "force_conflicts", "spec.selector.app")
	if live := get(t, c); live.Spec.Selector["app"] != "other" || live.Spec.Type == corev1.ServiceTypeLoadBalancer {
		t.Errorf("the Service was changed: %+v", live.Spec)
	}
	w.Write(block(e, acctest.Classic, onePort+forced))
	w.MustApply()
	has(t, w, map[string]any{"ready": true, "exposure": "private"})
	w.MustPlanEmpty()
	live := get(t, c)
	if live.Spec.Selector["app"] != "api" || len(live.Spec.Ports) != 1 || live.Spec.Ports[0].Port != 443 {
		t.Errorf("the Service is not as declared: %+v", live.Spec)
	}
	w.MustDestroy()
	gone(t, c)
}

// A second owner takes fields of a Service of ours: the conflict names it.
func TestAccSecondOwner(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	w.MustApply()
	argocd(t, c, map[string]any{"selector": map[string]any{"app": "other"}})
	r := w.Apply()
	if r.ExitCode == 0 {
		t.Error("apply takes a field from another owner")
	}
	says(t, "the error", r.Errors(), "argocd-controller", "force_conflicts")
	if live := get(t, c); live.Spec.Selector["app"] != "other" {
		t.Error("the field was taken")
	}
	w.Write(block(e, acctest.Classic, onePort+forced))
	w.MustApply()
	w.MustPlanEmpty()
	if live := get(t, c); live.Spec.Selector["app"] != "api" {
		t.Error("the field was not taken back")
	}
	w.MustDestroy()
}

// What others put on the Service stays, and so do address, cluster IP and the
// node port that the server chose, also when a named port gets another number.
func TestAccKeepsWhatIsNotOurs(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	named := func(port int, more string) string {
		return block(e, acctest.Classic, fmt.Sprintf("  ports = [{ name = \"https\", port = %d }]\n%s", port, more)) +
			"resource \"terraform_data\" \"dependent\" {\n  input = iks_private_service.it.ip\n}\n"
	}
	w := acctest.NewWorkspace(t, named(443, ""))
	w.MustApply()
	patch(`{"metadata":{"labels":{"seen":"yes"},"annotations":{"prometheus.io/scrape":"true"}}}`)(t, e, c)
	w.MustPlanEmpty()
	before := get(t, c)
	w.Write(named(8443, "  labels = { team = \"net\" }\n  source_ranges = [\"10.0.0.0/8\"]\n"))
	if r := w.MustApply(); !acted(r, "update") || len(r.Planned) != 1 {
		t.Errorf("planned is %v", r.Planned)
	}
	w.MustPlanEmpty()
	after := get(t, c)
	if after.Labels["seen"] != "yes" || after.Annotations["prometheus.io/scrape"] != "true" || after.Labels["team"] != "net" {
		t.Errorf("labels %v, annotations %v", after.Labels, after.Annotations)
	}
	if after.Spec.Ports[0].Port != 8443 || after.Spec.Ports[0].NodePort != before.Spec.Ports[0].NodePort || after.Spec.ClusterIP != before.Spec.ClusterIP || after.UID != before.UID {
		t.Errorf("before %+v, after %+v", before.Spec, after.Spec)
	}
	// What is not declared any more goes, and nothing else does.
	w.Write(named(8443, ""))
	w.MustApply()
	w.MustPlanEmpty()
	after = get(t, c)
	if _, left := after.Labels["team"]; left || after.Labels["seen"] != "yes" || len(after.Spec.LoadBalancerSourceRanges) != 0 {
		t.Errorf("labels %v, source ranges %v", after.Labels, after.Spec.LoadBalancerSourceRanges)
	}
	w.MustDestroy()
}

// A Service that kubectl made is imported without a change.
func TestAccImportOfKubectls(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	manifest := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "api", Labels: map[string]string{"team": "net"}, Annotations: map[string]string{ipType: "private", "a": "b"}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "api"},
			Ports:                    []corev1.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(8443)}},
			LoadBalancerSourceRanges: []string{"192.168.0.0/16", "10.0.0.0/8"},
		},
	}
	applied, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	manifest.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(applied)
	services := client(t, c).CoreV1().Services("default")
	if _, err := services.Create(t.Context(), manifest, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, c) })
	until(t, "there is an address", func() bool { return len(get(t, c).Status.LoadBalancer.Ingress) > 0 })
	config := block(e, acctest.Classic, onePort+`
  source_ranges = ["10.0.0.0/8", "192.168.0.0/16"]
  labels        = { team = "net" }
  annotations   = { a = "b" }
`)
	w := acctest.NewWorkspace(t, config)
	if r := w.Run("import", "-no-color", "-input=false", resourceName, "classic,default,api"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustPlanEmpty()
	has(t, w, map[string]any{"ready": true, "exposure": "private", "ip": get(t, c).Status.LoadBalancer.Ingress[0].IP})
	// Whose it was is not asked any more: it is in the state.
	w.Write(strings.Replace(config, "8443", "9443", 1))
	r := w.Apply()
	says(t, "the error", r.Errors(), "kubectl-client-side-apply", "force_conflicts")
	w.Write(strings.Replace(strings.Replace(config, "8443", "9443", 1), onePort[:7], forced+onePort[:7], 1))
	w.MustApply()
	w.MustPlanEmpty()
	w.MustDestroy()
	gone(t, c)
}

// What is no private load balancer is not imported.
func TestAccImportOfPublic(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "api"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 443}}, Selector: map[string]string{"app": "api"}},
	}
	if _, err := client(t, c).CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, c) })
	until(t, "there is an address", func() bool { return len(get(t, c).Status.LoadBalancer.Ingress) > 0 })
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	if r := w.Run("import", "-no-color", "-input=false", resourceName, "classic,default,api"); r.ExitCode == 0 || !strings.Contains(r.Output, "not declared private") {
		t.Errorf("exit code %d: %s", r.ExitCode, r.Output)
	}
	// Nor is it taken over, by force or not.
	for _, more := range []string{"", forced} {
		w.Write(block(e, acctest.Classic, onePort+more))
		r := w.Apply()
		if r.ExitCode == 0 {
			t.Error("a public Service is taken over")
		}
	}
	if live := get(t, c); live.Annotations[ipType] != "" {
		t.Error("the Service was changed")
	}
}

// Somebody else's Service is not taken over, by force or not, while nobody knows
// how it is exposed: it stays theirs, whatever it proves to be.
func TestAccForeignServiceNotJudged(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.VPC)
	argocd(t, c, map[string]any{"type": "LoadBalancer", "selector": map[string]any{"app": "other"}, "ports": []any{map[string]any{"port": 80}}})
	t.Cleanup(func() { remove(t, c) })
	until(t, "there is an address", func() bool { return len(get(t, c).Status.LoadBalancer.Ingress) > 0 })
	uid := get(t, c).UID
	theirs := func() {
		t.Helper()
		if live := get(t, c); live.UID != uid || live.Annotations[framework.OwnerAnnotation] != "" || live.Spec.Selector["app"] != "other" {
			t.Errorf("the Service is not theirs any more: %+v", live)
		}
	}
	w := acctest.NewWorkspace(t, block(e, acctest.VPC, onePort+brief+forced))
	show := e.IKS.Fail(fakeiks.Fault{Path: "/vpc/v1/load_balancers", Status: 403})
	defer func() { show() }()
	r := w.Apply()
	says(t, "the error", r.Errors(), "is not proven to be private", "proves that its address is private")
	if r.ExitCode == 0 || w.Attributes(resourceName) != nil {
		t.Errorf("exit code %d, state %v", r.ExitCode, w.Attributes(resourceName))
	}
	theirs()
	show()
	r = w.Apply()
	says(t, "the error", r.Errors(), "There is a public Service of this name")
	theirs()

	// One that proves to be private is taken over by force.
	if _, err := c.LoadBalancers.Reassign(t.Context(), "default", "api", false); err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	has(t, w, map[string]any{"ready": true, "exposure": "private"})
	w.MustDestroy()
	gone(t, c)
}
