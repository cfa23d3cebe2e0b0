package albstate

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The main job: the private ALBs come, then the public ones go, and back again.
func TestCutOver(t *testing.T) {
	t.Parallel()
	for name, spec := range infrastructures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, spec)
			private, public := declare(true, restoring("private", false)), declare(false, restoring("public", true))

			r.mustApply(private, nil)
			r.wantWrites("enable private1", "enable private2")
			if want := map[string]bool{r.id("private1"): false, r.id("private2"): false}; !maps.Equal(r.previous(private), want) {
				t.Errorf("previous of the private ones: %v", r.previous(private))
			}
			if a := r.alb("private2"); a.State != "enabled" || a.Status != "healthy" || a.Address == "" {
				t.Errorf("ready too early: %+v", a)
			}
			r.mustApply(public, nil)
			r.wantWrites("disable public1", "disable public2")
			if a := r.alb("public2"); a.State != "disabled" {
				t.Errorf("ready too early: %+v", a)
			}

			r.restart()
			for _, m := range []*model{private, public} {
				if o := r.observe(m); len(o.Drift)+len(o.Missing) > 0 || o.Gone {
					t.Errorf("a second look: %+v", o)
				}
			}
			for _, m := range []*model{public, private} { // as Terraform orders it
				if warnings, err := r.part.Remove(t.Context(), r.find(), m, framework.Owner{}); err != nil || len(warnings) > 0 {
					t.Errorf("remove: %v, %v", warnings, err)
				}
			}
			r.wantWrites("enable public1", "enable public2", "disable private1", "disable private2")
			for id, want := range map[string]bool{"private1": false, "private2": false, "public1": true, "public2": true} {
				if a := r.alb(id); a.Enabled != want || (a.State == "enabled") != want {
					t.Errorf("%s afterwards: %+v", id, a)
				}
			}
		})
	}
}

func TestOneALB(t *testing.T) {
	t.Parallel()
	for name, spec := range infrastructures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, spec)
			m := declare(true, func(m *model) { m.ALBID = types.StringValue(r.id("private2")) })
			r.mustApply(m, nil)
			r.wantWrites("enable private2")
			if len(m.ALBs.Elements()) != 1 {
				t.Errorf("albs: %v", m.ALBs)
			}
			// What is as declared is not written again.
			r.mustApply(m, m)
			r.wantWrites()
			// Its health comes and goes.
			r.restart()
			if err := r.fake.SetALB("prod", r.id("private2"), "enabled", "unhealthy", "10.0.0.9"); err != nil {
				t.Fatal(err)
			}
			if o := r.observe(m); len(o.Drift)+len(o.Missing) > 0 {
				t.Errorf("health is not waited for once it was ready: %+v", o)
			}
			// Somebody else switches it off.
			r.restart()
			r.switchOffByHand("private2")
			if o := r.observe(m); len(o.Drift) != 1 || !strings.Contains(o.Drift[0], r.id("private2")+": is disabled, declared enabled") {
				t.Errorf("drift: %+v", o)
			}
			r.writes()
			r.mustApply(m, m)
			r.wantWrites("enable private2")
		})
	}
}

// An update waits for the ALBs that it switches, not for the health of others.
func TestUpdateWaitsForWhatItSwitches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prior  func(r *rig, m *model)
		change func(r *rig, m *model)
		want   string // name of the ALB that is waited for, "" for none
	}{
		"another on_destroy":        {nil, func(_ *rig, m *model) { m.OnDestroy = types.StringValue(onDestroyDisable) }, ""},
		"it was not ready":          {func(_ *rig, m *model) { m.Ready = types.BoolValue(false) }, func(*rig, *model) {}, "private1"},
		"another zone is added":     {func(_ *rig, m *model) { m.ALBs = albList(nil) }, func(*rig, *model) {}, "private1"},
		"it is switched on":         {func(r *rig, _ *model) { r.switchOffByHand("private1") }, func(*rig, *model) {}, "private1"},
		"switched off and not gone": {nil, func(_ *rig, m *model) { m.Enabled = types.BoolValue(false) }, "private1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{})
			before := declare(true, ofType("private"))
			r.mustApply(before, nil)
			if test.prior != nil {
				test.prior(r, before)
			}
			after := *before
			test.change(r, &after)
			after.Ready, after.settled = types.BoolUnknown(), nil
			defer r.fake.TakeOverALBs("prod")()
			state := map[bool]string{true: "enabled", false: "disabled"}[r.alb("private1").Enabled]
			if err := r.fake.SetALB("prod", r.id("private1"), state, "critical", "10.0.0.9"); err != nil {
				t.Fatal(err)
			}
			r.fleet.BeginApply()
			c := r.find()
			for range 2 { // the engine acts once more when somebody undoes it
				if err := r.part.Apply(t.Context(), c, framework.ApplyRequest[model]{Want: &after, Prior: before, Warn: func(string, string) {}}); err != nil {
					t.Fatal(err)
				}
			}
			o := r.observe(&after)
			got := strings.Join(append(o.Drift, o.Missing...), "\n")
			if (got == "") != (test.want == "") || test.want != "" && !strings.Contains(got, r.id(test.want)) {
				t.Errorf("waits for %q, want %q", got, test.want)
			}
		})
	}
}

func TestPublicGoesOnlyWhenPrivateServes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*rig)
		change  func(*model)
		want    []string // writes; none means refused
	}{
		"none is enabled": {func(*rig) {}, ofType("public"), nil},
		"it is not healthy": {func(r *rig) {
			r.mustApply(declare(true, ofType("private")), nil)
			if err := r.fake.SetALB("prod", r.id("private1"), "enabled", "unhealthy", "10.0.0.9"); err != nil {
				r.t.Fatal(err)
			}
		}, ofType("public"), nil},
		"it has no address": {func(r *rig) {
			r.mustApply(declare(true, ofType("private")), nil)
			if err := r.fake.SetALB("prod", r.id("private1"), "enabled", "healthy", ""); err != nil {
				r.t.Fatal(err)
			}
		}, ofType("public"), nil},
		"it serves": {func(r *rig) {
			r.mustApply(declare(true, ofType("private")), nil)
		}, ofType("public"), []string{"disable public1"}},
		"none is wanted": {func(*rig) {}, func(m *model) {
			m.Type, m.AllowNoALB = types.StringValue("public"), types.BoolValue(true)
		}, []string{"disable public1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{})
			test.prepare(r)
			r.writes()
			err := r.apply(declare(false, test.change), nil)
			r.wantWrites(test.want...)
			if test.want != nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, refused := framework.AsRefusal(err); !refused {
				t.Fatalf("got %v, want a refusal", err)
			}
			for _, hint := range []string{r.id("public1"), "prod", `resource "iks_alb_state" "private"`, "allow_no_alb = true"} {
				if !strings.Contains(err.Error(), hint) {
					t.Errorf("the refusal does not say %q: %v", hint, err)
				}
			}
		})
	}
}

// The private ALB breaks down between the first public ALB and the second.
func TestEachPublicALBIsCheckedForItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	r.mustApply(declare(true, func(m *model) { m.ALBID = types.StringValue(r.id("private1")) }), nil)
	r.writes()
	changes, cancel := r.fake.Subscribe()
	defer cancel()
	broken := make(chan error, 1)
	// The answer to the first DELETE is held back until the ALB is broken.
	r.fake.Fail(fakeiks.Fault{Method: "DELETE", Served: true, Status: http.StatusTooManyRequests, Times: 1})
	go func() {
		for c := range changes {
			if c.Kind == fakeiks.ALBDisabled {
				broken <- r.fake.SetALB("prod", r.id("private1"), "enabled", "critical", "10.0.0.9")
				return
			}
		}
	}()
	err := r.apply(declare(false, ofType("public")), nil)
	if _, refused := framework.AsRefusal(err); !refused {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := <-broken; err != nil {
		t.Error(err)
	}
	if r.alb("public1").Enabled || !r.alb("public2").Enabled {
		t.Errorf("only the first one should be disabled: %+v", r.fake.ALBs("prod"))
	}
}

func TestNothingToSwitch(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{})
	for name, test := range map[string]struct {
		change func(*model)
		hint   string
	}{
		"an ALB that is not there":  {func(m *model) { m.ALBID = types.StringValue(r.id("private9")) }, r.id("private1")},
		"an ALB of another cluster": {func(m *model) { m.ALBID = types.StringValue("private-crc0123456789abcdefghi-alb1") }, "another cluster"},
		"a zone without ALBs":       {func(m *model) { m.Type, m.Zone = types.StringValue("private"), types.StringValue("dal99") }, "dal99"},
		"no choice":                 {func(*model) {}, "exactly one"},
		"two choices": {func(m *model) {
			m.ALBID, m.Type = types.StringValue(r.id("private1")), types.StringValue("private")
		}, "two ways"},
	} {
		t.Run(name, func(t *testing.T) {
			err := r.apply(declare(true, test.change), nil)
			if _, refused := framework.AsRefusal(err); !refused || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v, want a refusal with %q", err, test.hint)
			}
			r.wantWrites()
		})
	}
}

func TestSelfManaged(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	api, facts, err := r.find().IKS("test")
	if err != nil {
		t.Fatal(err)
	}
	own := `{"alb":[` + strings.Join([]string{
		`{"albID":"` + r.id("public1") + `","albType":"public","zone":"dal10","disableDeployment":true,"enable":false,"state":"disabled"}`,
		`{"albID":"` + r.id("private1") + `","albType":"private","zone":"dal10","enable":true,"state":"enabled","status":"healthy","albip":"10.0.0.9"}`,
	}, ",") + `]}`
	r.fake.Fail(fakeiks.Fault{Method: "GET", Path: "/v1/alb/clusters/*", Status: http.StatusOK, Body: own})
	if albs, err := api.ALBs(t.Context(), facts); err != nil || len(albs) != 2 {
		t.Fatalf("%v, %v", albs, err)
	}
	for name, change := range map[string]func(*model){
		"by its ID":   func(m *model) { m.ALBID = types.StringValue(r.id("public1")) },
		"by its type": ofType("public"),
	} {
		for _, enabled := range []bool{true, false} {
			err := r.apply(declare(enabled, change), nil)
			if _, refused := framework.AsRefusal(err); !refused || !strings.Contains(err.Error(), "controller of your own") {
				t.Errorf("%s, enabled %t: %v, want a refusal", name, enabled, err)
			}
		}
	}
	r.wantWrites()
}

func TestImport(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	imported := func(change func(*model)) *model {
		return declare(false, func(m *model) {
			m.Enabled, m.OnDestroy = types.BoolNull(), types.StringNull()
			m.AllowNoALB, m.AllowPublicOnDestroy = types.BoolNull(), types.BoolNull()
			change(m)
		})
	}
	m := imported(ofType("public"))
	if o := r.observe(m); o.Gone || len(o.Drift)+len(o.Missing) > 0 {
		t.Errorf("%+v", o)
	}
	if !m.Enabled.ValueBool() || m.OnDestroy.ValueString() != onDestroyLeave || m.AllowNoALB.IsNull() || m.AllowPublicOnDestroy.IsNull() {
		t.Errorf("not adopted: %+v", m)
	}
	if m.Previous.IsNull() || len(m.Previous.Elements()) > 0 || len(m.ALBs.Elements()) != 2 {
		t.Errorf("previous %v, albs %v", m.Previous, m.ALBs)
	}
	// What is seen later is not from before the import.
	r.mustApply(declare(true, ofType("private")), nil)
	m.OnDestroy = types.StringValue(onDestroyRestore)
	after := declare(false, restoring("public", true))
	r.mustApply(after, m)
	if got := r.previous(after); len(got) > 0 {
		t.Errorf("previous after an import: %v", got)
	}
	if o := r.observe(imported(func(m *model) { m.ALBID = types.StringValue(r.id("private9")) })); !o.Gone {
		t.Errorf("an ALB that is not there: %+v", o)
	}
}

func TestReadsShareOneList(t *testing.T) {
	t.Parallel()
	for name, spec := range infrastructures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, spec)
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if o, err := r.part.Observe(t.Context(), r.find(), declare(true, ofType("public")), framework.Owner{}); err != nil || len(o.Drift) > 0 {
						t.Errorf("%+v, %v", o, err)
					}
				})
			}
			all.Wait()
			if n := r.lists(); n != 1 {
				t.Errorf("20 reads took %d lists", n)
			}
			r.fleet.BeginApply()
			for range 3 {
				r.observe(declare(true, ofType("public")))
			}
			if n := r.lists(); n != 4 {
				t.Errorf("3 looks while applying took %d lists", n-1)
			}
		})
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{})
	one := declare(true, func(m *model) { m.ALBID = types.StringValue(r.id("private1")) })
	all := declare(true, ofType("private"))
	r.mustApply(all, nil)
	r.restart()
	empty := r.fake.Fail(fakeiks.Fault{Method: "GET", Path: "/v1/alb/clusters/*", Status: http.StatusOK, Body: `{"alb":[]}`})
	defer empty()
	// A list that misses them is not proof.
	for _, m := range []*model{one, all} {
		if o := r.observe(m); o.Gone || len(o.Drift)+len(o.Missing) > 0 {
			t.Errorf("%+v", o)
		}
	}
	// IKS's own word is.
	notFound := r.fake.Fail(fakeiks.Fault{Method: "GET", Path: "/v1/alb/albs/*", Status: http.StatusNotFound, Body: `{"incidentID":"6f1d","code":"E0b04","description":"gone"}`})
	for _, m := range []*model{one, all} {
		if o := r.observe(m); !o.Gone {
			t.Errorf("%+v", o)
		}
	}
	notFound()
	// A failure is neither.
	r.fake.Fail(fakeiks.Fault{Method: "GET", Path: "/v1/alb/albs/*", Status: http.StatusForbidden})
	if o, err := r.part.Observe(t.Context(), r.find(), one, framework.Owner{}); err == nil || o.Gone {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestFailingWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
	m := declare(true, ofType("private"))
	r.fake.Fail(fakeiks.Fault{Method: "POST", Path: "/v1/alb/albs", Skip: 1, Status: http.StatusForbidden, Times: 1})
	if err := r.apply(m, nil); err == nil {
		t.Fatal("want the error of the second write")
	}
	if want := map[string]bool{r.id("private1"): false, r.id("private2"): false}; !maps.Equal(r.previous(m), want) {
		t.Errorf("what was before must be known although it failed: %v", m.Previous)
	}
	r.writes()
	again := declare(true, ofType("private"))
	r.mustApply(again, m)
	if got := r.writes(); len(got) == 0 || got[len(got)-1] != "enable private2" {
		t.Errorf("written: %v", got)
	}
	if !maps.Equal(r.previous(again), r.previous(m)) {
		t.Errorf("previous: %v, want %v", r.previous(again), r.previous(m))
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{})
	look := func(m, prior *model) ([]string, error) {
		return r.part.Preview(t.Context(), r.find(), framework.PreviewRequest[model]{Want: m, Prior: prior})
	}
	if got, err := look(declare(false, ofType("public")), nil); err != nil || len(got) != 3 {
		t.Errorf("cut-over without a private ALB: %q, %v", got, err)
	}
	if got, err := look(declare(true, ofType("public")), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing to do: %q, %v", got, err)
	}
	unknown := declare(false, func(m *model) { m.Type = types.StringUnknown() })
	if got, err := look(unknown, nil); err != nil || len(got) != 0 {
		t.Errorf("unknown: %q, %v", got, err)
	}
	other := declare(false, func(m *model) { m.ALBID = types.StringValue("public-crc0123456789abcdefghi-alb1") })
	if _, err := look(other, nil); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("an ALB of another cluster: %v", err)
	}
	r.wantWrites()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	allowed := func(onDestroy types.String) func(*model) {
		return func(m *model) {
			m.Type, m.OnDestroy, m.AllowPublicOnDestroy = types.StringValue("public"), onDestroy, types.BoolValue(true)
		}
	}
	for name, test := range map[string]struct {
		change func(*model)
		want   int
	}{
		"restore":     {allowed(types.StringValue(onDestroyRestore)), 0},
		"not known":   {allowed(types.StringUnknown()), 0},
		"by default":  {allowed(types.StringNull()), 1},
		"leave":       {allowed(types.StringValue(onDestroyLeave)), 1},
		"not allowed": {ofType("public"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newPart().Check(t.Context(), declare(false, test.change)); len(got) != test.want || test.want > 0 && !got[0].Warning {
				t.Errorf("got %+v", got)
			}
		})
	}
}
