package isolation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// NewResource is the resource iks_network_isolation.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{prove: connections})
}

// part is the isolation's side of the lifecycle.
type part struct {
	// prove proves that the cluster can still be talked to.
	prove prove
}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	_, _, problems := config.settings()
	return problems
}

// read gives the settings of a model that is known as a whole.
func (m *model) read() (settings, error) {
	s, _, problems := m.settings()
	if len(problems) > 0 {
		return settings{}, &framework.Refusal{Problems: problems}
	}
	return s, nil
}

// Observe compares the policies that are there with the set that is declared.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	h := hintsOf(c, m.Network.ValueString())
	if m.imported() {
		if there, err := g.adopt(ctx, m, h); err != nil || !there {
			return framework.Observation{Gone: err == nil}, err
		}
	}
	s, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	i, err := s.resolve(h)
	if err != nil {
		return framework.Observation{}, err
	}
	set := i.set()
	live, err := g.look(ctx, set, true)
	if err != nil {
		return framework.Observation{}, err
	}
	left, err := g.leftovers(ctx, unwanted(i.network, set))
	if err != nil {
		return framework.Observation{}, err
	}
	old := stale(i.network, set, left, owner, owner.Stamp)
	if len(live) == 0 && len(old) == 0 {
		return framework.Observation{Gone: true}, nil
	}
	m.observe(g, set, live)
	found := framework.Observation{Drift: drift(set, live, owner), Missing: unconfirmedSentence(set, live)}
	for _, policy := range old {
		found.Drift = append(found.Drift, "policy "+policy.title()+": it is not part of the set any more")
	}
	for _, policy := range set {
		if stamp := ownership.StampOf(live[policy.title()]); stamp != "" {
			found.Stamp = stamp // of the denial, which is the last
		}
	}
	return found, nil
}

// drift says what is not as it is declared, policy by policy in the set's order.
func drift(set []member, live standing, owner framework.Owner) []string {
	var out []string
	for _, m := range set {
		found, is := live[m.title()]
		if !is {
			out = append(out, "policy "+m.title()+": it is missing")
			continue
		}
		for _, s := range append(found.Drift(m.spec), ownership.MarkDrift(owner, found.Labels, found.Annotations)...) {
			out = append(out, "policy "+m.title()+": "+s)
		}
	}
	return out
}

// unwanted are the policies that a set of the network could have and this one
// has not.
func unwanted(network string, set []member) []member {
	wanted := map[string]bool{}
	for _, m := range set {
		wanted[m.title()] = true
	}
	var out []member
	for _, m := range possible(network) {
		if !wanted[m.title()] {
			out = append(out, m)
		}
	}
	return out
}

// observe writes down what was found.
func (m *model) observe(g ground, set []member, live standing) {
	var there []string
	for _, policy := range set {
		if _, is := live[policy.title()]; is {
			there = append(there, policy.title())
		}
	}
	m.Policies = framework.StringList(there)
	m.Digest = types.StringValue(digest(set))
	m.API = types.StringValue(g.calico.API())
}

// holds gives the titles of the policies that a state holds; none of nil.
func (m *model) holds() map[string]bool {
	held := map[string]bool{}
	if m == nil {
		return held
	}
	for _, element := range m.Policies.Elements() {
		if title, ok := element.(types.String); ok {
			held[title.ValueString()] = true
		}
	}
	return held
}

// stillHolds takes over which policies an earlier state holds, until it is
// observed what there is. An update that fails half way is remembered by what it
// was to make: without this, policies of an imported set that it did not come to
// stamp would be taken for strangers'.
func (m *model) stillHolds(prior *model) {
	if prior != nil && m.Policies.IsUnknown() && !prior.Policies.IsNull() {
		m.Policies = prior.Policies
	}
}

// digest is the SHA-256 sum, in hexadecimal digits, of what a set says.
func digest(set []member) string {
	sum := sha256.New()
	for _, m := range set {
		spec, err := json.Marshal(m.spec)
		if err != nil {
			return ""
		}
		fmt.Fprintf(sum, "%s %s\n", m.title(), spec)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Remove takes the policies away that are ours: what cuts off first. While a
// policy that cuts off stays, because it is somebody else's now, what allows
// stays as well. A set that has become another resource's as a whole is left to it.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	network, held := m.Network.ValueString(), m.holds()
	live, err := g.look(ctx, possible(network), false)
	if err != nil {
		return nil, err
	}
	ours := func(m member) bool {
		found, is := live[m.title()]
		stamp := ownership.StampOf(found)
		return is && owner.Owns(stamp) && (stamp != "" || held[m.title()])
	}
	theirs := !slices.ContainsFunc(possible(network), ours) // then nothing goes from beside what cuts off
	var warnings []string
	for _, s := range takeAway(possible(network)) {
		found, is := live[s.member.title()]
		if is && !ours(s.member) && s.member.cuts && !theirs {
			return warnings, staysCut(s.member, found)
		}
		if !is || !ours(s.member) && !held[s.member.title()] {
			continue
		}
		warning, err := g.policies(s.member.namespace).Remove(ctx, s.member.name, owner.Owns)
		if err != nil {
			return warnings, fmt.Errorf("what is left of the set allows, and cuts nothing off that it did not cut off before: %w", err)
		}
		if warning != "" && s.member.cuts && !theirs {
			return warnings, staysCut(s.member, found)
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings, nil
}

// staysCut refuses to take away what allows beside a policy that cuts off and is
// somebody else's.
func staysCut(m member, live calico.Policy) error {
	return framework.Refuse(path.Root("network"), "A policy that cuts off is somebody else's now",
		fmt.Sprintf("Policy %s does not bear this resource's ownership stamp. %s. It is left as it is, and without the policies that allow it would cut off the workers or their pods: so these stay, too. "+
			"Remove it by hand if it is not needed, or take it back by an apply, with `force_conflicts = true` where that is refused; then destroy again. "+
			"To keep the whole set, let go of it by a `removed` block with `destroy = false`.", m.title(), ownership.Maker(live.Labels, live.Annotations)))
}

// onVPC refuses a cluster whose workers have no host endpoints.
func onVPC(c *cluster.Cluster) error {
	return framework.Refuse(path.Root("cluster"), "The isolation sets are for classic clusters",
		fmt.Sprintf("Cluster %s runs on VPC infrastructure, where workers have no host endpoints that these policies could hold for. There, security groups (`kube-%s` is the workers') and network ACLs of the subnets isolate a cluster: `ibm_is_security_group_rule` and `ibm_is_network_acl` of the IBM provider.", c.Name, c.ID))
}
