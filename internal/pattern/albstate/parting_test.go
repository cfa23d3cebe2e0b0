package albstate

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Another choice of ALBs is an update: what is let go of goes as on_destroy
// says, and never by way of an open public ALB.
func TestLettingGo(t *testing.T) {
	t.Parallel()
	inZone := func(kind, zone, onDestroy string) func(*model) {
		return func(m *model) {
			restoring(kind, true)(m)
			m.OnDestroy = types.StringValue(onDestroy)
			if zone != "" {
				m.Zone = types.StringValue(zone)
			}
		}
	}
	for name, test := range map[string]struct {
		kind      string
		enabled   bool
		zone      string // of the update
		onDestroy string
		want      []string
		warnings  int
		previous  map[string]bool
	}{
		"private, restored":        {"private", true, "dal12", onDestroyRestore, []string{"disable private1"}, 0, map[string]bool{"private2": false}},
		"private, left":            {"private", true, "dal12", onDestroyLeave, nil, 0, map[string]bool{"private2": false}},
		"private, disabled":        {"private", true, "dal10", onDestroyDisable, []string{"disable private2"}, 0, map[string]bool{"private1": false}},
		"public is never restored": {"public", false, "dal12", onDestroyRestore, nil, 1, map[string]bool{"public2": true}},
		"nothing is let go of":     {"public", false, "", onDestroyRestore, nil, 0, map[string]bool{"public1": true, "public2": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
			if test.kind == "public" {
				r.mustApply(declare(true, ofType("private")), nil)
			}
			before := declare(test.enabled, inZone(test.kind, "", test.onDestroy))
			r.mustApply(before, nil)
			r.restart()
			r.writes()

			after := declare(test.enabled, inZone(test.kind, test.zone, test.onDestroy))
			r.mustApply(after, before)
			r.wantWrites(test.want...)
			if len(r.warned) != test.warnings {
				t.Errorf("warnings: %q", r.warned)
			}
			want := map[string]bool{}
			for name, enabled := range test.previous {
				want[r.id(name)] = enabled
			}
			if got := r.previous(after); !maps.Equal(got, want) {
				t.Errorf("previous: %v, want %v", got, want)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind    string
		enabled bool // as declared
		change  func(*model)
		want    []string
		warning string
		refused bool
	}{
		"leave":                   {"private", true, func(*model) {}, nil, "", false},
		"restore a private one":   {"private", true, restoring("private", false), []string{"disable private1"}, "", false},
		"restore a public one":    {"public", false, restoring("public", true), []string{"enable public1"}, "", false},
		"restore, but not public": {"public", false, restoring("public", false), nil, "stays disabled", false},
		"restore after an import": {"private", true, func(m *model) {
			restoring("private", true)(m)
			m.setPrevious(nil)
		}, nil, "imported", false},
		"disable":                        {"private", true, func(m *model) { m.OnDestroy = types.StringValue(onDestroyDisable) }, []string{"disable private1"}, "", false},
		"disable what the cluster needs": {"public", true, func(m *model) { m.OnDestroy = types.StringValue(onDestroyDisable) }, nil, "", true},
		"disable it all the same": {"public", true, func(m *model) {
			m.OnDestroy, m.AllowNoALB = types.StringValue(onDestroyDisable), types.BoolValue(true)
		}, []string{"disable public1"}, "no ALB of the cluster", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{})
			if test.kind == "public" && !test.enabled {
				r.mustApply(declare(true, ofType("private")), nil)
			}
			m := declare(test.enabled, ofType(test.kind))
			r.mustApply(m, nil)
			test.change(m)
			r.restart()
			c := r.find()
			r.fake.ResetRequests()

			warnings, err := r.part.Remove(t.Context(), c, m, framework.Owner{})
			if m.OnDestroy.ValueString() == onDestroyLeave && len(r.fake.Requests()) > 0 {
				t.Errorf("leave sent %d requests", len(r.fake.Requests()))
			}
			r.wantWrites(test.want...)
			if _, refused := framework.AsRefusal(err); refused != test.refused || err != nil && !refused {
				t.Errorf("got %v, refused should be %t", err, test.refused)
			}
			if all := strings.Join(warnings, "\n"); !strings.Contains(all, test.warning) || (test.warning == "") != (all == "") {
				t.Errorf("warnings %q, want %q", warnings, test.warning)
			}
			for _, write := range test.want {
				verb, name, _ := strings.Cut(write, " ")
				if a := r.alb(name); a.State != verb+"d" {
					t.Errorf("%s came back too early: %+v", write, a)
				}
			}
		})
	}
}

// The last ALB that serves is never switched off by accident, whatever the step.
func TestTheLastWayInStays(t *testing.T) {
	t.Parallel()
	disabling := func(m *model) {
		m.Type, m.OnDestroy = types.StringValue("private"), types.StringValue(onDestroyDisable)
	}
	allowed := func(change func(*model)) func(*model) {
		return func(m *model) { change(m); m.AllowNoALB = types.BoolValue(true) }
	}
	for name, test := range map[string]struct {
		public  string // status of the public ALB, "" for disabled
		change  func(*model)
		act     func(r *rig, m *model) error
		want    []string
		warning string
		refused bool
	}{
		"update":                                {"", ofType("private"), switchOff, nil, "", true},
		"update while the public one is ill":    {"critical", ofType("private"), switchOff, nil, "", true},
		"update while the public one serves":    {"healthy", ofType("private"), switchOff, []string{"disable private1", "disable private2"}, "", false},
		"update, allowed":                       {"", allowed(ofType("private")), switchOff, []string{"disable private1", "disable private2"}, "", false},
		"destroy, restoring":                    {"", restoring("private", false), destroy, nil, "last way into the cluster", false},
		"destroy, restoring, the public is ill": {"critical", restoring("private", false), destroy, nil, "last way into the cluster", false},
		"destroy, restoring, the public serves": {"healthy", restoring("private", false), destroy, []string{"disable private1", "disable private2"}, "", false},
		"destroy, restoring, allowed":           {"", allowed(restoring("private", false)), destroy, []string{"disable private1", "disable private2"}, "no ALB of the cluster", false},
		"destroy, disabling":                    {"", disabling, destroy, nil, "", true},
		"letting go of one, the other serves":   {"", disabling, letGoOfOne, []string{"disable private2"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
			m := declare(true, test.change)
			r.mustApply(m, nil)
			if test.public != "healthy" {
				r.mustApply(declare(false, ofType("public")), nil)
			}
			r.restart()
			if test.public == "critical" {
				defer r.fake.TakeOverALBs("prod")()
				if err := r.fake.SetALB("prod", r.id("public1"), "enabled", test.public, "192.0.2.9"); err != nil {
					t.Fatal(err)
				}
			}
			r.writes()
			err := test.act(r, m)
			r.wantWrites(test.want...)
			if _, refused := framework.AsRefusal(err); refused != test.refused || err != nil && !refused {
				t.Errorf("got %v, refused should be %t", err, test.refused)
			}
			if test.refused && !strings.Contains(err.Error(), "allow_no_alb = true") {
				t.Errorf("the refusal shows no way out: %v", err)
			}
			if all := strings.Join(r.warned, "\n"); !strings.Contains(all, test.warning) || (test.warning == "") != (all == "") {
				t.Errorf("warnings %q, want %q", r.warned, test.warning)
			}
		})
	}
}

func switchOff(r *rig, m *model) error {
	after := *m
	after.Enabled = types.BoolValue(false)
	return r.apply(&after, m)
}

func letGoOfOne(r *rig, m *model) error {
	after := *m
	after.Zone = types.StringValue("dal10")
	return r.apply(&after, m)
}

func destroy(r *rig, m *model) error {
	warnings, err := r.part.Remove(r.t.Context(), r.find(), m, framework.Owner{})
	r.warned = append(r.warned, warnings...)
	return err
}

// The ALB that is chosen instead serves before the other one goes.
func TestAnotherOneTakesOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	one := func(name string) *model {
		return declare(true, func(m *model) {
			m.ALBID, m.OnDestroy = types.StringValue(r.id(name)), types.StringValue(onDestroyRestore)
		})
	}
	before := one("private1")
	r.mustApply(before, nil)
	r.mustApply(declare(false, ofType("public")), nil)
	r.restart()
	r.writes()
	r.mustApply(one("private2"), before)
	r.wantWrites("enable private2", "disable private1")
	if len(r.warned) > 0 {
		t.Errorf("warnings: %q", r.warned)
	}
}

// What is enabled on the way out serves before the next resource goes, which
// may close the only other way in.
func TestReverseCutOverWaits(t *testing.T) {
	t.Parallel()
	for name, spec := range infrastructures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, spec)
			r.mustApply(declare(true, ofType("private")), nil)
			public := declare(false, restoring("public", true))
			r.mustApply(public, nil)
			r.restart()
			giveBack := r.fake.TakeOverALBs("prod") // by hand from now on
			defer giveBack()

			var gone atomic.Bool
			done := make(chan error, 1)
			go func() {
				_, err := r.part.Remove(t.Context(), r.find(), public, framework.Owner{})
				gone.Store(true)
				done <- err
			}()
			// Each look at the list after a change is one that was not content with it.
			for _, lacking := range []struct{ status, address string }{{"unhealthy", "192.0.2.9"}, {"healthy", ""}} {
				for _, alb := range []string{"public1", "public2"} {
					r.until(func() bool { return r.alb(alb).Enabled })
					if err := r.fake.SetALB("prod", r.id(alb), "enabled", lacking.status, lacking.address); err != nil {
						t.Fatal(err)
					}
				}
				r.fake.ResetRequests()
				r.until(func() bool { return gone.Load() || r.lists() >= 2 })
				if gone.Load() {
					t.Fatalf("it did not wait for status %q, address %q", lacking.status, lacking.address)
				}
			}
			for _, alb := range []string{"public1", "public2"} {
				if err := r.fake.SetALB("prod", r.id(alb), "enabled", "healthy", "192.0.2.9"); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// Two resources of one ALB, one made as the other goes: create_before_destroy,
// or a new name without `moved`.
func TestTheOneThatStaysIsNotUndone(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{})
	r.mustApply(declare(true, ofType("private")), nil)
	old := declare(false, restoring("public", true))
	r.mustApply(old, nil)
	r.restart()
	r.writes()

	r.mustApply(declare(false, restoring("public", true)), nil)
	warnings, err := r.part.Remove(t.Context(), r.find(), old, framework.Owner{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "taken it over") {
		t.Errorf("%v, %v", warnings, err)
	}
	r.wantWrites()
}

// A resource that wants the ALBs of one that goes, and is refused: the one that
// goes restores them.
func TestRefusedHeirClaimsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, heir *model
		// refuse makes the heir fail, until what it gives is called.
		refuse func(t *testing.T, r *rig) (repair func())
		want   string
	}{
		"by us": {
			declare(true, restoring("private", true)), declare(false, restoring("private", true)),
			func(t *testing.T, r *rig) func() {
				status := func(status string) {
					if err := r.fake.SetALB("prod", r.id("public1"), "enabled", status, "192.0.2.9"); err != nil {
						t.Fatal(err)
					}
				}
				giveBack := r.fake.TakeOverALBs("prod")
				status("critical")
				return func() { status("healthy"); giveBack() }
			}, "disable private1",
		},
		"by IKS": {
			declare(false, restoring("public", true)), declare(true, restoring("public", true)),
			func(_ *testing.T, r *rig) func() {
				return r.fake.Fail(fakeiks.Fault{Method: "POST", Path: "/v1/alb/albs", Status: http.StatusForbidden})
			}, "enable public1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{})
			if !test.old.Enabled.ValueBool() {
				r.mustApply(declare(true, ofType("private")), nil)
			}
			r.mustApply(test.old, nil)
			r.restart()
			repair := test.refuse(t, r)
			if err := r.apply(test.heir, nil); err == nil {
				t.Error("the heir was not refused")
			}
			repair()
			r.writes()
			if err := destroy(r, test.old); err != nil || len(r.warned) > 0 {
				t.Errorf("%v, %q", err, r.warned)
			}
			r.wantWrites(test.want)
		})
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{})
	m := declare(true, ofType("private"))
	r.mustApply(m, nil)
	m.OnDestroy = types.StringValue(onDestroyDisable)
	r.restart()
	giveBack := r.fake.TakeOverALBs("prod") // nobody carries anything out
	defer giveBack()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		// Until the switch was sent, and two looks have found it not carried out.
		const looks = "/v1/alb/clusters/*"
		for r.fake.Count("DELETE", "/v1/alb/albs/*") == 0 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		for before := r.fake.Count("GET", looks); r.fake.Count("GET", looks) < before+2 && ctx.Err() == nil; {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	_, err := r.part.Remove(ctx, r.find(), m, framework.Owner{})
	if err == nil || !strings.Contains(err.Error(), r.id("private1")+": is being disabled") {
		t.Errorf("got %v", err)
	}
}

// What IKS refuses to enable never comes true, so nobody waits for it.
func TestRefusedEnableEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusConflict} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{})
			r.mustApply(declare(true, ofType("private")), nil)
			public := declare(false, restoring("public", true))
			r.mustApply(public, nil)
			r.restart()
			defer r.fake.Fail(fakeiks.Fault{Method: "POST", Path: "/v1/alb/albs", Status: status})()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()

			_, err := r.part.Remove(ctx, r.find(), public, framework.Owner{})
			var refused *iks.Error
			if !errors.As(err, &refused) || refused.Status != status || ctx.Err() != nil {
				t.Errorf("got %v, want the status %d at once", err, status)
			}
		})
	}
}

// An update to another ALB that is cut off still knows what the first one was:
// the next update, or a removal, restores it.
func TestCutOffUpdateKnowsWhatItLetsGo(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	one := func(name string) *model {
		return declare(true, func(m *model) {
			m.ALBID, m.OnDestroy = types.StringValue(r.id(name)), types.StringValue(onDestroyRestore)
		})
	}
	kept := one("private1")
	r.mustApply(kept, nil)
	r.restart()
	giveBack := r.fake.TakeOverALBs("prod") // nobody carries anything out
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for !r.alb("private2").Enabled && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	begun := one("private2")
	begun.ALBs, begun.Previous = types.ListUnknown(albType()), types.MapUnknown(types.BoolType)
	if err := r.part.Apply(ctx, r.find(), framework.ApplyRequest[model]{Want: begun, Prior: kept}); err == nil {
		t.Fatal("it did not wait for private2")
	}
	if err := r.fake.SetALB("prod", r.id("private2"), "enabled", "healthy", "192.0.2.9"); err != nil {
		t.Fatal(err)
	}
	giveBack()
	want := map[string]bool{r.id("private1"): false, r.id("private2"): false}
	if got := r.previous(begun); !maps.Equal(got, want) {
		t.Fatalf("previous: %v, want %v", got, want)
	}
	kept.Previous = begun.Previous // as the framework keeps it
	r.restart()
	r.writes()

	// The next update starts from what was begun, then from the state.
	after := one("private2")
	r.mustApply(after, begun)
	after.Ready = types.BoolUnknown()
	if err := r.part.Apply(t.Context(), r.find(), framework.ApplyRequest[model]{Want: after, Prior: kept}); err != nil {
		t.Fatal(err)
	}
	r.wantWrites("disable private1")
	if got, want := r.previous(after), map[string]bool{r.id("private2"): false}; !maps.Equal(got, want) {
		t.Errorf("previous in the end: %v, want %v", got, want)
	}
}
