package isolation

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func TestAgainstARealCluster(t *testing.T) {
	t.Parallel()
	onBothDoors(t, map[string]func(*testing.T, *rig){
		"order":             orderOfWrites,
		"drift heals":       driftHeals,
		"taken back":        takenBack,
		"taken back later":  takenBackLater,
		"updates break off": updatesBreakOff,
		"cannot go back":    cannotGoBack,
		"the door is shut":  doorShut,
		"taken over":        takenOverHalfWay,
		"strangers":         strangers,
		"inherited":         inherited,
		"imports":           imports,
		"imports half way":  importsHalfWay,
		"stops anywhere":    stopsAnywhere,
		"both networks":     bothNetworks,
		"left by an update": leftByAnUpdate,
		"the real proof":    realProof,
		"killed":            killedBeforeConfirming,
		"canaries":          canaries,
	})
}

// each puts a verb before the names of policies, without their namespaces.
func each(verb string, titles []string) []string {
	var out []string
	for _, title := range titles {
		out = append(out, verb+" "+title[strings.LastIndexByte(title, '/')+1:])
	}
	return out
}

// orderOfWrites watches the API while a set is made, changed and removed.
func orderOfWrites(t *testing.T, r *rig) {
	for _, network := range []string{networkPrivate, networkPublic} {
		h := newHeld(r)
		watch := r.watch(t)
		plain := declared(network, nil)
		h.MustApply(t, plain)
		set := titles(mustSet(t, plain, hints{}))
		// The first policy that cuts bears the mark until the set is confirmed.
		unconfirmed := "MODIFIED allow-egress-pods-" + network
		confirmed := unconfirmed
		if got := watch(); !slices.Equal(got, append(each("ADDED", set), confirmed)) {
			t.Errorf("%s: made as %q", network, got)
		}

		mark := r.mark(t)
		h.MustApply(t, declared(network, nil))
		if got := r.moved(t, mark); len(got) > 0 {
			t.Errorf("%s: applying the same does %q", network, got)
		}

		watch = r.watch(t)
		h.MustApply(t, declared(network, func(m *model) { m.Allow = stringSet([]string{allowServices}) }))
		if got, want := watch(), []string{unconfirmed, "ADDED allow-" + network + "-services", "MODIFIED allow-egress-pods-" + network, confirmed}; !slices.Equal(got, want) {
			t.Errorf("%s: changed as %q, want %q", network, got, want)
		}
		watch = r.watch(t)
		h.MustApply(t, declared(network, func(m *model) { m.Allow = stringSet([]string{allowVPN}) }))
		if got, want := watch(), []string{unconfirmed, "ADDED allow-vpn-" + network, "MODIFIED allow-egress-pods-" + network, "DELETED allow-" + network + "-services", confirmed}; !slices.Equal(got, want) {
			t.Errorf("%s: changed as %q, want %q", network, got, want)
		}

		there := titles(mustSet(t, h.State, hints{}))
		slices.Reverse(there)
		watch = r.watch(t)
		if warnings := h.MustRemove(t); len(warnings) > 0 {
			t.Errorf("%s: removing warns %q", network, warnings)
		}
		if got := watch(); !slices.Equal(got, each("DELETED", there)) {
			t.Errorf("%s: removed as %q", network, got)
		}
		if found := h.Observe(t); !found.Gone {
			t.Errorf("%s: observed after removing: %+v", network, found)
		}
		h.MustRemove(t)
	}
}

// watch follows what becomes of policies; the function it gives ends it and
// tells what was seen, in the order of the versions.
func (r *rig) watch(t *testing.T) func() []string {
	t.Helper()
	type seen struct{ version, what string }
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan seen, 1000)
	for _, kind := range kinds() {
		list, err := r.others.Resource(stored(kind)).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := r.others.Resource(stored(kind)).Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		go func() {
			for event := range w.ResultChan() {
				if object, ok := event.Object.(metav1.Object); ok {
					events <- seen{object.GetResourceVersion(), string(event.Type) + " " + strings.TrimPrefix(object.GetName(), "default.")}
				}
			}
		}()
	}
	return func() []string {
		// A mark in each kind shows when all before it was told.
		r.put(t, "mark-of-the-end", map[string]any{"selector": "has(nothing)", "types": []any{"Ingress"}})
		r.putInNamespace(t, "mark-of-the-end")
		var all []seen
		for marks := 0; marks < len(kinds()); {
			select {
			case e := <-events:
				if strings.HasSuffix(e.what, "mark-of-the-end") {
					marks++
					continue
				}
				all = append(all, e)
			case <-t.Context().Done():
				t.Fatal("the watch does not come to its end")
			}
		}
		cancel()
		for _, kind := range kinds() {
			client := r.others.Resource(stored(kind))
			var err error
			if kind == "networkpolicies" {
				err = client.Namespace(systemNamespace).Delete(t.Context(), "default.mark-of-the-end", metav1.DeleteOptions{})
			} else {
				err = client.Delete(t.Context(), "default.mark-of-the-end", metav1.DeleteOptions{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		slices.SortStableFunc(all, func(a, b seen) int {
			if len(a.version) != len(b.version) {
				return len(a.version) - len(b.version)
			}
			return strings.Compare(a.version, b.version)
		})
		var out []string
		for _, e := range all {
			out = append(out, e.what)
		}
		return out
	}
}

func driftHeals(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, declared(networkPrivate, nil))
	for _, test := range []struct{ name, policy, patch, sentence string }{
		{"order", "deny-all-private-default", `{"spec":{"order":5}}`, "policy deny-all-private-default: order 5"},
		{"rules", "allow-egress-pods-private", `{"spec":{"egress":[]}}`, "policy allow-egress-pods-private: "},
		{"selector", "allow-icmp-private", `{"spec":{"selector":"all()"}}`, "policy allow-icmp-private: selector"},
	} {
		r.patch(t, test.policy, test.patch)
		if found := h.Observe(t); len(found.Drift) == 0 || !strings.Contains(found.Drift[0], test.sentence) {
			t.Errorf("%s: drift is %q, want %q", test.name, found.Drift, test.sentence)
		}
		h.MustApply(t, declared(networkPrivate, nil))
	}
	r.delete(t, "allow-icmp-private")
	if found := h.Observe(t); !slices.Equal(found.Drift, []string{"policy allow-icmp-private: it is missing"}) || found.Gone {
		t.Errorf("observed %+v", found)
	}
	h.MustApply(t, declared(networkPrivate, nil))
	r.clear(t)
	if found := h.Observe(t); !found.Gone {
		t.Errorf("observed %+v", found)
	}
}

func strangers(t *testing.T, r *rig) {
	r.put(t, "deny-all-private-default", map[string]any{"order": int64(99900), "selector": "all()", "types": []any{"Ingress"}})
	h := newHeld(r)
	mark := r.mark(t)
	text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, nil)))
	for _, part := range []string{"deny-all-private-default", "not ours", "force_conflicts", "selector"} {
		if !strings.Contains(text, part) {
			t.Errorf("the refusal lacks %q: %s", part, text)
		}
	}
	if got := r.moved(t, mark); len(got) > 0 {
		t.Errorf("before it refused it did %q", got)
	}
	h.MustApply(t, declared(networkPrivate, func(m *model) { m.Force = types.BoolValue(true) }))

	// An optional policy that somebody has already is not taken either.
	r.put(t, "allow-vpn-private", map[string]any{"order": int64(1), "selector": "all()", "types": []any{"Egress"}})
	vpn := func(m *model) { m.Allow = stringSet([]string{allowVPN}) }
	if text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, vpn))); !strings.Contains(text, "allow-vpn-private") {
		t.Errorf("refused with %q", text)
	}
	// While one that cuts off is somebody else's, nothing that allows goes.
	whole := r.titles(t)
	for cuts, removed := range map[string][]string{
		"deny-all-private-default":  nil,
		"allow-egress-pods-private": {"deny-all-private-default"},
	} {
		r.patch(t, cuts, `{"metadata":{"annotations":null}}`)
		_, err := h.Part.Remove(t.Context(), h.Cluster(), h.State, h.Owner)
		if text := parttest.Refusal(t, err); !strings.Contains(text, cuts) || !strings.Contains(text, "force_conflicts") {
			t.Errorf("refused with %q", text)
		}
		rest := slices.DeleteFunc(slices.Clone(whole), func(title string) bool { return slices.Contains(removed, title) })
		if left := r.titles(t); !slices.Equal(left, rest) {
			t.Errorf("with %s somebody else's, left is %q", cuts, left)
		}
		h.MustApply(t, declared(networkPrivate, nil))
	}
	// One that lost its stamp is left when the set goes, and one that is not ours.
	r.patch(t, "allow-icmp-private", `{"metadata":{"annotations":null}}`)
	warnings := h.MustRemove(t)
	if left := r.titles(t); !slices.Equal(left, []string{"allow-icmp-private", "allow-vpn-private"}) || len(warnings) != 1 {
		t.Errorf("left is %q, warnings %q", left, warnings)
	}
}

// inherited: a set that another resource has taken over as a whole, as after a
// change of the resource's name, is left to it when the earlier one goes.
func inherited(t *testing.T, r *rig) {
	first, heir := newHeld(r), newHeld(r)
	first.MustApply(t, declared(networkPrivate, nil))
	heir.MustApply(t, declared(networkPrivate, nil))
	whole := r.titles(t)
	warnings := first.MustRemove(t)
	if left := r.titles(t); !slices.Equal(left, whole) || len(warnings) != len(whole) {
		t.Errorf("left is %q, warnings %q", left, warnings)
	}
	if found := heir.Observe(t); found.Gone || len(found.Drift) > 0 {
		t.Errorf("observed %+v", found)
	}
}

func imports(t *testing.T, r *rig) {
	first := newHeld(r)
	want := declared(networkPublic, func(m *model) {
		m.Allow, m.Peers = stringSet([]string{allowServices, allowVPN}), stringSet([]string{"192.0.2.0/24"})
	})
	first.MustApply(t, want)
	h := newHeld(r)
	h.State = &model{Network: types.StringValue(networkPublic), Region: types.StringNull()}
	found := h.Observe(t)
	if found.Stamp != first.Owner.Stamp || len(found.Drift) > 0 {
		t.Fatalf("observed %+v", found)
	}
	if !h.State.Allow.Equal(want.Allow) || !h.State.Peers.Equal(want.Peers) || h.State.Digest.ValueString() != want.Digest.ValueString() {
		t.Errorf("imported as %+v", h.State)
	}
	h.Owner.Stamp, h.Owner.Known = found.Stamp, true
	if warnings := h.MustRemove(t); len(warnings) > 0 || len(r.titles(t)) > 0 {
		t.Errorf("warnings %q, left is %q", warnings, r.titles(t))
	}
	if h.State = (&model{Network: types.StringValue(networkPrivate)}); !h.Observe(t).Gone {
		t.Error("a set that is not there is imported")
	}
}

// importsHalfWay: a set that was made by hand can be applied and destroyed also
// if the first apply after its import broke off.
func importsHalfWay(t *testing.T, r *rig) {
	for name, goesOn := range map[string]func(*held){
		"applied":   func(h *held) { h.MustApply(t, declared(networkPrivate, fewerPeers)) },
		"destroyed": func(*held) {},
	} {
		newHeld(r).MustApply(t, before())
		for _, title := range r.titles(t) {
			r.patch(t, title, `{"metadata":{"annotations":null,"labels":null},"spec":{"order":5}}`)
		}
		h := newHeld(r)
		h.State = &model{Network: types.StringValue(networkPrivate)}
		h.Observe(t)
		// As it is kept once something may have been stamped.
		h.Owner.Stamp, h.Owner.Unstamped, h.Owner.Known = "of-the-import", true, true

		ctx, cancel := context.WithCancel(t.Context())
		connected := r.cluster
		r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{RetryFor: -1, Observe: func(e kube.Exchange) {
			if e.Method == "PUT" {
				cancel()
			}
		}}, true)
		want := declared(networkPrivate, fewerPeers)
		want.Policies = types.ListUnknown(types.StringType)
		if err := h.Apply(ctx, want); err == nil {
			t.Fatalf("%s: the apply did not break off", name)
		}
		r.cluster = connected
		if want.Policies.IsUnknown() {
			want.Policies = types.ListNull(types.StringType) // as it is saved
		}
		h.State = want
		goesOn(h)
		if warnings := h.MustRemove(t); len(warnings) > 0 || len(r.titles(t)) > 0 {
			t.Errorf("%s: warnings %q, left is %q", name, warnings, r.titles(t))
		}
	}
}

// stopsAnywhere lets an apply break off at each of its writes: what is there is
// open or whole, and the next apply finishes.
func stopsAnywhere(t *testing.T, r *rig) {
	for n := 1; ; n++ {
		ctx, cancel := r.breakingOff(t, n)
		h := newHeld(r)
		h.prove = proven
		err := h.Apply(ctx, declared(networkPublic, nil))
		cancel()
		there := world{}
		for _, title := range r.titles(t) {
			there[title] = "new"
		}
		set := mustSet(t, declared(networkPublic, nil), hints{})
		if !there.safe(set) {
			t.Fatalf("stopped after %d writes there is %v", n, r.titles(t))
		}
		r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, true)
		again := newHeld(r)
		again.MustApply(t, declared(networkPublic, nil))
		again.MustRemove(t)
		if err == nil {
			break
		}
		if n > len(set)+1 {
			t.Fatalf("after %d writes it still fails: %v", n, err)
		}
	}
}

// bothNetworks of one cluster do not know of each other.
func bothNetworks(t *testing.T, r *rig) {
	private, public := newHeld(r), newHeld(r)
	private.MustApply(t, declared(networkPrivate, nil))
	public.MustApply(t, declared(networkPublic, nil))
	private.MustRemove(t)
	if found := public.Observe(t); found.Gone || len(found.Drift) > 0 {
		t.Errorf("observed %+v", found)
	}
}

// leftByAnUpdate: a policy that an update did not come to remove is drift, and
// goes with the next apply.
func leftByAnUpdate(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, declared(networkPrivate, func(m *model) { m.Allow = stringSet([]string{allowVPN}) }))
	without := declared(networkPrivate, nil)
	h.State = without
	if found := h.Observe(t); !slices.ContainsFunc(found.Drift, func(s string) bool { return strings.HasPrefix(s, "policy allow-vpn-private: ") }) {
		t.Errorf("drift is %q", found.Drift)
	}
	h.MustApply(t, declared(networkPrivate, nil))
	if slices.Contains(r.titles(t), "allow-vpn-private") {
		t.Error("the policy is still there")
	}
}

// realProof tries what there is here: the API server and Calico's. There are no
// kubelets.
func realProof(t *testing.T, r *rig) {
	h := newHeld(r)
	h.prove = connections
	mark := r.mark(t)
	h.MustApply(t, declared(networkPrivate, nil))
	events, err := r.plane.Audit(t.Context(), mark)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range events.FromAgent("terraform-provider-iks").OfVerb("get") {
		if strings.HasSuffix(e.URI, "/namespaces/kube-system") {
			asked++
		}
	}
	if asked < 2 {
		t.Errorf("the API server was tried %d times, want once before and at least once after", asked)
	}
}
