package strongswan

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// plane is an API server with one release in it.
type plane struct {
	pods     []corev1.Pod
	services []corev1.Service
	// refuses are endings of paths that the identity may not ask for.
	refuses []string
	// answer answers before the rest does, and tells whether it did.
	answer func(http.ResponseWriter, *http.Request) bool

	mu    sync.Mutex
	asked []string
}

// requests are what was asked for, but for the cluster's identity.
func (p *plane) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v1/namespaces/kube-system" {
		answerJSON(w, http.StatusOK, map[string]any{"kind": "Namespace", "apiVersion": "v1", "metadata": map[string]any{"name": "kube-system", "uid": "a-b-c"}})
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.URL.Path)
	p.mu.Unlock()
	switch {
	case slices.ContainsFunc(p.refuses, func(end string) bool { return strings.HasSuffix(r.URL.Path, end) }):
		answerRefusal(w, http.StatusForbidden, metav1.StatusReasonForbidden, "the identity may not do that")
	case p.answer != nil && p.answer(w, r):
	case r.URL.Path == "/api/v1/namespaces/default/pods":
		answerJSON(w, http.StatusOK, map[string]any{"kind": "PodList", "apiVersion": "v1", "items": selected(p.pods, r)})
	case r.URL.Path == "/api/v1/namespaces/default/services":
		answerJSON(w, http.StatusOK, map[string]any{"kind": "ServiceList", "apiVersion": "v1", "items": selected(p.services, r)})
	default:
		answerRefusal(w, http.StatusNotFound, metav1.StatusReasonNotFound, "there is nothing here")
	}
}

// selected are the objects if it is those of the release that were asked for.
func selected[T any](objects []T, r *http.Request) []T {
	if r.URL.Query().Get("labelSelector") != "app=strongswan,release=vpn" {
		return nil
	}
	return objects
}

func answerJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func answerRefusal(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	answerJSON(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

// cluster is the API server as the provider finds it.
func (p *plane) cluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	fleet := cluster.NewFleet(cluster.Options{
		Direct: map[string]func() (kube.Access, error){"test": func() (kube.Access, error) { return kube.Access{Host: front.URL}, nil }},
	})
	c, err := fleet.Find(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read is what the data source makes of it, which has to fit its schema.
func (p *plane) read(t *testing.T, m statusModel) (statusModel, error) {
	t.Helper()
	var resp datasource.SchemaResponse
	NewDataSource()().Schema(t.Context(), datasource.SchemaRequest{}, &resp)
	if d := resp.Schema.ValidateImplementation(t.Context()); d.HasError() {
		t.Fatal(d)
	}
	state := tfsdk.State{Schema: resp.Schema, Raw: tftypes.NewValue(resp.Schema.Type().TerraformType(t.Context()), nil)}
	for name, value := range map[string]any{"name": "vpn", "observe": m.Observe} {
		if d := state.SetAttribute(t.Context(), path.Root(name), value); d.HasError() {
			t.Fatal(d)
		}
	}
	// As a configuration is read: what is computed is null.
	if d := (&tfsdk.Config{Schema: state.Schema, Raw: state.Raw}).Get(t.Context(), &m); d.HasError() {
		t.Fatal(d)
	}
	err := readStatus(t.Context(), p.cluster(t), &m)
	if err != nil {
		return m, err
	}
	if d := state.Set(t.Context(), m); d.HasError() {
		t.Fatal(d)
	}
	return m, nil
}

// podOf is a VPN pod that runs and is ready, as changed.
func podOf(name string, changes ...func(*corev1.Pod)) corev1.Pod {
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, CreationTimestamp: metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Spec:       corev1.PodSpec{NodeName: "10.1.1.1", Containers: []corev1.Container{{Name: "strongswan"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "172.30.1.2",
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "strongswan", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	for _, change := range changes {
		change(&pod)
	}
	return pod
}

// builtinPod makes it one of the builtin chart.
func builtinPod(initiate string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers = []corev1.Container{{Name: "sidecar"}, {Name: vpnContainer, Env: []corev1.EnvVar{{Name: "VPN_INITIATE", Value: initiate}}}}
		p.Status.ContainerStatuses[0].Name = vpnContainer
	}
}

func unready(p *corev1.Pod) {
	p.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [strongswan]"}
}

func leavingPod(p *corev1.Pod) {
	p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: time.Now()}, []string{"x/y"}
}

// waitingPod has a container that does not run.
func waitingPod(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		unready(p)
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

func balancer(addresses ...string) corev1.Service {
	s := corev1.Service{TypeMeta: metav1.TypeMeta{Kind: "Service", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "vpn-strongswan"}}
	for _, a := range addresses {
		ingress := corev1.LoadBalancerIngress{IP: a}
		if strings.Contains(a, "example.com") {
			ingress = corev1.LoadBalancerIngress{Hostname: a}
		}
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, ingress)
	}
	return s
}
