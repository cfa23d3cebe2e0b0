package albstate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// selection says which ALBs of a cluster are meant: one by its ID, or all of a
// type, perhaps of one zone only.
type selection struct {
	id         string
	kind, zone string
}

// String names the selection in a sentence.
func (s selection) String() string {
	switch {
	case s.id != "":
		return "ALB " + s.id
	case s.zone != "":
		return fmt.Sprintf("%s ALB in zone %s", s.kind, s.zone)
	default:
		return s.kind + " ALB"
	}
}

func (s selection) includes(a iks.ALB) bool {
	if s.id != "" {
		return a.ID == s.id
	}
	return a.Type == s.kind && (s.zone == "" || a.Zone == s.zone)
}

// of gives the ALBs that are meant, sorted by ID. Those whose controller is the
// user's own belong to nobody but the user: they are left out, unless one is
// named by its ID.
func (s selection) of(albs []iks.ALB) []iks.ALB {
	var out []iks.ALB
	for _, a := range albs {
		if s.includes(a) && (s.id != "" || !a.DisableDeployment) {
			out = append(out, a)
		}
	}
	return sorted(out)
}

// sorted sorts ALBs by ID, in place.
func sorted(albs []iks.ALB) []iks.ALB {
	slices.SortFunc(albs, func(a, b iks.ALB) int { return cmp.Compare(a.ID, b.ID) })
	return albs
}

// selfManaged names the ALBs that are meant but run the user's own controller.
func (s selection) selfManaged(albs []iks.ALB) []string {
	var out []string
	for _, a := range albs {
		if s.includes(a) && a.DisableDeployment {
			out = append(out, a.ID)
		}
	}
	slices.Sort(out)
	return out
}

// IKS's words for an ALB that is there or gone.
const (
	stateEnabled  = "enabled"
	stateDisabled = "disabled"
)

// comingWords and badWords are parts of the status of an ALB that is on its way, or
// that does not serve. IKS lists its words nowhere: whatever is not known here counts as good.
func comingWords() []string {
	return []string{"creating", "enabling", "disabling", "updating", "deploying", "deleting", "removing", "provisioning", "pending", "progress", "waiting"}
}

func badWords() []string {
	return []string{"unhealthy", "error", "fail", "critical", "warning", "degraded", "not ready", "not_ready", stateDisabled}
}

func has(status string, words []string) bool {
	status = strings.ToLower(status)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(status, w) })
}

// difference says in a sentence that an ALB is asked to be something else than
// declared; "" if not.
func difference(a iks.ALB, enabled bool) string {
	switch {
	case a.Enabled == enabled:
		return ""
	case enabled:
		return a.ID + ": is disabled, declared enabled"
	default:
		return a.ID + ": is enabled, declared disabled"
	}
}

// pending says in a sentence what an ALB still lacks to be what it is asked to
// be; "" if nothing. Other ALBs and the health of workers do not matter.
func pending(a iks.ALB) string {
	state := strings.ToLower(a.State)
	switch {
	case a.Enabled && state != stateEnabled:
		return fmt.Sprintf("%s: is being enabled (state %q, status %q)", a.ID, a.State, a.Status)
	case a.Enabled && has(a.Status, slices.Concat(comingWords(), badWords())):
		return fmt.Sprintf("%s: is enabled and its status is %q", a.ID, a.Status)
	case a.Enabled && a.Reached() == "":
		return a.ID + ": is enabled and has no address yet"
	case !a.Enabled && (state != stateDisabled && state != "" || has(a.Status, comingWords())):
		return fmt.Sprintf("%s: is being disabled (state %q, status %q)", a.ID, a.State, a.Status)
	}
	return ""
}

// reverting says that an ALB, though asked to be what is declared, is plainly
// not: somebody has switched it to and fro. Its health is left out, because it
// comes and goes with pods and updates.
func reverting(a iks.ALB) string {
	state := strings.ToLower(a.State)
	if a.Enabled && state == stateDisabled || !a.Enabled && state == stateEnabled {
		return pending(a)
	}
	return ""
}
