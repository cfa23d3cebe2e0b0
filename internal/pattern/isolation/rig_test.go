package isolation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// rig is a real control plane with real Calico, the part under test connected
// to it, and a second client that plays everybody else.
type rig struct {
	plane   *controlplane.ControlPlane
	others  dynamic.Interface
	cluster *cluster.Cluster
}

// onBothDoors runs tests through projectcalico.org/v3 and then, on the same
// cluster, through crd.projectcalico.org/v1.
func onBothDoors(t *testing.T, tests map[string]func(*testing.T, *rig)) {
	t.Helper()
	plane := parttest.Start(t, true)
	others, err := dynamic.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{plane: plane, others: others}
	parttest.ThroughBothDoors(t, plane, func(t *testing.T, _ bool) {
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

func kinds() []string { return []string{"globalnetworkpolicies", "networkpolicies"} }

// titles of the policies that are stored, sorted.
func (r *rig) titles(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, kind := range kinds() {
		found, err := r.others.Resource(stored(kind)).List(context.WithoutCancel(t.Context()), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range found.Items {
			out = append(out, strings.TrimPrefix(item.GetNamespace()+"/"+strings.TrimPrefix(item.GetName(), "default."), "/"))
		}
	}
	slices.Sort(out)
	return out
}

// clear removes what a test has left.
func (r *rig) clear(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := r.others.Resource(stored(kinds()[0])).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.others.Resource(stored(kinds()[1])).Namespace(systemNamespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
}

// put stores a global policy of somebody else's.
func (r *rig) put(t *testing.T, name string, spec map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "GlobalNetworkPolicy",
		"metadata": map[string]any{"name": "default." + name}, "spec": spec,
	}}
	if _, err := r.others.Resource(stored(kinds()[0])).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// putInNamespace stores a policy in the namespace of the sets' own.
func (r *rig) putInNamespace(t *testing.T, name string) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": "default." + name, "namespace": systemNamespace},
		"spec":     map[string]any{"selector": "has(nothing)", "types": []any{"Ingress"}},
	}}
	if _, err := r.others.Resource(stored(kinds()[1])).Namespace(systemNamespace).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) delete(t *testing.T, name string) {
	t.Helper()
	if err := r.others.Resource(stored(kinds()[0])).Delete(t.Context(), "default."+name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// patch changes a stored global policy behind everybody's back.
func (r *rig) patch(t *testing.T, name, patch string) {
	t.Helper()
	if _, err := r.others.Resource(stored(kinds()[0])).Patch(t.Context(), "default."+name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// forbidUpdates has the cluster refuse every change of a global policy until
// allow is called, while there is allow-icmp-private.
func (r *rig) forbidUpdates(t *testing.T) (allow func()) {
	t.Helper()
	const group, version, name = "admissionregistration.k8s.io", "v1", "no-updates"
	refused := func() bool {
		_, err := r.others.Resource(stored(kinds()[0])).Patch(t.Context(), "default.allow-icmp-private", "application/merge-patch+json",
			[]byte(`{"metadata":{"labels":{"tried":"yes"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil
	}
	var removals []func() error
	for _, o := range []struct {
		resource, kind string
		spec           map[string]any
	}{
		{"validatingadmissionpolicies", "ValidatingAdmissionPolicy", map[string]any{
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
				"apiGroups": []any{"crd.projectcalico.org"}, "apiVersions": []any{"v1"}, "resources": []any{"globalnetworkpolicies"}, "operations": []any{"UPDATE"},
			}}},
			"validations": []any{map[string]any{"expression": "false"}},
		}},
		{"validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", map[string]any{"policyName": name, "validationActions": []any{"Deny"}}},
	} {
		client := r.others.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: o.resource})
		object := map[string]any{"apiVersion": group + "/" + version, "kind": o.kind, "metadata": map[string]any{"name": name}, "spec": o.spec}
		if _, err := client.Create(t.Context(), &unstructured.Unstructured{Object: object}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		removals = append(removals, func() error { return client.Delete(t.Context(), name, metav1.DeleteOptions{}) })
	}
	for !refused() {
		time.Sleep(50 * time.Millisecond)
	}
	return func() {
		for _, remove := range removals {
			if err := remove(); err != nil {
				t.Error(err)
			}
		}
		for refused() && t.Context().Err() == nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// mark marks this moment for moved.
func (r *rig) mark(t *testing.T) controlplane.AuditMark {
	t.Helper()
	mark, err := r.plane.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return mark
}

// moved gives what the provider has changed since, in its order: "create title", "delete title"...
func (r *rig) moved(t *testing.T, since controlplane.AuditMark) []string {
	t.Helper()
	events, err := r.plane.Audit(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events.FromAgent("terraform-provider-iks").OfVerb("create", "update", "delete") {
		path, _, _ := strings.Cut(e.URI, "?")
		name := strings.TrimPrefix(path[strings.LastIndexByte(path, '/')+1:], "default.")
		if e.Status < 300 && strings.Contains(path, "policies") {
			out = append(out, strings.TrimSuffix(e.Verb+" "+name, " "))
		}
	}
	return out
}

// proven is a proof that succeeds; refuted one that fails, after that was done.
func proven(context.Context, *kube.Client, time.Duration, func(string) bool) (after func(context.Context) error, failing []unproven) {
	return func(context.Context) error { return nil }, nil
}

func refuted(do func()) prove {
	return func(context.Context, *kube.Client, time.Duration, func(string) bool) (after func(context.Context) error, failing []unproven) {
		return func(context.Context) error {
			do()
			return errors.New("konnectivity is cut off")
		}, nil
	}
}

// held is the resource as its state has it.
type held struct {
	*parttest.Held[model]
	prove prove
}

func newHeld(r *rig) *held {
	h := &held{prove: proven}
	h.Held = parttest.New(framework.Part[model](part{prove: func(ctx context.Context, c *kube.Client, limit time.Duration, due func(string) bool) (func(context.Context) error, []unproven) {
		return h.prove(ctx, c, limit, due)
	}}), func() *cluster.Cluster { return r.cluster })
	return h
}

// breakingOff connects to the cluster anew, and gives a context that ends with
// the nth write.
func (r *rig) breakingOff(t *testing.T, n int) (context.Context, context.CancelFunc) {
	t.Helper()
	var left atomic.Int32
	left.Store(int32(n))
	ctx, cancel := context.WithCancel(t.Context())
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{RetryFor: -1, Observe: func(e kube.Exchange) {
		if e.Method != "GET" && left.Add(-1) == 0 {
			cancel()
		}
	}}, true)
	return ctx, cancel
}
