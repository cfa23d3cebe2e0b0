package nodeportguard

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

func services(t *testing.T, r *rig) {
	defer r.loadBalancer(t, "db", 27017)()
	wide := func(m *model) { m.PortRanges = list("20000:32767") }
	h := newHeld(r)
	if err := h.Apply(t.Context(), planned(wide)); !strings.Contains(parttest.Refusal(t, err), "default/db, port TCP 27017") {
		t.Errorf("error is %v", err)
	}
	if got := r.names(t); len(got) > 0 {
		t.Fatalf("stored are %v after a refusal", got)
	}
	if _, err := (part{}).Preview(t.Context(), r.cluster, framework.PreviewRequest[model]{Want: planned(wide)}); !strings.Contains(parttest.Refusal(t, err), "27017") {
		t.Errorf("preview: %v", err)
	}
	h.MustApply(t, planned(func(m *model) {
		wide(m)
		m.SafetyChecks = types.StringValue(hostguard.ChecksWarn)
	}))
	if len(h.Warned) != 1 || !strings.Contains(h.Warned[0], "27017") {
		t.Errorf("warned %q", h.Warned)
	}
	h.MustApply(t, planned(func(m *model) {
		wide(m)
		m.Order, m.Acknowledged = types.Float64Value(1000), int64s(27017)
	}))

	// A failsafe port cannot be closed.
	r.store(t, "felixconfigurations", "FelixConfiguration", "default", map[string]any{
		"failsafeInboundHostPorts": []any{map[string]any{"protocol": "tcp", "port": int64(27017)}, map[string]any{"protocol": "udp", "port": int64(30000)}},
	}, nil)
	defer r.remove(t, "felixconfigurations", "default")
	h.Observe(t)
	if got := h.State.NotCovered; !got.Equal(list("TCP 27017", "UDP 30000")) {
		t.Errorf("not covered: %v", got)
	}
	err := h.Apply(t.Context(), planned(func(m *model) {
		wide(m)
		m.Acknowledged = int64s(27017)
	}))
	if !strings.Contains(parttest.Refusal(t, err), "cannot close") {
		t.Errorf("error is %v", err)
	}
	h.MustRemove(t)
}

func noEndpoints(t *testing.T, r *rig) {
	masters := func(m *model) { m.Roles = set("master_public") }
	h := newHeld(r)
	text := parttest.Refusal(t, h.Apply(t.Context(), planned(masters)))
	if !strings.Contains(text, "no host endpoint") || !strings.Contains(text, `"worker_private" (2)`) || len(r.names(t)) > 0 {
		t.Errorf("refusal is %s, stored are %v", text, r.names(t))
	}
	h.MustApply(t, planned(func(m *model) {
		masters(m)
		m.WhenNone = types.StringValue(hostguard.WhenNoneWarn)
	}))
	if len(h.Warned) != 1 || h.State.HostEndpoints.ValueInt64() != 0 {
		t.Errorf("warned %q, %v host endpoints", h.Warned, h.State.HostEndpoints)
	}
	h.State.WhenNone = types.StringValue(hostguard.WhenNoneError)
	if found := h.Observe(t); len(found.Missing) != 1 || !strings.Contains(found.Missing[0], "master_public") {
		t.Errorf("observed %+v", found)
	}
	if err := h.Apply(t.Context(), h.State); !strings.Contains(parttest.Refusal(t, err), "no host endpoint") {
		t.Errorf("an apply that has nothing to write waits for what never comes: %v", err)
	}
	h.MustRemove(t)
}

func staleExemptions(t *testing.T, r *rig) {
	r.endpoint(t, "e1-worker-public", "worker_public", "198.51.100.1")
	defer r.remove(t, "hostendpoints", "e1-worker-public")
	edge := map[string]string{"dedicated": "edge"}
	leave := r.node(t, "e1", edge)
	defer r.node(t, "e2", edge, "198.51.100.2")()
	declared := func() *model {
		return planned(func(m *model) { m.Exempt = set("198.51.100.1", "198.51.100.2", "198.51.100.3") })
	}
	h := newHeld(r)
	h.MustApply(t, declared())
	if !h.State.Stale.Equal(list("198.51.100.3")) {
		t.Errorf("stale: %v", h.State.Stale)
	}

	r.remove(t, "hostendpoints", "e1-worker-public")
	found := h.Observe(t)
	if want := []string{"policy " + defaultName + ": address 198.51.100.1 is exempt and no node bears it any more"}; !slices.Equal(found.Drift, want) {
		t.Errorf("drift = %q, want %q", found.Drift, want)
	}
	h.MustApply(t, declared()) // and no drift afterwards, with the same configuration
	if !h.State.Stale.Equal(list("198.51.100.1", "198.51.100.3")) {
		t.Errorf("stale: %v", h.State.Stale)
	}

	r.endpoint(t, "e1-worker-public", "worker_public", "198.51.100.1")
	found = h.Observe(t)
	if want := []string{"policy " + defaultName + ": address 198.51.100.1 of host endpoint e1-worker-public is declared and not exempt"}; !slices.Equal(found.Drift, want) {
		t.Errorf("drift = %q, want %q", found.Drift, want)
	}
	h.MustApply(t, declared())
	if len(h.Warned) > 0 {
		t.Errorf("warned %q of edge nodes", h.Warned)
	}

	// The node goes, and its host endpoint stays behind.
	leave()
	found = h.Observe(t)
	if want := []string{"policy " + defaultName + ": address 198.51.100.1 is exempt and no node bears it any more"}; !slices.Equal(found.Drift, want) {
		t.Errorf("drift = %q, want %q", found.Drift, want)
	}
	if !h.State.Stale.Equal(list("198.51.100.1", "198.51.100.3")) {
		t.Errorf("stale: %v", h.State.Stale)
	}
	h.MustApply(t, declared())

	// Its address goes to a worker that is no edge node.
	defer r.node(t, "e3", nil, "198.51.100.1")()
	const warning = "exempt address 198.51.100.1 is node e3's, which is no edge node"
	warnings, err := part{}.Preview(t.Context(), r.cluster, framework.PreviewRequest[model]{Want: declared(), Prior: h.State, Owner: h.Owner})
	if err != nil || !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, warning) }) {
		t.Errorf("warnings %q, error %v", warnings, err)
	}
	h.MustApply(t, declared())
	if len(h.Warned) != 1 || !strings.Contains(h.Warned[0], warning) {
		t.Errorf("warned %q", h.Warned)
	}
	h.MustRemove(t)
}
