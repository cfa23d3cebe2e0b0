package albstate

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Two resources that each close one of the last two ALBs, at once: IKS takes its
// time over the first, so that the second looks before that one is gone.
func TestTwoDoNotCloseBoth(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]struct {
		onDestroy string
		close     func(r *rig, m *model) (warnings []string, err error)
	}{
		"two updates": {onDestroyLeave, func(r *rig, m *model) ([]string, error) {
			after := *m
			after.Enabled, after.ALBs, after.Previous = types.BoolValue(false), types.ListUnknown(albType()), types.MapUnknown(types.BoolType)
			return nil, r.part.Apply(t.Context(), r.find(), framework.ApplyRequest[model]{Want: &after, Prior: m})
		}},
		"two removals": {onDestroyDisable, func(r *rig, m *model) ([]string, error) {
			return r.part.Remove(t.Context(), r.find(), m, framework.Owner{})
		}},
		"two removals that restore": {onDestroyRestore, func(r *rig, m *model) ([]string, error) {
			return r.part.Remove(t.Context(), r.find(), m, framework.Owner{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
			var both []*model
			for _, alb := range []string{"private1", "private2"} {
				m := declare(true, func(m *model) {
					m.ALBID, m.OnDestroy = types.StringValue(r.id(alb)), types.StringValue(act.onDestroy)
				})
				r.mustApply(m, nil)
				both = append(both, m)
			}
			r.mustApply(declare(false, ofType("public")), nil)
			r.restart()
			defer r.fake.Fail(fakeiks.Fault{Method: "DELETE", Path: "/v1/alb/albs/*", Delay: time.Second})()

			type outcome struct {
				warnings []string
				err      error
			}
			outcomes := make(chan outcome, len(both))
			for _, m := range both {
				go func() {
					warnings, err := act.close(r, m)
					outcomes <- outcome{warnings, err}
				}()
			}
			stayed := 0
			for range both {
				o := <-outcomes
				_, refused := framework.AsRefusal(o.err)
				if refused || len(o.warnings) > 0 {
					stayed++
				}
				if o.err != nil && (!refused || act.onDestroy == onDestroyRestore) {
					t.Error(o.err)
				}
			}
			if stayed != 1 {
				t.Errorf("%d of the two were left enabled, want one", stayed)
			}
		})
	}
}

// An ALB that IKS refused to close stands in for another one; one of which nobody
// knows whether it was closed does not.
func TestOnlyWhatMayBeClosedCountsAsClosed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   fakeiks.Fault
		refused bool // to close the other one
	}{
		"throttled":                      {fakeiks.Fault{Status: http.StatusTooManyRequests}, false},
		"it broke down":                  {fakeiks.Fault{Status: http.StatusBadGateway}, true},
		"closed, and the answer is lost": {fakeiks.Fault{Served: true, Status: http.StatusGatewayTimeout}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12")})
			closing := func(alb string) *model {
				return declare(false, func(m *model) { m.ALBID = types.StringValue(r.id(alb)) })
			}
			r.mustApply(declare(true, ofType("private")), nil)
			r.mustApply(declare(false, ofType("public")), nil)
			r.restart()
			test.fault.Method, test.fault.Path = "DELETE", "/v1/alb/albs/"+r.id("private1")
			repair := r.fake.Fail(test.fault)
			if err := r.apply(closing("private1"), nil); err == nil {
				t.Fatal("private1 was closed")
			}
			repair()
			err := r.apply(closing("private2"), nil)
			if _, refused := framework.AsRefusal(err); refused != test.refused || err != nil && !refused {
				t.Errorf("closing private2: %v", err)
			}
		})
	}
}

// What was closed counts as closed until IKS's list has caught up.
func TestClosingsCorrectTheList(t *testing.T) {
	t.Parallel()
	enabled := func() []iks.ALB { return []iks.ALB{on("private", "1"), on("private", "2")} }
	one := step{alb: on("private", "1")}
	for name, test := range map[string]struct {
		before func(c *closings)
		want   bool // private1 counts as enabled
	}{
		"nothing was closed": {func(*closings) {}, true},
		"the list lags":      {func(c *closings) { c.note(clusterID, one) }, false},
		"another cluster":    {func(c *closings) { c.note("another", one) }, true},
		"opened again": {func(c *closings) {
			c.note(clusterID, one)
			c.note(clusterID, step{alb: one.alb, enable: true})
		}, true},
		"the list had caught up": {func(c *closings) {
			c.note(clusterID, one)
			c.correct(clusterID, []iks.ALB{off("private", "1")})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClosings()
			test.before(c)
			got := c.correct(clusterID, enabled())
			if got[0].Enabled != test.want || !got[1].Enabled {
				t.Errorf("got %t and %t, want %t and true", got[0].Enabled, got[1].Enabled, test.want)
			}
		})
	}
}

// Who waits for its turn leaves when its time is up.
func TestTurnEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := newClosings()
	over, err := c.turn(t.Context(), iks.Cluster{ID: clusterID})
	if err != nil {
		t.Fatal(err)
	}
	defer over()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.turn(ctx, iks.Cluster{ID: clusterID}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
