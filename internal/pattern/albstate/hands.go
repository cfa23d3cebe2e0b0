package albstate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// hands carry out steps on the ALBs of one cluster.
type hands struct {
	api        *iks.Client
	cluster    iks.Cluster
	allowNoALB bool
	closings   *closings
	// goneIsFine: an ALB that is not there any more needs no switching.
	goneIsFine bool
	// sent hears of the outcome of every write and hands it back.
	sent func(error) error
}

// open takes steps that enable ALBs.
func (h hands) open(ctx context.Context, todo []step) error {
	for _, s := range todo {
		if err := h.take(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// shut takes steps that disable ALBs. Each one looks first, at that moment,
// whether another ALB serves that can stand in, and no other resource disables
// one before IKS has answered. Where sparing is set, the last way in is left out
// of the steps with a warning, and else refused.
func (h hands) shut(ctx context.Context, todo []step, sparing bool) (taken []step, warnings []string, err error) {
	if len(todo) == 0 {
		return nil, nil, nil
	}
	over, err := h.closings.turn(ctx, h.cluster)
	if err != nil {
		return nil, nil, err
	}
	defer over()
	if sparing && !h.allowNoALB {
		if todo, warnings, err = h.spare(ctx, todo); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range todo {
		if !h.allowNoALB {
			if err := h.standsIn(ctx, s, todo); err != nil {
				return nil, warnings, err
			}
		}
		if err := h.take(ctx, s); err != nil {
			return nil, warnings, err
		}
	}
	return todo, warnings, nil
}

// take takes one step.
func (h hands) take(ctx context.Context, s step) error {
	act := h.api.DisableALB
	if s.enable {
		act = h.api.EnableALB
	}
	err := h.sent(act(ctx, h.cluster, s.alb))
	if err == nil || !s.enable && !framework.Declined(err) { // IKS may have closed it, though its answer got lost
		h.closings.note(h.cluster.ID, s)
	}
	if h.goneIsFine && iks.IsNotFound(err) {
		return nil
	}
	return err
}

// serving lists the ALBs, without those as enabled that were closed in this run.
func (h hands) serving(ctx context.Context) ([]iks.ALB, error) {
	albs, err := h.api.ALBs(ctx, h.cluster)
	if err != nil {
		return nil, err
	}
	return h.closings.correct(h.cluster.ID, albs), nil
}

// standsIn refuses to take a step that closes an ALB unless another one serves.
func (h hands) standsIn(ctx context.Context, s step, todo []step) error {
	albs, err := h.serving(ctx)
	if err != nil {
		return err
	}
	found, why := standIn(albs, s, todo)
	switch {
	case found:
		return nil
	case !s.closesPublic():
		return framework.Refuse(path.Root("allow_no_alb"), "No other ALB is there to take over",
			fmt.Sprintf("%s of cluster %s is not disabled, because it is the last way in: no other ALB serves at this moment:\n%s\n"+
				"Enable another one first, and let this resource wait for it (depends_on). If the cluster is to have no ALB at all, set allow_no_alb = true.",
				s.alb.ID, h.cluster.Name, bullets(why)))
	}
	return framework.Refuse(path.Root("allow_no_alb"), "No private ALB is there to take over",
		fmt.Sprintf("%s of cluster %s is not disabled, because no private ALB serves at this moment:\n%s\n"+
			"Add the resource below, and let this one depend on it (depends_on), so that the private ALB is healthy before the public one goes. "+
			"If the cluster is to have no ALB at all, set allow_no_alb = true.\n\n"+
			"  resource \"iks_alb_state\" \"private\" {\n    cluster = %q\n    type    = \"private\"\n    enabled = true\n  }",
			s.alb.ID, h.cluster.Name, bullets(why), h.cluster.Name))
}

// Pause between two looks while ALBs change.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
)

// carryOut takes steps on ALBs that are let go of: first those that open a way
// in. Once these serve the others follow, so that there is no gap.
//
// Restoring never takes the last way in: a private ALB that nothing stands in
// for is left on, and a warning says so.
func (h hands) carryOut(ctx context.Context, todo []step, onDestroy string) (warnings []string, err error) {
	opening, closing := inTurn(todo)
	if err := h.open(ctx, opening); err != nil {
		return nil, err // what was refused never comes true: there is nothing to wait for
	}
	if err := h.await(ctx, opening); err != nil {
		return nil, err
	}
	taken, warnings, err := h.shut(ctx, closing, onDestroy == onDestroyRestore)
	if err != nil {
		return warnings, err
	}
	return warnings, h.await(ctx, taken)
}

// spare leaves out the private ALBs that are the last way in.
func (h hands) spare(ctx context.Context, todo []step) (rest []step, warnings []string, err error) {
	albs, err := h.serving(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range todo {
		if found, _ := standIn(albs, s, todo); !found && !s.closesPublic() {
			warnings = append(warnings, s.alb.ID+" was disabled before and stays enabled: "+lastWayIn)
			continue
		}
		rest = append(rest, s)
	}
	return rest, warnings, nil
}

const lastWayIn = "it is the last way into the cluster, no other ALB serves. With allow_no_alb = true it is disabled all the same"

// await returns once the steps have come true. An ALB that is enabled has to
// serve by then, as whoever comes next may close another way in.
func (h hands) await(ctx context.Context, todo []step) error {
	var left []string
	for pause := firstPause; len(todo) > 0; pause = min(pause*3/2, lastPause) {
		albs, err := h.api.ALBs(ctx, h.cluster)
		switch {
		case err == nil:
			if left = unfinished(albs, todo); len(left) == 0 {
				return nil
			}
		case ctx.Err() == nil && !iks.IsTransient(err):
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("switching the ALBs of cluster %s: %w; still missing: %s", h.cluster.Name, context.Cause(ctx), strings.Join(left, "; "))
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
	return nil
}

// unfinished says which steps have not come true yet. An ALB that is gone is finished.
func unfinished(albs []iks.ALB, todo []step) []string {
	var out []string
	for _, s := range todo {
		for _, a := range albs {
			switch {
			case a.ID != s.alb.ID:
			case a.Enabled != s.enable:
				out = append(out, difference(a, s.enable))
			case pending(a) != "":
				out = append(out, pending(a))
			}
		}
	}
	return out
}

func bullets(lines []string) string {
	return "  - " + strings.Join(lines, "\n  - ")
}

func orNone(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	return strings.Join(items, ", ")
}
