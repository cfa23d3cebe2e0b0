package nodeportguard

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func rename(t *testing.T, r *rig) {
	h := newHeld(r)
	h.mustApply(t, planned(nil))
	mark, err := r.plane.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := func(m *model) { m.Name = types.StringValue("other") }
	h.mustApply(t, planned(other))
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
	if err := h.apply(t.Context(), planned(nil), h.owner.Stamp); !strings.Contains(refusal(t, err), "not ours") {
		t.Errorf("error is %v", err)
	}
	if got := r.names(t); !slices.Contains(got, "default.other") {
		t.Errorf("stored are %v: the guard is gone", got)
	}

	// The old one that lost its stamp is left, and said so.
	r.remove(t, "globalnetworkpolicies", storedName)
	r.remove(t, "globalnetworkpolicies", "default.other")
	r.calicoctl(t, strings.ReplaceAll(published, defaultName, "other"))
	h.mustApply(t, planned(nil))
	if got := r.names(t); !slices.Equal(got, []string{storedName, "default.other"}) || len(h.warned) != 1 {
		t.Errorf("stored are %v, warned %q", got, h.warned)
	}

	// A change of name that was interrupted before the old one went.
	r.clear(t)
	h = newHeld(r)
	h.mustApply(t, planned(nil))
	interrupted := &held{rig: r, owner: h.owner}
	if err := interrupted.apply(t.Context(), planned(other), h.owner.Stamp); err != nil {
		t.Fatal(err)
	}
	if warnings := interrupted.mustRemove(t); len(warnings) != 1 || !strings.Contains(warnings[0], defaultName) {
		t.Errorf("warnings = %q, want one about %s", warnings, defaultName)
	}
	if err := interrupted.apply(t.Context(), planned(other), h.owner.Stamp); err != nil {
		t.Fatal(err)
	}
	h.mustApply(t, planned(other))
	if got := r.names(t); !slices.Equal(got, []string{"default.other"}) {
		t.Errorf("stored are %v", got)
	}
}

func retier(t *testing.T, r *rig) {
	h := newHeld(r)
	h.mustApply(t, planned(nil))
	security := func(m *model) { m.Tier = types.StringValue("security") }
	if err := h.apply(t.Context(), planned(security), h.owner.Stamp); !strings.Contains(refusal(t, err), "no Calico tier") {
		t.Errorf("error is %v", err)
	}
	r.store(t, "tiers", "Tier", "security", map[string]any{"order": int64(500)}, nil)
	defer r.remove(t, "tiers", "security")
	h.mustApply(t, planned(security))
	if got := r.names(t); !slices.Equal(got, []string{"security." + defaultName}) {
		t.Errorf("stored are %v", got)
	}
	again := newHeld(r)
	again.state = &model{Name: types.StringValue("security." + defaultName)}
	if found := again.observe(t); found.Gone || !again.state.Tier.Equal(types.StringValue("security")) || !again.state.Name.Equal(types.StringValue(defaultName)) {
		t.Errorf("imported %+v as %+v", found, again.state)
	}
	h.mustApply(t, planned(nil))
	if got := r.names(t); !slices.Equal(got, []string{storedName}) {
		t.Errorf("stored are %v", got)
	}
	h.mustRemove(t)
}

func takenOver(t *testing.T, r *rig) {
	first, second := newHeld(r), newHeld(r)
	first.mustApply(t, planned(nil))
	if err := second.apply(t.Context(), planned(nil), "second"); err != nil {
		t.Fatal(err)
	}
	if found := first.observe(t); len(found.Drift) != 1 || !strings.Contains(found.Drift[0], "another resource's") {
		t.Errorf("drift = %q", found.Drift)
	}
	changed := func(m *model) { m.PortRanges = list("30000:30100") }
	if err := first.apply(t.Context(), planned(changed), first.owner.Stamp); !strings.Contains(refusal(t, err), "taken over") {
		t.Errorf("error is %v", err)
	}
	first.mustApply(t, planned(func(m *model) {
		changed(m)
		m.Force = types.BoolValue(true)
	}))
	if warnings := second.mustRemove(t); len(warnings) != 1 {
		t.Errorf("warnings = %q", warnings)
	}
	first.mustRemove(t)
}

// faster lets somebody else write between our reading and our writing.
func faster(t *testing.T, r *rig) {
	// Between our first reading of the policy and what follows it.
	between := func(do func()) (ran *sync.Once) {
		ran = &sync.Once{}
		r.cluster = r.connect(t, r.admin(), kube.Options{Observe: func(e kube.Exchange) {
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
	if err := h.apply(t.Context(), planned(nil), "mine"); !strings.Contains(refusal(t, err), "not ours") {
		t.Errorf("created over what somebody else made meanwhile: %v", err)
	}
	after(ran)
	r.clear(t)
	ran = between(func() { r.calicoctl(t, published) })
	h.mustApply(t, planned(asPublished))
	after(ran)

	ran = between(reorder)
	h.mustApply(t, planned(nil))
	after(ran)

	ran = between(func() { r.clear(t) })
	h.mustApply(t, planned(func(m *model) { m.PortRanges = list("30001:32767") }))
	after(ran)

	ran = between(reorder)
	if warnings := h.mustRemove(t); len(warnings) > 0 || len(r.names(t)) > 0 {
		t.Errorf("warnings %q, left are %v", warnings, r.names(t))
	}
	after(ran)

	// It becomes somebody else's between reading and deleting.
	h = newHeld(r)
	h.mustApply(t, planned(nil))
	second := &held{rig: &rig{cluster: r.connect(t, r.admin(), kube.Options{}, true)}, owner: labelled(framework.Owner{})}
	ran = between(func() {
		if err := second.apply(context.Background(), planned(nil), "second"); err != nil {
			t.Error(err)
		}
	})
	if warnings := h.mustRemove(t); len(warnings) != 1 || len(r.names(t)) != 1 {
		t.Errorf("warnings %q, left are %v", warnings, r.names(t))
	}
	after(ran)
}
