package networkpolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Values of acknowledge: what a policy does that its rules do not say.
const (
	endOfTierDrop = "end_of_tier_drop"
	finalAllow    = "final_allow"
	unlimitedLog  = "unlimited_log"
)

func hazards() []string { return []string{endOfTierDrop, finalAllow, unlimitedLog} }

const describeAcknowledge = "What the policy does beyond its rules, and is known to do:\n" +
	"  - `" + endOfTierDrop + "`: what the policy holds for and no rule of its tier matches is dropped. Without this word it is an error where that is easily overlooked: with `apply_on_forward` (but not `pre_dnat` or `do_not_track`), which so drops all other forwarded traffic of the host endpoints, and in a tier of its own whose default action is not `Pass`. A last rule that matches everything says it as well.\n" +
	"  - `" + finalAllow + "`: an `Allow` before DNAT is final, and opens for its sources all ports that it does not restrict, also those that other policies close. Without this word it is a warning.\n" +
	"  - `" + unlimitedLog + "`: `Log` writes a line for every new connection and has no rate limit. Without this word a rule that names neither ports nor sources is a warning."

// hazards finds what is to be acknowledged whatever the cluster looks like.
func (d declared) hazards() []framework.Problem {
	var out []framework.Problem
	if directions := d.dropped(); d.spec.ApplyOnForward && len(directions) > 0 && !d.acknowledged[endOfTierDrop] {
		out = append(out, framework.Problem{
			Path: path.Root("apply_on_forward"), Summary: "The policy would drop all other forwarded traffic",
			Detail: fmt.Sprintf("Host endpoints that no policy with apply_on_forward holds for let pass what they forward. As soon as one does, what none of its tier's rules match is dropped (%s): to pods, to load balancers. End the rules with one that matches everything, use `pre_dnat`, or say that it is meant with `acknowledge = [%q]`.", strings.Join(directions, " and "), endOfTierDrop),
		})
	}
	for direction, rules := range map[string][]v3.Rule{"ingress": d.spec.Ingress, "egress": d.spec.Egress} {
		for i, rule := range rules {
			at := path.Root(direction).AtListIndex(i).AtName("action")
			if d.spec.PreDNAT && rule.Action == v3.Allow && !d.acknowledged[finalAllow] {
				out = append(out, framework.Problem{
					Warning: true, Path: at, Summary: "An Allow before DNAT is final",
					Detail: fmt.Sprintf("What rule %d of %s matches skips all other policies of the host endpoint: it also opens the kubelet's port 10250 and node ports, unless the rule restricts the ports. `Pass` leaves the decision to the other policies. Say that it is meant with `acknowledge = [%q]`.", i+1, direction, finalAllow),
				})
			}
			if rule.Action == v3.Log && unlimited(rule) && !d.acknowledged[unlimitedLog] {
				out = append(out, framework.Problem{
					Warning: true, Path: at, Summary: "A Log without limits",
					Detail: fmt.Sprintf("Rule %d of %s logs every new connection, and Calico has no rate limit for that: a port scan can fill the disks of the workers. Name ports or sources, or say that it is meant with `acknowledge = [%q]`.", i+1, direction, unlimitedLog),
				})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b framework.Problem) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	return out
}

// dropped are the directions in which a policy makes Calico drop what no rule
// matches, without a last rule that says so. Before DNAT and before connection
// tracking Calico drops nothing by itself.
func (d declared) dropped() []string {
	if d.spec.PreDNAT || d.spec.DoNotTrack {
		return nil
	}
	inOtherTier := d.spec.Tier != "" && d.spec.Tier != defaultTier
	var out []string
	for _, direction := range []struct {
		of    v3.PolicyType
		rules []v3.Rule
	}{{v3.PolicyTypeIngress, d.spec.Ingress}, {v3.PolicyTypeEgress, d.spec.Egress}} {
		said := len(direction.rules) > 0 && decidesAll(direction.rules[len(direction.rules)-1], inOtherTier)
		if slices.Contains(d.spec.Types, direction.of) && !said {
			out = append(out, strings.ToLower(string(direction.of)))
		}
	}
	return out
}

// inTier finds what is to be acknowledged of a policy in a tier of its own.
func (d declared) inTier(tier calico.Tier) []framework.Problem {
	directions := d.dropped()
	if tier.Name == defaultTier || tier.DefaultAction != string(v3.Deny) || len(directions) == 0 || d.acknowledged[endOfTierDrop] {
		return nil
	}
	return []framework.Problem{{
		Path: path.Root("tier"), Summary: "The policy would drop what none of its tier's rules match",
		Detail: fmt.Sprintf("At the end of tier %q Calico drops what one of its policies holds for and no rule of the tier matches (%s); no later tier sees it. End the rules with a `Pass` that matches everything, or say that it is meant with `acknowledge = [%q]`.", tier.Name, strings.Join(directions, " and "), endOfTierDrop),
	}}
}

// unlimited tells whether a rule names neither ports nor sources.
func unlimited(rule v3.Rule) bool {
	return len(rule.Destination.Ports) == 0 && len(rule.Source.Ports) == 0 && len(rule.Source.Nets) == 0 && rule.Source.Selector == "" && rule.Source.NamespaceSelector == ""
}
