package nodeportguard

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const storedName = "default." + defaultName

// TestOnRealClusters takes the part through its life on a real API server.
func TestOnRealClusters(t *testing.T) {
	t.Parallel()
	onBothDoors(t, map[string]func(*testing.T, *rig){
		"life":                 life,
		"published policy":     publishedPolicy,
		"import":               imports,
		"adoption":             adoption,
		"IBM's":                ibms,
		"drift heals":          driftHeals,
		"rename":               rename,
		"another tier":         retier,
		"taken over":           takenOver,
		"somebody is faster":   faster,
		"services":             services,
		"no endpoints":         noEndpoints,
		"stale exemptions":     staleExemptions,
		"preview":              preview,
		"preview of unknowns":  previewOfUnknowns,
		"read-only preview":    readOnlyPreview,
		"requests of a plan":   requestsOfAPlan,
		"requests of an apply": requestsOfAnApply,
	})
}

func life(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	want := map[bool]string{false: "projectcalico.org/v3", true: "crd.projectcalico.org/v1"}[r.raw]
	if m := h.State; m.HostEndpoints.ValueInt64() != 2 || m.API.ValueString() != want || len(m.NotCovered.Elements()) != 0 || m.Stale.IsNull() {
		t.Errorf("observed %v host endpoints, API %v, not covered %v", m.HostEndpoints, m.API, m.NotCovered)
	}
	if found := h.Observe(t); found.Stamp != h.Owner.Stamp {
		t.Errorf("stamp is %q, want %q", found.Stamp, h.Owner.Stamp)
	}
	if got := r.names(t); !slices.Equal(got, []string{storedName}) {
		t.Fatalf("stored are %v", got)
	}

	before := r.version(t)
	h.MustApply(t, planned(nil))
	if after := r.version(t); after != before {
		t.Error("applying the same wrote again")
	}
	h.MustApply(t, planned(func(m *model) {
		m.PortRanges, m.Protocols, m.Order = list("20000:32767", "8080"), set("TCP", "SCTP"), types.Float64Value(12.5)
		m.Sources, m.Destinations, m.Roles = set("10.0.0.0/8", "192.0.2.1"), set("203.0.113.0/24"), set("worker_private", "worker_public")
	}))
	if got := h.State.HostEndpoints.ValueInt64(); got != 4 {
		t.Errorf("host endpoints = %d, want 4", got)
	}
	h.MustApply(t, planned(func(m *model) { m.EvaluateLast = types.BoolValue(true) }))

	if warnings := h.MustRemove(t); len(warnings) > 0 {
		t.Errorf("removing warns: %q", warnings)
	}
	if got := r.names(t); len(got) > 0 {
		t.Errorf("left are %v", got)
	}
	if found := h.Observe(t); !found.Gone {
		t.Errorf("observed after removing: %+v", found)
	}
	if warnings := h.MustRemove(t); len(warnings) > 0 {
		t.Errorf("removing what is gone warns: %q", warnings)
	}
}

func asPublished(m *model) {
	m.PortRanges, m.Roles, m.EvaluateLast = list("20000:32767"), set("worker_public", "master_public"), types.BoolValue(true)
}

// publishedPolicy adopts what people have made with calicoctl by the article.
func publishedPolicy(t *testing.T, r *rig) {
	r.calicoctl(t, published)
	h := newHeld(r)
	h.MustApply(t, planned(asPublished))
	if got := r.names(t); !slices.Equal(got, []string{storedName}) {
		t.Fatalf("stored are %v", got)
	}
	h.MustRemove(t)
	if got := r.names(t); len(got) > 0 {
		t.Errorf("left are %v", got)
	}
}

func imports(t *testing.T, r *rig) {
	r.calicoctl(t, published)
	for _, id := range []string{defaultName, storedName} {
		h := newHeld(r)
		h.State = &model{Name: types.StringValue(id)}
		found := h.Observe(t)
		if found.Stamp != "" || len(found.Drift)+len(found.Missing) > 0 {
			t.Fatalf("%s: observed %+v", id, found)
		}
		want := planned(asPublished)
		if !h.State.Name.Equal(want.Name) || !h.State.Roles.Equal(want.Roles) || !h.State.PortRanges.Equal(want.PortRanges) || !h.State.Protocols.Equal(want.Protocols) ||
			!h.State.EvaluateLast.Equal(want.EvaluateLast) || !h.State.Order.Equal(want.Order) || !h.State.Tier.Equal(want.Tier) || !h.State.Exempt.IsNull() {
			t.Errorf("%s: imported as %+v", id, h.State)
		}
		h.Owner = parttest.Managed(framework.Owner{Known: true})
		if found := h.Observe(t); len(found.Drift) > 0 {
			t.Errorf("%s: drift after import: %q", id, found.Drift)
		}
		if id == storedName {
			// It can be destroyed without ever having been written.
			if warnings := h.MustRemove(t); len(warnings) > 0 || len(r.names(t)) > 0 {
				t.Errorf("warnings %q, left are %v", warnings, r.names(t))
			}
		}
	}

	h := newHeld(r)
	h.State = &model{Name: types.StringValue(defaultName)}
	if found := h.Observe(t); !found.Gone {
		t.Errorf("observed %+v of what is not there", found)
	}

	// Which of the open addresses are workers' is told by who bears them.
	r.calicoctl(t, strings.ReplaceAll(published, "source: {}\n    destination:", "ipVersion: 4\n    destination:\n      notNets: [192.0.13.2/32, 203.0.113.9/32]"))
	h.State = &model{Name: types.StringValue(defaultName)}
	found := h.Observe(t)
	if !h.State.Exempt.Equal(set("192.0.13.2")) || !h.State.Destinations.Equal(set("203.0.113.9/32")) {
		t.Errorf("exempt %v, destinations %v", h.State.Exempt, h.State.Destinations)
	}
	if want := []string{"policy " + defaultName + ": IPv6 is not closed"}; !slices.Equal(found.Drift, want) {
		t.Errorf("drift = %q, want %q", found.Drift, want)
	}
	h.Owner = parttest.Managed(framework.Owner{Known: true})
	h.MustApply(t, planned(func(m *model) {
		asPublished(m)
		m.Exempt, m.Destinations = h.State.Exempt, h.State.Destinations
	}))
	h.MustRemove(t)

	r.calicoctl(t, strings.ReplaceAll(published, "Deny", "Allow"))
	h = newHeld(r)
	h.State = &model{Name: types.StringValue(defaultName)}
	_, err := part{}.Observe(t.Context(), r.cluster, h.State, h.Owner)
	if text := parttest.Refusal(t, err); !strings.Contains(text, "not a NodePort guard") {
		t.Errorf("importing what is no guard: %s", text)
	}
}

func adoption(t *testing.T, r *rig) {
	r.calicoctl(t, published)
	h := newHeld(r)
	err := h.Apply(t.Context(), planned(nil))
	text := parttest.Refusal(t, err)
	for _, part := range []string{"not ours", "calicoctl", "force_conflicts", "port range is 20000:32767, declared 30000:32767"} {
		if !strings.Contains(text, part) {
			t.Errorf("the refusal lacks %q: %s", part, text)
		}
	}
	h.MustApply(t, planned(func(m *model) { m.Force = types.BoolValue(true) }))

	// Another resource that declares the same takes it over, as one does that
	// is created before the other is destroyed; the first then leaves it.
	second := newHeld(r)
	if err := second.Apply(t.Context(), planned(nil)); err != nil {
		t.Fatal(err)
	}
	if warnings := h.MustRemove(t); len(warnings) != 1 || !strings.Contains(warnings[0], "another resource") {
		t.Errorf("warnings = %q", warnings)
	}
	if found := second.Observe(t); found.Gone || len(found.Drift) > 0 {
		t.Errorf("the second one sees %+v", found)
	}
	second.MustRemove(t)
}

func ibms(t *testing.T, r *rig) {
	for _, name := range []string{"allow-node-port-dnat", "default.allow-lb-web"} {
		h := newHeld(r)
		h.State = &model{Name: types.StringValue(name)}
		if _, err := (part{}).Observe(t.Context(), r.cluster, h.State, h.Owner); !strings.Contains(parttest.Refusal(t, err), "IBM's own") {
			t.Errorf("%s: %v", name, err)
		}
		h.State = nil
		if err := h.Apply(t.Context(), planned(func(m *model) { m.Name, m.Force = types.StringValue(name), types.BoolValue(true) })); err == nil {
			t.Errorf("%s can be applied", name)
		}
	}
}

func driftHeals(t *testing.T, r *rig) {
	h := newHeld(r)
	declared := func() *model { return planned(func(m *model) { m.Sources = set("10.0.0.0/8") }) }
	h.MustApply(t, declared())
	for _, test := range []struct{ name, patch, sentence string }{
		{"order", `{"spec":{"order":900}}`, "order is 900, declared 1100"},
		{"no order", `{"spec":{"order":null}}`, "order is none"},
		{"selector", `{"spec":{"selector":"ibm.role == 'worker_private'"}}`, "role is worker_private, declared worker_public"},
		{"rules", `{"spec":{"ingress":[]}}`, "ingress"},
		{"allow", `{"spec":{"ingress":[{"action":"Allow"}]}}`, "ingress"},
		{"not before DNAT", `{"spec":{"preDNAT":false}}`, "preDNAT"},
		{"types", `{"spec":{"types":["Ingress","Egress"]}}`, "types"},
		{"selector of namespaces", `{"spec":{"namespaceSelector":"all()"}}`, "namespace selector"},
	} {
		r.patch(t, storedName, test.patch)
		found := h.Observe(t)
		if !slices.ContainsFunc(found.Drift, func(s string) bool { return strings.Contains(s, test.sentence) }) {
			t.Errorf("%s: drift = %q, want %q", test.name, found.Drift, test.sentence)
		}
		h.MustApply(t, declared())
	}

	// Somebody replaces it as a whole: no stamp, no labels.
	r.clear(t)
	if found := h.Observe(t); !found.Gone {
		t.Errorf("observed %+v of what was deleted", found)
	}
	r.calicoctl(t, published)
	if found := h.Observe(t); !slices.Contains(found.Drift, "policy "+defaultName+": the ownership stamp is missing") {
		t.Errorf("drift = %q", found.Drift)
	}
	if warnings := h.MustRemove(t); len(warnings) != 1 || len(r.names(t)) != 1 {
		t.Errorf("warnings = %q, left are %v", warnings, r.names(t))
	}
	h.MustApply(t, declared())
	h.MustRemove(t)
}
