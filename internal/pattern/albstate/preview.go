package albstate

import (
	"fmt"

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
	for _, id := range f.chosen.selfManaged(all) {
		out = append(out, id+" runs a controller of your own and is not touched")
	}
	if len(albs) == 0 {
		return append(out, fmt.Sprintf("there is no %s yet; applying fails unless it is there by then", f.chosen))
	}
	todo := steps(albs, f.enabled)
	for _, s := range todo {
		out = append(out, f.describe(s))
	}
	if closes(todo) && !f.allowNoALB {
		if found, why := standIn(all); !found {
			out = append(out, "a public ALB is disabled only if a private one serves at that moment, or with allow_no_alb = true; now none does:")
			out = append(out, why...)
		}
	}
	todo, warnings := f.farewell.inUpdate().release(f.letGo)
	for _, s := range todo {
		out = append(out, f.describe(s)+", because it is let go of and on_destroy = \""+f.farewell.onDestroy+"\"")
	}
	return append(out, warnings...)
}

func closes(todo []step) bool {
	for _, s := range todo {
		if s.closesPublic() {
			return true
		}
	}
	return false
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
