package packets

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/networkpolicy"
)

// policyTable are the rows that the documentation of iks_network_policy has: for
// each thing that a policy is applied to one scenario, in which all rules have
// the same action, and a variant for each other action.
func policyTable() []scenario {
	var all []scenario
	for _, subject := range networkpolicy.Table() {
		sc := scenario{
			resource: "iks_network_policy",
			name:     "does what its documentation says of " + subject.Name,
			config:   ruled(subject, subject.Actions[0]),
		}
		for _, e := range subject.Effects {
			l := effectLine(e)
			l.with = under(e, subject.Actions[0])
			sc.lines = append(sc.lines, l)
			switch some, goOn := subject.Before(e); {
			case some && goOn:
				sc.keeps = append(sc.keeps, l)
			case some:
				sc.breaks = append(sc.breaks, l)
			}
		}
		for _, action := range subject.Actions[1:] {
			v := variant{title: "with `" + string(action) + "`", config: ruled(subject, action)}
			for _, e := range subject.Effects {
				v.with = append(v.with, under(e, action))
			}
			sc.variants = append(sc.variants, v)
		}
		all = append(all, sc)
	}
	return all
}

func verdict(isOpen bool) dataplane.Verdict {
	if isOpen {
		return open
	}
	return dropped
}

// under is the verdict of a row where the rules have an action.
func under(e networkpolicy.Effect, action v3.Action) dataplane.Verdict {
	if e.Unserved && action == v3.Allow {
		return refused
	}
	return verdict(e.OpenUnder(action))
}

// effectLine are the probes of a row, without the verdict under its rules.
func effectLine(e networkpolicy.Effect) line {
	port := e.Port
	if e.Dialled != 0 {
		port = e.Dialled
	}
	return line{from: []who{who(e.From)}, to: where(e.To), ports: []uint16{port}, protocols: []string{e.Protocol}, without: verdict(e.Open)}
}

// ruled is the policy that all rows of a subject are about, with one action.
func ruled(subject networkpolicy.Subject, action v3.Action) string {
	config := "resource \"iks_network_policy\" \"it\" {\n  cluster = var.cluster\n  name = \"table\"\n  order = 800\n"
	for _, argument := range subject.Arguments {
		config += "  " + argument + "\n"
	}
	directions := []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	for i, direction := range directions {
		rules := rulesOf(subject, direction, action, "destination")
		if subject.Untracked {
			rules += rulesOf(subject, directions[1-i], action, "source")
		}
		if rules != "" {
			config += fmt.Sprintf("  %s = [\n%s  ]\n", strings.ToLower(string(direction)), rules)
		}
	}
	return config + "}\n"
}

// rulesOf are the rules of a direction: one for each protocol, with all ports, as
// those of one end: the destination or, for answers, the source.
func rulesOf(subject networkpolicy.Subject, direction v3.PolicyType, action v3.Action, end string) string {
	rules := ""
	for _, protocol := range []string{dataplane.TCP, dataplane.UDP, dataplane.ICMP} {
		ports, found := []string(nil), false
		for _, e := range subject.Effects {
			if e.Direction != direction || e.Protocol != protocol || e.Unmatched {
				continue
			}
			found = true
			if port := fmt.Sprint(e.Port); e.Port != 0 && !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
		match := ""
		if ports != nil {
			match = fmt.Sprintf(", %s = { ports = [%s] }", end, strings.Join(ports, ", "))
		}
		if found {
			rules += fmt.Sprintf("    { action = %q, protocol = %q%s },\n", action, protocol, match)
		}
	}
	return rules
}

// Each rule of the table must be told by packets: a row of its direction and
// protocol is another one when its action is.
func TestPolicyTableTells(t *testing.T) {
	t.Parallel()
	for _, subject := range networkpolicy.Table() {
		told := map[string]bool{}
		for _, e := range subject.Effects {
			rule := fmt.Sprintf("%s of %s", e.Direction, e.Protocol)
			differs := e.OpenUnder(v3.Allow) != e.OpenUnder(v3.Deny)
			if e.Unmatched && differs {
				t.Errorf("%s: %s %d is about no rule and differs by the rules' action", subject.Name, rule, e.Port)
			}
			if !e.Unmatched {
				told[rule] = told[rule] || differs
			}
		}
		for rule, told := range told {
			if !told {
				t.Errorf("%s: no row tells what the rule for %s does", subject.Name, rule)
			}
		}
	}
}
