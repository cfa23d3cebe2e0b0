package nodeportguard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// rig is a real control plane with real Calico, the part under test connected
// to it, and a second client that plays everybody else.
type rig struct {
	plane   *controlplane.ControlPlane
	others  dynamic.Interface
	cluster *cluster.Cluster
	// raw is true where the door crd.projectcalico.org/v1 is the only one.
	raw bool
}

// onBothDoors runs a test through projectcalico.org/v3 and then, on the same
// cluster, through crd.projectcalico.org/v1.
func onBothDoors(t *testing.T, tests map[string]func(*testing.T, *rig)) {
	t.Helper()
	plane := parttest.Start(t, true)
	others, err := dynamic.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{plane: plane, others: others}
	r.node(t, "w0", nil)
	r.node(t, "w1", map[string]string{"dedicated": "edge"})
	for _, role := range []string{"worker_public", "worker_private"} {
		for i := range 2 {
			r.endpoint(t, fmt.Sprintf("w%d-%s", i, strings.ReplaceAll(role, "_", "-")), role, fmt.Sprintf("192.0.%d.%d", len(role), i+1))
		}
	}
	parttest.ThroughBothDoors(t, plane, func(t *testing.T, raw bool) {
		r.raw = raw
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, true)
				defer r.clear(t)
				test(t, r)
			})
		}
	})
}

func stored(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: resource}
}

func policies() schema.GroupVersionResource { return stored("globalnetworkpolicies") }

// store makes an object as Calico keeps it.
func (r *rig) store(t *testing.T, resource, kind, name string, spec map[string]any, labels map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": kind,
		"metadata": map[string]any{"name": name, "labels": labels}, "spec": spec,
	}}
	if _, err := r.others.Resource(stored(resource)).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) endpoint(t *testing.T, name, role, address string) {
	t.Helper()
	r.store(t, "hostendpoints", "HostEndpoint", name, map[string]any{
		"node": strings.SplitN(name, "-", 2)[0], "interfaceName": "eth1", "expectedIPs": []any{address},
	}, map[string]any{"ibm.role": role})
}

// node makes a node; remove takes it away again.
func (r *rig) node(t *testing.T, name string, labels map[string]string, addresses ...string) (remove func()) {
	t.Helper()
	client, err := kubernetes.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	for _, address := range addresses {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: address})
	}
	if _, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := client.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// loadBalancer makes a service; remove takes it away again.
func (r *rig) loadBalancer(t *testing.T, name string, port int32) (remove func()) {
	t.Helper()
	client, err := kubernetes.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: port}}},
	}
	if _, err := client.CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := client.CoreV1().Services("default").Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func (r *rig) remove(t *testing.T, resource, name string) {
	t.Helper()
	if err := r.others.Resource(stored(resource)).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
}

// clear removes what a test has left.
func (r *rig) clear(t *testing.T) {
	t.Helper()
	if err := r.others.Resource(policies()).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
}

// calicoctl applies a policy as calicoctl does, through the door that is open.
func (r *rig) calicoctl(t *testing.T, document string) {
	t.Helper()
	var object unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
		t.Fatal(err)
	}
	door := schema.GroupVersionResource{Group: "projectcalico.org", Version: "v3", Resource: "globalnetworkpolicies"}
	if r.raw {
		door = policies()
		name := object.GetName()
		inner, err := json.Marshal(map[string]any{"name": name, "labels": object.GetLabels(), "annotations": object.GetAnnotations(), "creationTimestamp": nil})
		if err != nil {
			t.Fatal(err)
		}
		object.SetAPIVersion("crd.projectcalico.org/v1")
		object.SetName("default." + name)
		object.SetAnnotations(map[string]string{"projectcalico.org/metadata": string(inner)})
	}
	if _, err := r.others.Resource(door).Create(t.Context(), &object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// patch changes the stored policy behind everybody's back.
func (r *rig) patch(t *testing.T, name, patch string) {
	t.Helper()
	if _, err := r.others.Resource(policies()).Patch(t.Context(), name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// names of the stored policies.
func (r *rig) names(t *testing.T) []string {
	t.Helper()
	found, err := r.others.Resource(policies()).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range found.Items {
		names = append(names, item.GetName())
	}
	return names
}

// version of the stored policy of the default name, "" if there is none.
func (r *rig) version(t *testing.T) string {
	t.Helper()
	got, err := r.others.Resource(policies()).Get(t.Context(), storedName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return got.GetResourceVersion()
}

// planned is a model as a plan has it: what the configuration leaves out is
// its default.
func planned(change func(*model)) *model {
	m := &model{}
	m.declare(guard{name: defaultName, tier: defaultTier, roles: []string{hostguard.DefaultRole}, ports: hostguard.Ports{{First: 30000, Last: 32767}}, protocols: hostguard.Protocols()[:2]})
	m.EvaluateLast = types.BoolValue(false)
	if change != nil {
		change(m)
	}
	return m
}

// held is the resource as its state has it.
type held = parttest.Held[model]

func newHeld(r *rig) *held {
	return parttest.New(framework.Part[model](part{}), func() *cluster.Cluster { return r.cluster })
}
