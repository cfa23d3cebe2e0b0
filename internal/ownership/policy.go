package ownership

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Policy is a Calico policy as the resource wants it that owns it whole. It is
// written as a whole, never by server-side apply, whose ownership does not
// survive a change of Calico's API.
type Policy struct {
	// Name is the one that calico.PolicyName gives.
	Name string
	Spec calico.Spec
	// Differs says in sentences where a policy that is there does something
	// else than Spec; no sentence if it does the same. Nil compares the specs
	// field by field.
	Differs func(live calico.Policy) []string
	// At is the attribute that refusals point at. Default `name`.
	At path.Path
	Intent
}

// NameInTier is the name in the identity of a policy that has the attributes
// `tier` and `name`: the one that Calico knows it by, as in an import ID.
func NameInTier(attribute func(name string) string) string {
	return calico.PolicyName(attribute("tier"), attribute("name"))
}

// Decide says what must be done to the policy that is there (nil for none), or
// refuses.
func (p Policy) Decide(live *calico.Policy) (Step, error) {
	if live == nil {
		return Create, nil
	}
	if IBMs(live) {
		return Keep, framework.Refuse(p.at(), "The policy is IBM's",
			fmt.Sprintf("%s is one of the policies that IBM makes and keeps; it is never touched. Choose another name.", live.Name))
	}
	next := p.Intent.Decide(&Look{
		Stamp:  StampOf(*live),
		Same:   len(p.differences(*live)) == 0,
		Marked: len(MarkDrift(p.stamped(), live.Labels, live.Annotations)) == 0,
	})
	if next == Refuse {
		return Keep, p.foreign(*live)
	}
	return next, nil
}

// IBMs tells whether a policy that is there is one of IBM's, which are all
// global.
func IBMs(live *calico.Policy) bool {
	return live.Namespace == "" && calico.IsIBMs(live.Name)
}

// Foresee is Decide for a plan. A policy that bears another resource's stamp
// may be removed in this very run, before this one is made, and one that is
// forced by what is not known yet may be taken over: that is only warned of.
func (p Policy) Foresee(live *calico.Policy, forceUnknown bool) (next Step, warnings []string, err error) {
	next, err = p.Decide(live)
	if refusal, ok := framework.AsRefusal(err); ok {
		passes := forceUnknown || !p.Held && StampOf(*live) != ""
		if IBMs(live) || !passes {
			return Keep, nil, err
		}
		for _, problem := range refusal.Problems {
			warnings = append(warnings, problem.Summary+": "+problem.Detail)
		}
		return Keep, warnings, nil
	}
	switch {
	case err != nil:
		return Keep, nil, err
	case next == Adopt:
		warnings = append(warnings, fmt.Sprintf("policy %s is there already and does the same; it is taken over", titleOf(*live)))
	case next == Rewrite && !p.Owns(StampOf(*live)):
		warnings = append(warnings, fmt.Sprintf("policy %s is there already and is overwritten: %s. %s", titleOf(*live), strings.Join(p.differences(*live), "; "), Maker(live.Labels, live.Annotations)))
	}
	return next, warnings, nil
}

func (p Policy) at() path.Path {
	if len(p.At.Steps()) == 0 {
		return path.Root("name")
	}
	return p.At
}

// differences say where a policy that is there does something else.
func (p Policy) differences(live calico.Policy) []string {
	if p.Differs != nil {
		return p.Differs(live)
	}
	return live.Drift(p.Spec)
}

// OwnsEarlier tells whether a policy with this stamp, under an earlier name of
// this one, is the resource's own.
func (p Policy) OwnsEarlier(stamp string) bool { return stamp == p.Stamp || p.Owner.Owns(stamp) }

// foreign refuses a policy that is not ours and says whose it seems to be.
func (p Policy) foreign(live calico.Policy) error {
	detail := fmt.Sprintf("The cluster has a policy %s already. %s.", titleOf(live), Maker(live.Labels, live.Annotations))
	if p.Held {
		detail += " It was this resource's, and has been taken over since. Let go of it (a `removed` block with `destroy = false`), or take it back with `force_conflicts = true`."
		return framework.Refuse(p.at(), "The policy belongs to another resource", detail)
	}
	differences := p.differences(live)
	detail += " It differs from what is declared: " + strings.Join(differences[:min(len(differences), 5)], "; ") + "."
	detail += fmt.Sprintf(" Import it (ID `<cluster>,%s`) to see in a plan what would change, choose another `name`, or overwrite it with `force_conflicts = true`.", titleOf(live))
	return framework.Refuse(p.at(), "The policy exists and is not ours", detail)
}

// titleOf names a policy as an import ID does.
func titleOf(live calico.Policy) string {
	if live.Namespace == "" {
		return live.Name
	}
	return live.Namespace + "/" + live.Name
}

// object is the policy to write: over the one that is there, whose other
// labels and annotations stay, or new.
func (p Policy) object(live *calico.Policy) calico.Policy {
	out := calico.Policy{Name: p.Name}
	if live != nil {
		out = *live
	}
	out.Labels, out.Annotations = merged(out.Labels, p.Owner.Labels), merged(out.Annotations, p.Owner.Annotations)
	out.Annotations[framework.OwnerAnnotation] = p.Stamp
	out.Spec = p.Spec
	return out
}

// StampOf is the ownership stamp that a policy bears, "" for none.
func StampOf(live calico.Policy) string {
	return live.Annotations[framework.OwnerAnnotation]
}
