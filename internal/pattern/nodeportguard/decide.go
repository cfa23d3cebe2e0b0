package nodeportguard

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// step is what must be done to a policy.
type step int

const (
	keep    step = iota // it is what it should be
	create              // it is not there
	rewrite             // it differs
	adopt               // it does the same, is nobody's or somebody else's, and is taken over
)

// intent is the policy that a resource wants.
type intent struct {
	// guard without stale exemptions.
	guard guard
	owner framework.Owner
	// stamp that the policy bears from now on, never empty.
	stamp string
	// held tells that the state has this very policy, so that one without a
	// stamp is ours that lost it, and not a stranger's.
	held  bool
	force bool
}

// decide says what must be done to the policy that is there (nil for none), or
// refuses.
func decide(live *calico.GlobalNetworkPolicy, want intent) (step, error) {
	if live == nil {
		return create, nil
	}
	if calico.IsIBMs(live.Name) {
		return keep, framework.Refuse(path.Root("name"), "The policy is IBM's",
			fmt.Sprintf("%s is one of the policies that IBM makes and keeps; it is never touched. Choose another name.", live.Name))
	}
	same := len(specDrift(*live, want.guard, want.guard, nobody)) == 0
	switch {
	case want.owns(*live):
		stamped := want.owner
		stamped.Stamp = want.stamp
		if same && len(ownerDrift(*live, stamped)) == 0 {
			return keep, nil
		}
		return rewrite, nil
	case same && !want.held:
		return adopt, nil
	case want.force:
		return rewrite, nil
	}
	return keep, want.foreign(*live)
}

// owns tells whether the policy is this resource's own.
func (i intent) owns(live calico.GlobalNetworkPolicy) bool {
	stamp := stampOf(live)
	return stamp == i.stamp || i.held && (stamp == "" || i.owner.Owns(stamp))
}

// foreign refuses a policy that is not ours and says whose it seems to be.
func (i intent) foreign(live calico.GlobalNetworkPolicy) error {
	detail := fmt.Sprintf("The cluster has a policy %s already. %s.", live.Name, maker(live))
	if i.held {
		detail += " It was this resource's, and has been taken over since. Let go of it (a `removed` block with `destroy = false`), or take it back with `force_conflicts = true`."
		return framework.Refuse(path.Root("name"), "The policy belongs to another resource", detail)
	}
	differences := specDrift(live, i.guard, i.guard, nobody)
	detail += " It differs from what is declared: " + strings.Join(differences[:min(len(differences), 5)], "; ") + "."
	detail += fmt.Sprintf(" Import it (ID `<cluster>,%s`) to see in a plan what would change, choose another `name`, or overwrite it with `force_conflicts = true`.", live.Name)
	return framework.Refuse(path.Root("name"), "The policy exists and is not ours", detail)
}

// maker says what is known of who made a policy.
func maker(live calico.GlobalNetworkPolicy) string {
	by := live.Labels[framework.ManagedByLabel]
	switch {
	case stampOf(live) != "":
		return "It bears the ownership stamp of another resource of this provider, in this configuration or in another one"
	case by != "":
		return fmt.Sprintf("Its label %s says %q", framework.ManagedByLabel, by)
	}
	return "Nothing in it says who made it, as with calicoctl"
}

// policy is the object to write: over the one that is there, whose other
// labels and annotations stay, or new.
func (i intent) policy(live *calico.GlobalNetworkPolicy) calico.GlobalNetworkPolicy {
	out := calico.GlobalNetworkPolicy{Name: i.guard.key()}
	if live != nil {
		out = *live
	}
	out.Labels, out.Annotations = merged(out.Labels, i.owner.Labels), merged(out.Annotations, i.owner.Annotations)
	out.Annotations[framework.OwnerAnnotation] = i.stamp
	out.Spec = i.guard.spec()
	return out
}

func merged(base, over map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}

// bearer names who has an address, "" for nobody.
type bearer func(netip.Addr) string

// nobody is for where it does not matter who has an address.
func nobody(netip.Addr) string { return "" }
