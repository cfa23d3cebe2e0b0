package albstate

import (
	"fmt"
	"slices"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// foresight is what a plan knows.
type foresight struct {
	chosen              selection
	enabled, allowNoALB bool
	onClassic           bool
	// farewell is how the resource would let go of ALBs.
	farewell parting
	// letGo are ALBs that are no longer declared.
	letGo []iks.ALB
}

// foresee says what applying will touch, in sentences. It refuses nothing: what
// is missing now may be there when it is applied, and applying looks again.
func (f foresight) foresee(all []iks.ALB) []string {
	var out []string
	albs := f.chosen.of(all)
	own := f.chosen.selfManaged(all)
	for _, id := range own {
		out = append(out, id+" runs a controller of your own and is not touched")
	}
	if f.chosen.id != "" && len(own) > 0 {
		return append(out, "it is the one that alb_id names: applying fails unless IKS manages it by then")
	}
	if len(albs) == 0 {
		return append(out, fmt.Sprintf("there is no %s yet; applying fails unless it is there by then", f.chosen))
	}
	todo := steps(albs, f.enabled)
	for _, s := range todo {
		out = append(out, f.describe(s))
	}
	out = append(out, f.lacking(all, todo, todo)...)
	parting, warnings := f.farewell.inUpdate().release(f.letGo)
	for _, s := range parting {
		out = append(out, f.describe(s)+", because it is let go of and on_destroy = \""+f.farewell.onDestroy+"\"")
	}
	if !f.enabled { // else what is enabled takes over
		out = append(out, f.lacking(all, parting, slices.Concat(todo, parting))...)
	}
	return append(out, warnings...)
}

// lacking says once what stands in the way of the steps that close an ALB.
func (f foresight) lacking(all []iks.ALB, some, todo []step) []string {
	for _, s := range some {
		if s.enable || f.allowNoALB {
			continue
		}
		found, why := standIn(all, s, todo)
		switch {
		case found:
		case s.closesPublic():
			return append([]string{"a public ALB is disabled only if a private one serves at that moment, or with allow_no_alb = true; now none does:"}, why...)
		default:
			return append([]string{"the last ALB that serves is disabled only with allow_no_alb = true; besides " + s.alb.ID + " none does now:"}, why...)
		}
	}
	return nil
}

func (f foresight) describe(s step) string {
	switch {
	case !s.enable && s.closesPublic() && f.farewell.onDestroy == onDestroyRestore && !f.farewell.allowPublic:
		return where(s.alb) + " is disabled; destroying this resource does not enable it again without allow_public_on_destroy = true"
	case !s.enable:
		return where(s.alb) + " is disabled, and clients that use it are cut off"
	case s.opensPublic() && f.onClassic:
		return where(s.alb) + " is enabled and open to the internet; it may get another IP than it had before"
	case s.opensPublic():
		return where(s.alb) + " is enabled and open to the internet"
	case f.onClassic:
		return where(s.alb) + " is enabled; it may get another IP than it had before"
	}
	return where(s.alb) + " is enabled"
}
