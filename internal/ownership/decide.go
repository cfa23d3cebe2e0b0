package ownership

import (
	"fmt"
	"maps"
	"slices"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Intent is what a resource wants with an object.
type Intent struct {
	// Owner of the object so far, with what every object of ours bears.
	Owner framework.Owner
	// Stamp that the object bears from now on, never empty when it is written.
	Stamp string
	// Held tells that the state has this very object, so that one without a
	// stamp is ours that lost it, and not a stranger's.
	Held bool
	// Force lets a stranger's object, and fields that others own, be taken over.
	Force bool
	// Sent hears of the outcome of each write (framework.ApplyRequest.Sent).
	Sent func(error) error
}

// Step is what must be done to an object.
type Step int

// The steps.
const (
	Keep    Step = iota // it is what it should be
	Create              // it is not there
	Rewrite             // it differs
	Adopt               // it is what it should be but for the stamp, and is taken over
	Refuse              // it is somebody else's
)

// Look is what a decision needs to know of the object that is there.
type Look struct {
	// Stamp that it bears, "" for none.
	Stamp string
	// Same tells that it does what is declared, whatever it bears.
	Same bool
	// Marked tells that it bears all that an object of ours has to.
	Marked bool
}

// Decide says what must be done to an object that is there; nil for none.
func (i Intent) Decide(there *Look) Step {
	switch {
	case there == nil:
		return Create
	case i.Owns(there.Stamp) && there.Same && there.Marked:
		return Keep
	case i.Owns(there.Stamp):
		return Rewrite
	case there.Same && !i.Held:
		return Adopt
	case i.Force:
		return Rewrite
	}
	return Refuse
}

// Owns tells whether an object with this stamp ("" for none) is the resource's own.
func (i Intent) Owns(stamp string) bool {
	return stamp != "" && stamp == i.Stamp || i.Held && (stamp == "" || i.Owner.Owns(stamp))
}

// stamped is the owner once the object bears the stamp that it has to.
func (i Intent) stamped() framework.Owner {
	o := i.Owner
	o.Stamp, o.Unstamped = i.Stamp, false
	return o
}

// Marks are the labels and annotations that an object of ours bears: those of
// the provider block, over them the object's own, and the stamp.
func (i Intent) Marks(labels, annotations map[string]string) (allLabels, allAnnotations map[string]string) {
	allLabels, allAnnotations = merged(i.Owner.Labels, labels), merged(i.Owner.Annotations, annotations)
	allAnnotations[framework.OwnerAnnotation] = i.Stamp
	return allLabels, allAnnotations
}

func merged(base, over map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}

// MarkDrift says in sentences which of the marks of an owner an object lacks.
// One that was imported without a stamp lacks none until it bears it.
func MarkDrift(owner framework.Owner, labels, annotations map[string]string) []string {
	var out []string
	switch stamp := annotations[framework.OwnerAnnotation]; {
	case stamp != "" && stamp == owner.Stamp:
	case owner.Expects(stamp):
		return nil
	case stamp == "":
		out = append(out, "the ownership stamp is missing")
	default:
		out = append(out, "the ownership stamp is another resource's")
	}
	out = append(out, mapDrift("label", labels, owner.Labels)...)
	return append(out, mapDrift("annotation", annotations, owner.Annotations)...)
}

func mapDrift(what string, have, want map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		is, there := have[key]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("%s %s is missing", what, key))
		case is != want[key]:
			out = append(out, fmt.Sprintf("%s %s is %q, declared %q", what, key, is, want[key]))
		}
	}
	return out
}

// Maker says what is known of who made an object, from its marks: a sentence
// without its full stop.
func Maker(labels, annotations map[string]string) string {
	by := labels[framework.ManagedByLabel]
	switch {
	case annotations[framework.OwnerAnnotation] != "":
		return "It bears the ownership stamp of another resource of this provider, in this configuration or in another one"
	case by != "":
		return fmt.Sprintf("Its label %s says %q", framework.ManagedByLabel, by)
	}
	return "Nothing in it says who made it, as with kubectl or calicoctl"
}
