package albstate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// step switches one ALB.
type step struct {
	alb    iks.ALB
	enable bool
}

// closesPublic tells the steps that need a private ALB to stand in; for one
// that closes a private ALB any other will do.
func (s step) closesPublic() bool { return !s.enable && s.alb.Type == iks.ALBPublic }

// opensPublic tells the steps that let the internet in.
func (s step) opensPublic() bool { return s.enable && s.alb.Type == iks.ALBPublic }

// towards are steps that make all of these ALBs enabled, or disabled.
func towards(albs []iks.ALB, enabled bool) []step {
	var out []step
	for _, a := range albs {
		out = append(out, step{alb: a, enable: enabled})
	}
	return out
}

// steps are those of them that it takes.
func steps(albs []iks.ALB, enabled bool) []step {
	return slices.DeleteFunc(towards(albs, enabled), func(s step) bool { return s.alb.Enabled == enabled })
}

// inTurn gives the steps that enable before those that disable.
func inTurn(todo []step) (opening, closing []step) {
	for _, s := range todo {
		if s.enable {
			opening = append(opening, s)
		} else {
			closing = append(closing, s)
		}
	}
	return opening, closing
}

// What becomes of ALBs that the resource lets go of.
const (
	onDestroyLeave   = "leave"
	onDestroyRestore = "restore"
	onDestroyDisable = "disable"
)

// parting is how a resource lets go of its ALBs.
type parting struct {
	onDestroy string
	// previous says what the ALBs were before the first write, by ID. Empty
	// after an import.
	previous map[string]bool
	// allowPublic lets restore open a public ALB again, unless this is an update.
	allowPublic, update bool
	// claimed are ALBs that another resource has brought about in this run.
	claimed func(id string) bool
}

// inUpdate is how an update lets go of ALBs that are no longer declared: never
// by opening a public one, so that no way from one declaration to another leads
// through the internet.
func (p parting) inUpdate() parting {
	p.update = true
	return p
}

// release says what is to be done with ALBs that are let go of, and what the
// user should know.
func (p parting) release(albs []iks.ALB) (todo []step, warnings []string) {
	if p.onDestroy == onDestroyLeave || len(albs) == 0 {
		return nil, nil
	}
	if p.onDestroy == onDestroyRestore && len(p.previous) == 0 {
		return nil, []string{"what the ALBs were before is not known, because the resource was imported; they are left as they are"}
	}
	for _, a := range albs {
		before, known := p.previous[a.ID]
		s := step{alb: a, enable: p.onDestroy == onDestroyRestore && before}
		switch {
		case p.claimed(a.ID):
			warnings = append(warnings, a.ID+" is left as it is: another iks_alb_state has just taken it over")
		case a.DisableDeployment:
			warnings = append(warnings, a.ID+" is left as it is: it runs a controller of your own")
		case p.onDestroy == onDestroyRestore && !known:
			warnings = append(warnings, a.ID+" is left as it is: what it was before is not known")
		case a.Enabled == s.enable:
		case s.opensPublic() && (p.update || !p.allowPublic):
			why := map[bool]string{true: "no update enables a public ALB that it lets go of", false: "it is public, and allow_public_on_destroy is not set"}[p.update]
			warnings = append(warnings, a.ID+" was enabled before and stays disabled: "+why+". Enable it with `ibmcloud ks ingress alb enable` if you want it back")
		default:
			todo = append(todo, s)
		}
	}
	return todo, warnings
}

// record adds to what is known of the time before the first write. An ALB that
// is known already keeps its value, the first one that is given: by now it is ours.
func record(albs []iks.ALB, known ...map[string]bool) map[string]bool {
	out := map[string]bool{}
	for _, a := range albs {
		out[a.ID] = a.Enabled
	}
	for _, earlier := range slices.Backward(known) {
		maps.Copy(out, earlier)
	}
	return out
}

// trim leaves out what is known of other ALBs than these.
func trim(previous map[string]bool, albs []iks.ALB) map[string]bool {
	out := maps.Clone(previous)
	maps.DeleteFunc(out, func(id string, _ bool) bool {
		return !slices.ContainsFunc(albs, func(a iks.ALB) bool { return a.ID == id })
	})
	return out
}

// statusHealthy is IKS's word for an ALB that serves.
const statusHealthy = "healthy"

// standIn finds an ALB that serves, for certain, when s closes one: here a
// status that is not known does not pass. A private one stands in for any, a
// public one for a private one only, and none that todo closes as well does. If
// there is none, it says why, ALB by ALB.
func standIn(albs []iks.ALB, s step, todo []step) (found bool, why []string) {
	for _, a := range albs {
		goes := slices.ContainsFunc(todo, func(t step) bool { return !t.enable && t.alb.ID == a.ID })
		if a.DisableDeployment || a.ID == s.alb.ID || goes || s.closesPublic() && a.Type != iks.ALBPrivate {
			continue
		}
		switch lacks := pending(a); {
		case !a.Enabled:
			why = append(why, a.ID+": is disabled")
		case lacks != "":
			why = append(why, lacks)
		case !strings.EqualFold(a.Status, statusHealthy):
			why = append(why, fmt.Sprintf("%s: is enabled and its status is %q, not %q", a.ID, a.Status, statusHealthy))
		default:
			return true, nil
		}
	}
	switch {
	case len(why) > 0:
	case s.closesPublic():
		why = []string{"the cluster has no private ALB that IKS manages and that stays"}
	default:
		why = []string{"the cluster has no other ALB that IKS manages and that stays"}
	}
	slices.Sort(why)
	return false, why
}

// lastEntry says that a list of ALBs, with the steps taken, has none left that is enabled.
func lastEntry(albs []iks.ALB, todo []step) bool {
	enabled := map[string]bool{}
	for _, a := range albs {
		enabled[a.ID] = a.Enabled
	}
	for _, s := range todo {
		enabled[s.alb.ID] = s.enable
	}
	for _, on := range enabled {
		if on {
			return false
		}
	}
	return len(todo) > 0
}

// where names an ALB with its zone and address, for a person.
func where(a iks.ALB) string {
	if a.Reached() == "" {
		return fmt.Sprintf("%s in zone %s", a.ID, a.Zone)
	}
	return fmt.Sprintf("%s in zone %s at %s", a.ID, a.Zone, a.Reached())
}
