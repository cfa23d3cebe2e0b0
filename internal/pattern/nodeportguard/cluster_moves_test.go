package nodeportguard

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func rename(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	mark, err := r.plane.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := func(m *model) { m.Name = types.StringValue("other") }
	h.MustApply(t, planned(other))
	if got := r.names(t); !slices.Equal(got, []string{"default.other"}) {
		t.Errorf("stored are %v", got)
	}
	events, err := r.plane.Audit(t.Context(), mark)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, e := range events.FromAgent("terraform-provider-iks").OfVerb("create", "get", "delete") {
		if name := e.URI[strings.LastIndexByte(e.URI, '/')+1:]; e.Verb != "get" || name == "other" || name == "default.other" {
			order = append(order, e.Verb)
		}
	}
	made, gone := slices.Index(order, "create"), slices.Index(order, "delete")
	if made < 0 || gone < 0 || !slices.Contains(order[made:max(made, gone)], "get") {
		t.Errorf("requests are %v, want create, get, delete", order)
	}

	// A policy that stands under the new name already is not taken.
	r.calicoctl(t, published)
	if err := h.Apply(t.Context(), planned(nil)); !strings.Contains(parttest.Refusal(t, err), "not ours") {
		t.Errorf("error is %v", err)
	}
	if got := r.names(t); !slices.Contains(got, "default.other") {
		t.Errorf("stored are %v: the guard is gone", got)
	}

	// The old one that lost its stamp is left, and said so.
	r.remove(t, "globalnetworkpolicies", storedName)
	r.remove(t, "globalnetworkpolicies", "default.other")
	r.calicoctl(t, strings.ReplaceAll(published, defaultName, "other"))
	h.MustApply(t, planned(nil))
	if got := r.names(t); !slices.Equal(got, []string{storedName, "default.other"}) || len(h.Warned) != 1 {
		t.Errorf("stored are %v, warned %q", got, h.Warned)
	}

	// A change of name that was interrupted before the old one went.
	r.clear(t)
	h = newHeld(r)
	h.MustApply(t, planned(nil))
	interrupted := newHeld(r)
	interrupted.Owner = h.Owner
	if err := interrupted.Apply(t.Context(), planned(other)); err != nil {
		t.Fatal(err)
	}
	if warnings := interrupted.MustRemove(t); len(warnings) != 1 || !strings.Contains(warnings[0], defaultName) {
		t.Errorf("warnings = %q, want one about %s", warnings, defaultName)
	}
	if err := interrupted.Apply(t.Context(), planned(other)); err != nil {
		t.Fatal(err)
	}
	h.MustApply(t, planned(other))
	if got := r.names(t); !slices.Equal(got, []string{"default.other"}) {
		t.Errorf("stored are %v", got)
	}
}

func retier(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	security := func(m *model) { m.Tier = types.StringValue("security") }
	if err := h.Apply(t.Context(), planned(security)); !strings.Contains(parttest.Refusal(t, err), "no Calico tier") {
		t.Errorf("error is %v", err)
	}
	r.store(t, "tiers", "Tier", "security", map[string]any{"order": int64(500)}, nil)
	defer r.remove(t, "tiers", "security")
	h.MustApply(t, planned(security))
	if got := r.names(t); !slices.Equal(got, []string{"security." + defaultName}) {
		t.Errorf("stored are %v", got)
	}
	again := newHeld(r)
	again.State = &model{Name: types.StringValue("security." + defaultName)}
	if found := again.Observe(t); found.Gone || !again.State.Tier.Equal(types.StringValue("security")) || !again.State.Name.Equal(types.StringValue(defaultName)) {
		t.Errorf("imported %+v as %+v", found, again.State)
	}
	h.MustApply(t, planned(nil))
	if got := r.names(t); !slices.Equal(got, []string{storedName}) {
		t.Errorf("stored are %v", got)
	}
	h.MustRemove(t)
}

func takenOver(t *testing.T, r *rig) {
	first, second := newHeld(r), newHeld(r)
	first.MustApply(t, planned(nil))
	if err := second.Apply(t.Context(), planned(nil)); err != nil {
		t.Fatal(err)
	}
	if found := first.Observe(t); len(found.Drift) != 1 || !strings.Contains(found.Drift[0], "another resource's") {
		t.Errorf("drift = %q", found.Drift)
	}
	changed := func(m *model) { m.PortRanges = list("30000:30100") }
	if err := first.Apply(t.Context(), planned(changed)); !strings.Contains(parttest.Refusal(t, err), "taken over") {
		t.Errorf("error is %v", err)
	}
	first.MustApply(t, planned(func(m *model) {
		changed(m)
		m.Force = types.BoolValue(true)
	}))
	if warnings := second.MustRemove(t); len(warnings) != 1 {
		t.Errorf("warnings = %q", warnings)
	}
	first.MustRemove(t)
}

// faster lets somebody else write between our reading and our writing.
func faster(t *testing.T, r *rig) {
	// Between our first reading of the policy and what follows it.
	between := func(do func()) (ran *sync.Once) {
		ran = &sync.Once{}
		r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
			if e.Method == "GET" && strings.Contains(e.Path, "/globalnetworkpolicies/") {
				ran.Do(do)
			}
		}}, true)
		return ran
	}
	after := func(ran *sync.Once) {
		t.Helper()
		ran.Do(func() { t.Error("nobody came between") })
	}
	reorder := func() { r.patch(t, storedName, `{"spec":{"order":5}}`) }

	h := newHeld(r)
	ran := between(func() { r.calicoctl(t, published) })
	if err := h.Apply(t.Context(), planned(nil)); !strings.Contains(parttest.Refusal(t, err), "not ours") {
		t.Errorf("created over what somebody else made meanwhile: %v", err)
	}
	after(ran)
	r.clear(t)
	ran = between(func() { r.calicoctl(t, published) })
	h.MustApply(t, planned(asPublished))
	after(ran)

	ran = between(reorder)
	h.MustApply(t, planned(nil))
	after(ran)

	ran = between(func() { r.clear(t) })
	h.MustApply(t, planned(func(m *model) { m.PortRanges = list("30001:32767") }))
	after(ran)

	ran = between(reorder)
	if warnings := h.MustRemove(t); len(warnings) > 0 || len(r.names(t)) > 0 {
		t.Errorf("warnings %q, left are %v", warnings, r.names(t))
	}
	after(ran)

	// It becomes somebody else's between reading and deleting.
	h = newHeld(r)
	h.MustApply(t, planned(nil))
	second := newHeld(&rig{cluster: parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, true)})
	ran = between(func() {
		if err := second.Apply(context.Background(), planned(nil)); err != nil {
			t.Error(err)
		}
	})
	if warnings := h.MustRemove(t); len(warnings) != 1 || len(r.names(t)) != 1 {
		t.Errorf("warnings %q, left are %v", warnings, r.names(t))
	}
	after(ran)
}
