package isolation

import (
	"fmt"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// overruled names the policies that let everything of the workers pass before
// the denial is evaluated, which then denies nothing.
func (i isolation) overruled(policies []calico.Policy) []string {
	set := i.set()
	own := map[string]bool{}
	for _, m := range set {
		own[m.title()] = true
	}
	denial := set[len(set)-1]
	var out []string
	for _, p := range policies {
		earlier := p.Spec.Order != nil && *p.Spec.Order < *denial.spec.Order && !p.Spec.PreDNAT && !p.Spec.DoNotTrack
		opens := slices.ContainsFunc(p.Spec.Egress, allowsAll) || i.network == networkPrivate && slices.ContainsFunc(p.Spec.Ingress, allowsAll)
		if earlier && opens && !own[p.Name] && i.selectsWorkers(p.Spec.Selector) {
			out = append(out, fmt.Sprintf("policy %s (order %v) is evaluated before %s and lets everything pass, so that the set isolates the workers from nothing", p.Name, *p.Spec.Order, denial.title()))
		}
	}
	slices.Sort(out)
	return out
}

// selectsWorkers tells whether a selector surely selects the host endpoints of
// the network: by their role, or because it selects all.
func (i isolation) selectsWorkers(selector string) bool {
	if roles, byRole := calico.RolesOf(selector); byRole {
		return slices.Contains(roles, i.role())
	}
	return selector == "" || calico.SameSelector(selector, "all()")
}

// allowsAll tells whether a rule allows every packet.
func allowsAll(r v3.Rule) bool {
	r.Metadata = nil
	return calico.Equal(calico.Spec{Ingress: []v3.Rule{r}}, calico.Spec{Ingress: []v3.Rule{{Action: v3.Allow}}})
}
