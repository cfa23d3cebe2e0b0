package controlplane_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// edge sets a node apart as the pattern does, and sees the real controllers
// move the pods away.
func edge(t *testing.T, c *controlplane.ControlPlane) {
	api := client(t, c.RESTConfig())
	if err := c.AddNodes(t.Context(), controlplane.Node{Name: "edge"}, controlplane.Node{Name: "worker"}); err != nil {
		t.Fatal(err)
	}
	replicas := int32(4)
	labels := map[string]string{"app": "web"}
	_, err := api.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "pods on the node to be", func(ctx context.Context) error {
		return podsRun(ctx, api, int(replicas), func(nodes []string) bool { return slices.Contains(nodes, "edge") })
	})

	patch := `{"metadata":{"labels":{"dedicated":"edge"}},"spec":{"taints":[
		{"key":"dedicated","value":"edge","effect":"NoSchedule"},{"key":"dedicated","value":"edge","effect":"NoExecute"}]}}`
	_, err = api.CoreV1().Nodes().Patch(t.Context(), "edge", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "pods moved away", func(ctx context.Context) error {
		return podsRun(ctx, api, int(replicas), func(nodes []string) bool { return !slices.Contains(nodes, "edge") })
	})

	if err := c.RemoveNode(t.Context(), "worker"); err != nil {
		t.Fatal(err)
	}
	await(t, "pods moved off the removed node", func(ctx context.Context) error {
		return podsRun(ctx, api, int(replicas), func(nodes []string) bool {
			return !slices.Contains(nodes, "worker") && !slices.Contains(nodes, "edge")
		})
	})
}

// podsRun is no error when so many pods run, on nodes that please.
func podsRun(ctx context.Context, api kubernetes.Interface, count int, please func(nodes []string) bool) error {
	pods, err := api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		return err
	}
	var nodes []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			nodes = append(nodes, pod.Spec.NodeName)
		}
	}
	if len(nodes) != count || !please(nodes) {
		return fmt.Errorf("%d pods run, on %v", len(nodes), nodes)
	}
	return nil
}

func audit(t *testing.T, c *controlplane.ControlPlane) {
	config := c.RESTConfig()
	config.UserAgent = "somebody/1.0"
	api := client(t, config)
	before, err := c.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := api.CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{Limit: 1}); err != nil {
			t.Fatal(err)
		}
	}
	watcher.Stop()
	if _, err := api.CoreV1().Nodes().Get(t.Context(), "nobody", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	if _, err := client(t, c.RESTConfig()).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	all, err := c.Audit(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, event := range all.FromAgent("somebody/") {
		seen = append(seen, fmt.Sprintf("%s %s %d", event.Verb, strings.TrimPrefix(event.URI, "/api/v1"), event.Status))
		if event.User != "localiks-admin" || event.ID == "" || time.Since(event.Time) > time.Minute {
			t.Errorf("event is %+v", event)
		}
	}
	slices.Sort(seen)
	want := []string{"get /nodes/nobody 404", "list /nodes?limit=1 200", "list /nodes?limit=1 200", "list /nodes?limit=1 200", "watch /nodes?watch=true 200"}
	if !slices.Equal(seen, want) {
		t.Errorf("requests were\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if lists := all.OfVerb("list"); len(lists) != 4 {
		t.Errorf("%d lists, want 4: %v", len(lists), lists)
	}
	after, err := c.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	later, err := c.Audit(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	if later := later.FromAgent("somebody/"); len(later) != 0 {
		t.Errorf("after the mark there is %v", later)
	}
}

// calico looks through both doors, and opens and shuts the second one.
func calico(t *testing.T, c *controlplane.ControlPlane) {
	door := func(group, version string) dynamic.ResourceInterface {
		api, err := dynamic.NewForConfig(c.RESTConfig())
		if err != nil {
			t.Fatal(err)
		}
		return api.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: "globalnetworkpolicies"})
	}
	v1, v3 := door("crd.projectcalico.org", "v1"), door("projectcalico.org", "v3")
	apply := func(name string, spec map[string]any) error {
		policy := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy",
			"metadata": map[string]any{"name": name}, "spec": spec,
		}}
		_, err := v3.Apply(t.Context(), name, policy, metav1.ApplyOptions{FieldManager: "test"})
		return err
	}
	served := func() bool {
		groups, err := client(t, c.RESTConfig()).Discovery().ServerGroups()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(groups.Groups, func(g metav1.APIGroup) bool { return g.Name == "projectcalico.org" })
	}

	if _, err := v1.List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("crd v1: %v", err)
	}
	if _, err := v3.List(t.Context(), metav1.ListOptions{}); !apierrors.IsNotFound(err) || served() {
		t.Errorf("v3 before it is opened: %v", err)
	}

	if err := c.SetCalicoAPI(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if !served() {
		t.Error("v3 is open and not discovered")
	}
	deny := map[string]any{
		"order": int64(1100), "preDNAT": true, "applyOnForward": true, "selector": "ibm.role == 'worker_public'",
		"ingress": []any{map[string]any{"action": "Deny", "protocol": "TCP", "destination": map[string]any{"ports": []any{"30000:32767"}}}},
	}
	if err := apply("deny-nodeports", deny); err != nil {
		t.Fatal(err)
	}
	stored, err := v1.Get(t.Context(), "default.deny-nodeports", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(stored.Object["spec"]); !strings.Contains(got, "30000:32767") || !strings.Contains(got, "types:[Ingress]") {
		t.Errorf("stored as %s", got)
	}
	answered, err := v3.Get(t.Context(), "deny-nodeports", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := answered.GetLabels()["projectcalico.org/tier"]; got != "default" {
		t.Errorf("answered with the label for tier %q: %v", got, answered.Object)
	}
	delete(deny, "applyOnForward")
	// The refusal has status 500 and no reason, only this text.
	if err := apply("invalid", deny); err == nil || !strings.Contains(err.Error(), "ApplyOnForward must be true") {
		t.Errorf("preDNAT without applyOnForward: %v", err)
	}

	for range 2 { // shutting what is shut is no error
		if err := c.SetCalicoAPI(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v3.List(t.Context(), metav1.ListOptions{}); !apierrors.IsNotFound(err) || served() {
		t.Errorf("v3 after it is shut: %v", err)
	}
	if _, err := v1.Get(t.Context(), "default.deny-nodeports", metav1.GetOptions{}); err != nil {
		t.Errorf("the policy behind the shut door: %v", err)
	}
	if err := c.SetCalicoAPI(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := v3.Get(t.Context(), "deny-nodeports", metav1.GetOptions{}); err != nil {
		t.Errorf("the policy behind the opened door: %v", err)
	}
}

// outage makes the API server hang and vanish, and sees that everything goes
// on afterwards.
func outage(t *testing.T, c *controlplane.ControlPlane) {
	ask := func(timeout time.Duration) error {
		config := c.RESTConfig()
		config.Timeout = timeout
		_, err := client(t, config).Discovery().ServerVersion()
		return err
	}
	goesOn := func(name string) {
		if err := c.AddNode(t.Context(), controlplane.Node{Name: name}); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	}

	if err := c.PauseAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if err := ask(500 * time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("while paused: %v", err)
	}
	if _, err := c.Audit(t.Context(), controlplane.AuditMark{}); err != nil {
		t.Errorf("audit while paused: %v", err)
	}
	if err := c.ResumeAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	goesOn("resumed")

	server := c.Server()
	if err := c.StopAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The first attempt may go over a connection from before, and is made again.
	if err := ask(10 * time.Second); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("while stopped: %v", err)
	}
	if err := c.StartAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Server() != server {
		t.Errorf("moved from %s to %s", server, c.Server())
	}
	goesOn("restarted")
}
