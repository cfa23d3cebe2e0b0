package isolation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
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
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "isolated", Dir: t.TempDir(), CalicoAPI: true, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	others, err := dynamic.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{plane: plane, others: others}
	for _, door := range []string{"projectcalico.org/v3", "crd.projectcalico.org/v1"} {
		t.Run(door, func(t *testing.T) {
			if door == "crd.projectcalico.org/v1" {
				if err := plane.SetCalicoAPI(t.Context(), false); err != nil {
					t.Fatal(err)
				}
			}
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					r.cluster = r.connect(t, kube.Options{})
					defer r.clear(t)
					test(t, r)
				})
			}
		})
	}
}

// connect gives the cluster as a new provider process sees it, applying.
func (r *rig) connect(t *testing.T, options kube.Options) *cluster.Cluster {
	t.Helper()
	certificate, key := r.plane.AdminCertificate()
	access := kube.Access{Host: r.plane.Server(), CACertificate: r.plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}
	fleet := cluster.NewFleet(cluster.Options{
		IKS:    func() (*iks.Client, error) { return nil, errors.New("there is no IKS here") },
		Direct: map[string]func() (kube.Access, error){"isolated": func() (kube.Access, error) { return access, nil }},
		Kube:   options,
	})
	fleet.BeginApply()
	c, err := fleet.Find(t.Context(), "isolated")
	if err != nil {
		t.Fatal(err)
	}
	return c
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
	rig   *rig
	prove prove
	state *model
	owner framework.Owner
	// warned are the warnings of the last apply.
	warned []string
}

func newHeld(r *rig) *held { return &held{rig: r, prove: proven, owner: labelled(framework.Owner{})} }

func labelled(o framework.Owner) framework.Owner {
	o.Labels = map[string]string{framework.ManagedByLabel: framework.ManagedByValue}
	return o
}

// apply does what the engine does: act, then look.
func (h *held) apply(t *testing.T, want *model) error {
	t.Helper()
	return h.applyWithin(t, t.Context(), want)
}

func (h *held) applyWithin(t *testing.T, ctx context.Context, want *model) error {
	t.Helper()
	h.warned = nil
	stamp := h.owner.Stamp
	if stamp == "" {
		stamp = "stamp-" + strings.ReplaceAll(t.Name(), "/", "-")
	}
	r := framework.ApplyRequest[model]{
		Want: want, Prior: h.state, Owner: h.owner, Stamp: stamp,
		Warn: func(summary, detail string) { h.warned = append(h.warned, summary+": "+detail) },
	}
	if err := (part{prove: h.prove}).Apply(ctx, h.rig.cluster, r); err != nil {
		return err
	}
	h.state, h.owner = want, labelled(framework.Owner{Stamp: stamp, Known: true})
	return nil
}

func (h *held) mustApply(t *testing.T, want *model) {
	t.Helper()
	if err := h.apply(t, want); err != nil {
		t.Fatalf("apply: %v", err)
	}
	if found := h.observe(t); found.Gone || len(found.Drift)+len(found.Missing) > 0 {
		t.Fatalf("after apply: %+v", found)
	}
}

func (h *held) observe(t *testing.T) framework.Observation {
	t.Helper()
	found, err := part{}.Observe(t.Context(), h.rig.cluster, h.state, h.owner)
	if err != nil {
		t.Fatalf("observe: %v", err)
	}
	return found
}

func (h *held) mustRemove(t *testing.T) []string {
	t.Helper()
	warnings, err := part{}.Remove(t.Context(), h.rig.cluster, h.state, h.owner)
	if err != nil {
		t.Fatalf("remove: %v", err)
	}
	return warnings
}

// refusal gives the text of a refusal, and fails the test if it is none.
func refusal(t *testing.T, err error) string {
	t.Helper()
	refused, ok := framework.AsRefusal(err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	return refused.Error()
}
