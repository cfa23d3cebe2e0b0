package calico_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

const stamp = "terraform-provider-iks/owner"

// TestRealCalico holds this package against the real Calico API server and the stored objects under it, through both
// doors and through a change of door.
func TestRealCalico(t *testing.T) {
	t.Parallel()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "calico", Dir: t.TempDir(), Log: t.Output(), CalicoAPI: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := &server{plane: plane}
	t.Run("v3", func(t *testing.T) {
		t.Run("opens", r.opens("projectcalico.org/v3"))
		t.Run("life of a policy", r.life)
		t.Run("policy of a namespace", r.namespaced)
		t.Run("policies of others", r.others)
		t.Run("check agrees with Calico", r.checkAgrees)
		t.Run("host endpoints and the rest", r.rest)
		t.Run("leave behind", r.leaveBehind("by-v3"))
	})
	r.door(t, false)
	t.Run("v1", func(t *testing.T) {
		t.Run("opens", r.opens("crd.projectcalico.org/v1"))
		t.Run("life of a policy", r.life)
		t.Run("policy of a namespace", r.namespaced)
		t.Run("policies of others", r.others)
		t.Run("host endpoints and the rest", r.rest)
		t.Run("what v3 left behind", r.takeOver("by-v3"))
		t.Run("leave behind", r.leaveBehind("by-v1"))
	})
	r.door(t, true)
	t.Run("v3 again", func(t *testing.T) {
		t.Run("what v1 left behind", r.takeOver("by-v1"))
		t.Run("what both wrote", r.takeOver("by-v3"))
		t.Run("nothing else is left", r.nothingLeft)
	})
	if err := plane.StopAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("unreachable", r.unreachable)
}

type server struct {
	plane *controlplane.ControlPlane
}

// connect opens a client that remembers nothing of a former door.
func (r *server) connect(t *testing.T) (*kube.Client, *calico.Client) {
	t.Helper()
	certificate, key := r.plane.AdminCertificate()
	k, err := kube.New(kube.Access{Host: r.plane.Server(), CACertificate: r.plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.CloseIdleConnections)
	c, err := calico.Open(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return k, c
}

func (r *server) door(t *testing.T, v3 bool) {
	t.Helper()
	if err := r.plane.SetCalicoAPI(t.Context(), v3); err != nil {
		t.Fatal(err)
	}
}

func (r *server) opens(want string) func(*testing.T) {
	return func(t *testing.T) {
		if _, c := r.connect(t); c.API() != want {
			t.Errorf("opened %s", c.API())
		}
	}
}

// guard is the published policy.
func guard(name string) calico.Policy {
	order := 1100.0
	p := calico.Policy{
		Name: name, Labels: map[string]string{"team": "net"}, Annotations: map[string]string{stamp: "owner-of-" + name},
		Spec: v3.GlobalNetworkPolicySpec{Order: &order, Selector: calico.RoleSelector("worker_public"), PreDNAT: true, ApplyOnForward: true},
	}
	document := `[{"action":"Deny","protocol":"TCP","destination":{"ports":["30000:32767"]}},{"action":"Deny","protocol":"UDP","destination":{"ports":["30000:32767"]}}]`
	if err := json.Unmarshal([]byte(document), &p.Spec.Ingress); err != nil {
		panic(err)
	}
	return p
}

func (r *server) life(t *testing.T) {
	ctx := t.Context()
	_, c := r.connect(t)
	policies := c.GlobalNetworkPolicies()
	want := guard("life")
	if _, err := policies.Get(ctx, "life"); !apierrors.IsNotFound(err) {
		t.Fatalf("before it is there: %v", err)
	}
	if _, err := policies.Create(ctx, want, true); err != nil {
		t.Fatalf("dry run: %v", err)
	}
	if _, err := policies.Get(ctx, "life"); !apierrors.IsNotFound(err) {
		t.Fatalf("after the dry run: %v", err)
	}
	made, err := policies.Create(ctx, want, false)
	if err != nil {
		t.Fatal(err)
	}
	same(t, made, want)
	if _, err := policies.Create(ctx, want, false); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	for _, name := range []string{"life", "default.life"} {
		got, err := policies.Get(ctx, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, got, want)
	}
	stale := made
	want.Spec.Order, want.Labels = nil, nil
	want.Annotations = map[string]string{stamp: "other", "more": "1"}
	made.Spec, made.Labels, made.Annotations = want.Spec, want.Labels, want.Annotations
	if dry, err := policies.Update(ctx, made, true); err != nil || dry.Annotations["more"] != "1" {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	updated, err := policies.Update(ctx, made, false)
	if err != nil {
		t.Fatal(err)
	}
	same(t, updated, want)
	if _, err := policies.Update(ctx, stale, false); !apierrors.IsConflict(err) {
		t.Errorf("update of an old version: %v", err)
	}
	if err := policies.Delete(ctx, stale, false); !apierrors.IsConflict(err) {
		t.Errorf("delete of an old version: %v", err)
	}
	again, err := policies.Update(ctx, updated, false)
	if err != nil {
		t.Errorf("update that changes nothing: %v", err)
	}
	if err := policies.Delete(ctx, again, true); err != nil {
		t.Errorf("dry run: %v", err)
	}
	current, err := policies.CachedGet(ctx, "life")
	if err != nil {
		t.Fatalf("after the dry run: %v", err)
	}
	same(t, current, want)
	if err := policies.Delete(ctx, current, false); err != nil {
		t.Error(err)
	}
	if _, err := policies.Get(ctx, "life"); !apierrors.IsNotFound(err) {
		t.Errorf("after the delete: %v", err)
	}
}

// namespaced takes a policy of a namespace through its life, beside a global one of the same name.
func (r *server) namespaced(t *testing.T) {
	ctx := t.Context()
	_, c := r.connect(t)
	policies, elsewhere := c.NetworkPolicies("kube-public"), c.NetworkPolicies("default")
	want := calico.Policy{Name: "web", Annotations: map[string]string{stamp: "me"}, Spec: v3.GlobalNetworkPolicySpec{
		Selector: "app == 'web'", Ingress: []v3.Rule{{Action: v3.Allow, Source: v3.EntityRule{Nets: []string{"10.0.0.1"}}}},
	}}
	made, err := policies.Create(ctx, want, false)
	if err != nil {
		t.Fatal(err)
	}
	same(t, made, want)
	if _, err := policies.Create(ctx, want, false); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	for name, p := range map[string]calico.Policies{"another namespace": elsewhere, "global": c.GlobalNetworkPolicies()} {
		if _, err := p.Get(ctx, "web"); !apierrors.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	want.Spec.Egress = []v3.Rule{{Action: v3.Pass}}
	made.Spec = want.Spec
	if made, err = policies.Update(ctx, made, false); err != nil {
		t.Fatal(err)
	}
	cached, err := policies.CachedGet(ctx, "web")
	if err != nil || cached.Namespace != "kube-public" {
		t.Fatalf("got %+v, %v", cached, err)
	}
	same(t, cached, want)
	if err := policies.Delete(ctx, made, false); err != nil {
		t.Error(err)
	}
	if _, err := policies.Get(ctx, "web"); !apierrors.IsNotFound(err) {
		t.Errorf("after the delete: %v", err)
	}
	if _, err := c.NetworkPolicies("nowhere").Create(ctx, want, false); !apierrors.IsNotFound(err) {
		t.Errorf("in no namespace: %v", err)
	}
}

// same wants a policy to be what was asked for, and nothing more.
func same(t *testing.T, got, want calico.Policy) {
	t.Helper()
	if got.Name != want.Name || !maps.Equal(got.Labels, want.Labels) || !maps.Equal(got.Annotations, want.Annotations) {
		t.Errorf("got %s, labels %v, annotations %v; want %s, %v, %v", got.Name, got.Labels, got.Annotations, want.Name, want.Labels, want.Annotations)
	}
	if drift := got.Drift(want.Spec); len(drift) > 0 || !calico.Equal(got.Spec, want.Spec) {
		t.Errorf("%s differs: %q", got.Name, drift)
	}
	if len(got.Unknown) > 0 || got.Unreadable != nil || got.ResourceVersion == "" {
		t.Errorf("%s: unknown fields %q, %v, version %q", got.Name, got.Unknown, got.Unreadable, got.ResourceVersion)
	}
}

// others are policies that were made by other means: with the prefix in their name, and by kubectl in the store itself.
func (r *server) others(t *testing.T) {
	ctx := t.Context()
	k, c := r.connect(t)
	policies := c.GlobalNetworkPolicies()
	client, err := dynamic.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	group, version, _ := strings.Cut(c.API(), "/")
	served := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: "globalnetworkpolicies"})
	store := client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"})
	put := func(in dynamic.ResourceInterface, name string, metadata map[string]string) {
		t.Helper()
		o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"selector": "x == 'y'", "types": []any{"Ingress"}}}}
		o.SetAPIVersion("crd.projectcalico.org/v1")
		if in == served {
			o.SetAPIVersion(c.API())
		}
		o.SetKind("GlobalNetworkPolicy")
		o.SetName(name)
		o.SetAnnotations(metadata)
		if _, err := in.Create(ctx, o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(served, "default.typed-with-prefix", nil)
	put(store, "default.in-the-store", map[string]string{"mine": "1"})
	want := v3.GlobalNetworkPolicySpec{Selector: `x == "y"`}
	for _, name := range []string{"typed-with-prefix", "in-the-store"} {
		policy, err := policies.Get(ctx, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if drift := policy.Drift(want); policy.Name != name || len(drift) > 0 {
			t.Errorf("%s: got %s, %q", name, policy.Name, drift)
		}
		cached, err := policies.CachedGet(ctx, name)
		if err != nil || cached.Name != name {
			t.Errorf("%s from the list: %+v, %v", name, cached, err)
		}
		before := policy.StoredName()
		policy.Annotations = map[string]string{stamp: "adopted"}
		adopted, err := policies.Update(ctx, policy, false)
		if err != nil {
			t.Errorf("adopting %s: %v", name, err)
			continue
		}
		if adopted.StoredName() != before || !maps.Equal(adopted.Annotations, policy.Annotations) {
			t.Errorf("adopted %s as %s with %v", before, adopted.StoredName(), adopted.Annotations)
		}
		if err := policies.Delete(ctx, adopted, false); err != nil {
			t.Errorf("deleting %s: %v", name, err)
		}
	}
	if _, err := kube.Get(ctx, k, kube.Namespaces, "", "kube-system"); err != nil {
		t.Error(err)
	}
}

// checkAgrees asks the real Calico about each spec that Check judges.
func (r *server) checkAgrees(t *testing.T) {
	ctx := t.Context()
	client, err := dynamic.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	api := client.Resource(schema.GroupVersionResource{Group: "projectcalico.org", Version: "v3", Resource: "globalnetworkpolicies"})
	ask := func(document string) error {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": map[string]any{"name": "judged"}}}
		var spec map[string]any
		if err := json.Unmarshal([]byte(document), &spec); err != nil {
			t.Fatal(err)
		}
		o.Object["spec"] = spec
		if _, err := api.Create(ctx, o, metav1.CreateOptions{}); err != nil {
			return err
		}
		return api.Delete(ctx, "judged", metav1.DeleteOptions{})
	}
	for name, document := range calico.RefusedSpecs() {
		if err := ask(document); err == nil {
			t.Errorf("Calico takes what Check refuses: %s", name)
		}
	}
	for name, document := range calico.AcceptedSpecs() {
		if err := ask(document); err != nil {
			t.Errorf("Calico refuses what Check takes: %s: %v", name, err)
		}
	}
}

func (r *server) rest(t *testing.T) {
	ctx := t.Context()
	_, c := r.connect(t)
	group, version, _ := strings.Cut(c.API(), "/")
	client, err := dynamic.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	endpoint := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": c.API(), "kind": "HostEndpoint",
		"metadata": map[string]any{"name": "w1-" + version, "labels": map[string]any{"ibm.role": "worker_public"}},
		"spec":     map[string]any{"node": "10.0.0.1", "interfaceName": "eth1", "expectedIPs": []any{"169.1.2.3"}},
	}}
	if _, err := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: "hostendpoints"}).Create(ctx, endpoint, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	endpoints, err := c.HostEndpoints(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	// Through v1 the endpoint that was made through v3 is there too, with its label in the annotation.
	for _, e := range calico.WithRoles(endpoints, "worker_public") {
		if !strings.HasPrefix(e.Name, "w1-") || e.Node != "10.0.0.1" || e.Interface != "eth1" || !slices.Equal(e.ExpectedIPs, []string{"169.1.2.3"}) {
			t.Errorf("got %+v", e)
		}
	}
	if got := len(calico.WithRoles(endpoints, "worker_public")); got != len(endpoints) || got == 0 {
		t.Errorf("%d of %d endpoints have their role", got, len(endpoints))
	}
	ports, err := c.FailsafePorts(ctx, true)
	if err != nil || len(ports) != 9 {
		t.Errorf("got %v, %v", ports, err)
	}
	tiers, err := c.Tiers(ctx, false)
	if err != nil || !slices.ContainsFunc(tiers, func(tier calico.Tier) bool { return tier.Name == "default" }) {
		t.Errorf("got %+v, %v", tiers, err)
	}
}

func (r *server) leaveBehind(name string) func(*testing.T) {
	return func(t *testing.T) {
		_, c := r.connect(t)
		if _, err := c.GlobalNetworkPolicies().Create(t.Context(), guard(name), false); err != nil {
			t.Fatal(err)
		}
	}
}

// takeOver finds, changes and, when it has been written through both doors, deletes what was made through the other.
func (r *server) takeOver(name string) func(*testing.T) {
	return func(t *testing.T) {
		ctx := t.Context()
		_, c := r.connect(t)
		policies := c.GlobalNetworkPolicies()
		got, err := policies.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		want := guard(name)
		if round := got.Annotations["round"]; round != "" {
			want.Annotations["round"] = round
		}
		same(t, got, want)
		all, err := policies.List(ctx, true)
		if err != nil || !slices.ContainsFunc(all, func(p calico.Policy) bool {
			return p.Name == name && p.Annotations[stamp] == "owner-of-"+name
		}) {
			t.Errorf("the list has %+v, %v", all, err)
		}
		got.Annotations["round"] += "x"
		updated, err := policies.Update(ctx, got, false)
		if err != nil {
			t.Fatal(err)
		}
		want.Annotations = maps.Clone(got.Annotations)
		same(t, updated, want)
		if c.API() == "projectcalico.org/v3" {
			if err := policies.Delete(ctx, updated, false); err != nil {
				t.Error(err)
			}
		}
	}
}

func (r *server) nothingLeft(t *testing.T) {
	_, c := r.connect(t)
	all, err := c.GlobalNetworkPolicies().List(t.Context(), false)
	if err != nil || len(all) != 0 {
		t.Errorf("left %+v, %v", all, err)
	}
}

func (r *server) unreachable(t *testing.T) {
	k, err := kube.New(kube.Access{Host: r.plane.Server(), CACertificate: r.plane.CACertificate()}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calico.Open(context.WithoutCancel(t.Context()), k); !kube.Unreachable(err) || errors.Is(err, calico.ErrNoCalico) {
		t.Errorf("got %v", err)
	}
}
