package nodeportguard

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func preview(t *testing.T, r *rig) {
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false)
	look := func(want *model) ([]string, error) {
		return part{}.Preview(t.Context(), r.cluster, framework.PreviewRequest[model]{Want: want, Owner: parttest.Managed(framework.Owner{})})
	}
	warnings, err := look(planned(nil))
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "TCP, UDP 30000:32767 are denied at 2 host endpoints (worker_public)") {
		t.Errorf("warnings = %q, error = %v", warnings, err)
	}
	if got := r.names(t); len(got) > 0 {
		t.Fatalf("a preview stored %v", got)
	}
	if _, err := look(planned(func(m *model) { m.Exempt = types.SetUnknown(types.StringType) })); err != nil {
		t.Errorf("with unknown addresses: %v", err)
	}
	if _, err := look(planned(func(m *model) { m.Roles = set("master_public") })); !strings.Contains(parttest.Refusal(t, err), "no host endpoint") {
		t.Errorf("without host endpoints: %v", err)
	}
	if warnings, err = look(planned(func(m *model) { m.Exempt = set("203.0.113.9") })); err != nil || !strings.Contains(strings.Join(warnings, "\n"), "203.0.113.9") {
		t.Errorf("warnings = %q, error = %v", warnings, err)
	}

	r.calicoctl(t, published)
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false)
	if _, err := look(planned(nil)); !strings.Contains(parttest.Refusal(t, err), "not ours") {
		t.Errorf("over a stranger's policy: %v", err)
	}
	if warnings, err = look(planned(asPublished)); err != nil || !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, "taken over") }) {
		t.Errorf("adopting: warnings = %q, error = %v", warnings, err)
	}
	if warnings, err = look(planned(func(m *model) { m.Force = types.BoolValue(true) })); err != nil || !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, "overwritten") }) {
		t.Errorf("forced: warnings = %q, error = %v", warnings, err)
	}
	r.clear(t)

	h := newHeld(&rig{cluster: parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, true)})
	h.MustApply(t, planned(nil))
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false)
	// Another resource's policy may be removed in the run that is planned.
	if warnings, err = look(planned(asPublished)); err != nil || !strings.Contains(strings.Join(warnings, "\n"), "ownership stamp of another resource") {
		t.Errorf("over another resource's: warnings = %q, error = %v", warnings, err)
	}
	held := framework.PreviewRequest[model]{Want: planned(nil), Prior: h.State, Owner: h.Owner}
	if warnings, err := (part{}).Preview(t.Context(), r.cluster, held); err != nil || len(warnings) > 0 {
		t.Errorf("nothing to do: warnings = %q, error = %v", warnings, err)
	}
	held.Want = planned(asPublished)
	before := r.version(t)
	if _, err := (part{}).Preview(t.Context(), r.cluster, held); err != nil {
		t.Errorf("a change: %v", err)
	}
	if r.version(t) != before {
		t.Error("a preview wrote")
	}
}

// What is not known while planning may turn out to be what makes a guard fit,
// so a plan warns where applying refuses.
func previewOfUnknowns(t *testing.T, r *rig) {
	defer r.loadBalancer(t, "db", 27017)()
	wide := func(change func(*model)) *model {
		return planned(func(m *model) {
			m.PortRanges = list("20000:32767")
			change(m)
		})
	}
	unknown := types.SetUnknown(types.StringType)
	masters := func(change func(*model)) *model {
		return planned(func(m *model) {
			m.Roles = set("master_public")
			change(m)
		})
	}
	r.calicoctl(t, published)
	elsewhere := func(m *model) { m.Name = types.StringValue("elsewhere") }
	for name, test := range map[string]struct {
		want *model
		warn string // "" for a refusal
	}{
		"all is known": {wide(elsewhere), ""},
		"sources":      {wide(func(m *model) { elsewhere(m); m.Sources = unknown }), ""},
		"destinations": {wide(func(m *model) { elsewhere(m); m.Destinations = unknown }), "27017"},
		"one of them": {wide(func(m *model) {
			elsewhere(m)
			m.Destinations = types.SetValueMust(types.StringType, []attr.Value{types.StringUnknown()})
		}), "27017"},
		"exempt addresses":    {wide(func(m *model) { elsewhere(m); m.Exempt = unknown }), "27017"},
		"acknowledged ports":  {wide(func(m *model) { elsewhere(m); m.Acknowledged = types.SetUnknown(types.Int64Type) }), "27017"},
		"safety checks":       {wide(func(m *model) { elsewhere(m); m.SafetyChecks = types.StringUnknown() }), "27017"},
		"no host endpoints":   {masters(elsewhere), ""},
		"when there are none": {masters(func(m *model) { elsewhere(m); m.WhenNone = types.StringUnknown() }), "no host endpoint"},
		"one of the roles": {masters(func(m *model) {
			elsewhere(m)
			m.Roles = types.SetValueMust(types.StringType, []attr.Value{types.StringValue("master_public"), types.StringUnknown()})
		}), "no host endpoint"},
		"somebody else's":       {planned(nil), ""},
		"forcing may be wanted": {planned(func(m *model) { m.Force = types.BoolUnknown() }), "not ours"},
	} {
		t.Run(name, func(t *testing.T) {
			r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, false)
			warnings, err := part{}.Preview(t.Context(), r.cluster, framework.PreviewRequest[model]{Want: test.want, Owner: parttest.Managed(framework.Owner{})})
			if test.warn == "" {
				parttest.Refusal(t, err)
				return
			}
			if err != nil || !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, test.warn) }) {
				t.Errorf("warnings = %q, error = %v, want a warning of %q", warnings, err, test.warn)
			}
		})
	}
}

func readOnlyPreview(t *testing.T, r *rig) {
	client, err := kubernetes.NewForConfig(r.plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "calico-reader"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"projectcalico.org", "crd.projectcalico.org"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "calico-reader"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "calico-reader"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "reader"}},
	}
	if _, err := client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	access := parttest.Admin(r.plane)
	if access.ClientCertificate, access.ClientKey, err = r.plane.ClientCertificate("reader"); err != nil {
		t.Fatal(err)
	}
	r.cluster = parttest.Connect(t, access, kube.Options{}, false)
	warnings, err := part{}.Preview(t.Context(), r.cluster, framework.PreviewRequest[model]{Want: planned(nil), Owner: parttest.Managed(framework.Owner{})})
	if !apierrors.IsForbidden(err) || !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, "may not be listed") }) {
		t.Errorf("warnings = %q, error = %v; want what was seen, and the dry run's refusal for the engine to judge", warnings, err)
	}
}

func requestsOfAPlan(t *testing.T, r *rig) {
	one, two := newHeld(r), newHeld(r)
	one.MustApply(t, planned(nil))
	if err := two.Apply(t.Context(), planned(func(m *model) { m.Name, m.Roles = types.StringValue("private"), set("worker_private") })); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var requests []string
	bytes := 0
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		requests, bytes = append(requests, fmt.Sprintf("%s %s (%d)", e.Method, e.Path, e.Bytes)), bytes+e.Bytes
	}}, false)
	for _, h := range []*held{one, two} {
		if found := h.Observe(t); len(found.Drift) > 0 {
			t.Errorf("drift = %q", found.Drift)
		}
	}
	// The cluster's identity, the door (two to find the v1 one), policies, host
	// endpoints, Felix: the same for any number of guards.
	want := 5
	if r.raw {
		want = 6
	}
	if len(requests) != want || slices.ContainsFunc(requests, func(s string) bool { return !strings.HasPrefix(s, "GET ") }) {
		t.Errorf("%d requests, want %d: %q", len(requests), want, requests)
	}
	t.Logf("two guards: %d requests, %d bytes: %q", len(requests), bytes, requests)
}

func requestsOfAnApply(t *testing.T, r *rig) {
	var mu sync.Mutex
	var requests []string
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, e.Method)
	}}, true)
	newHeld(r).MustApply(t, planned(nil))
	if writes := slices.DeleteFunc(slices.Clone(requests), func(m string) bool { return m == "GET" }); !slices.Equal(writes, []string{"POST"}) {
		t.Errorf("writes are %v, want one POST", writes)
	}
	t.Logf("create: %d requests", len(requests))
}
