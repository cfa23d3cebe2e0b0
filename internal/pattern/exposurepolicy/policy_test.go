package exposurepolicy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admission "k8s.io/api/admissionregistration/v1"
)

// whole is a policy that uses every setting.
func whole() settings {
	return settings{
		name: "whole", deny: rules(), mode: modeWarn, namespaces: []string{"vpn"},
		accounts: []account{{"platform", "deployer"}}, classes: []string{"internal"}, message: `Ask at "it's" \ desk.`,
	}
}

func compare(t *testing.T, got, want settings) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{}, account{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// Every set of rules makes a policy that is read back as what it is, and that
// is about no more than its rules.
func TestPoliciesAreReadBack(t *testing.T) {
	t.Parallel()
	for bits := 1; bits < 1<<len(rules()); bits++ {
		s := settings{name: "some", mode: modeDeny}
		for i, r := range rules() {
			if bits&(1<<i) != 0 {
				s.deny = append(s.deny, r)
			}
		}
		b := s.binding()
		got, ok := readSettings(s.policy(), &b)
		if !ok {
			t.Fatalf("%v: cannot be read", s.deny)
		}
		compare(t, got, s)
		about := map[string]bool{}
		for _, matched := range s.policy().Spec.MatchConstraints.ResourceRules {
			for _, resource := range matched.Resources {
				about[resource] = true
			}
		}
		for resource, wanted := range map[string]bool{
			"services":  s.denies(externalIPs) || s.denies(nodePort) || s.denies(publicLoadBalancer),
			"ingresses": s.denies(publicIngress), "pods": s.deniesPods(), "cronjobs": s.deniesPods(), "deployments": s.deniesPods(),
		} {
			if about[resource] != wanted {
				t.Errorf("%v: is about %s: %t", s.deny, resource, about[resource])
			}
		}
	}
	s := whole()
	b := s.binding()
	got, ok := readSettings(s.policy(), &b)
	if !ok {
		t.Fatal("cannot be read")
	}
	compare(t, got, s)
}

func TestStrangersPoliciesAreNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*admission.ValidatingAdmissionPolicySpec){
		"no rule": func(s *admission.ValidatingAdmissionPolicySpec) { s.Validations = nil },
		"other expressions": func(s *admission.ValidatingAdmissionPolicySpec) {
			s.Validations = []admission.Validation{{Expression: "true"}}
		},
		"no exemptions":      func(s *admission.ValidatingAdmissionPolicySpec) { s.MatchConditions = nil },
		"other exemptions":   func(s *admission.ValidatingAdmissionPolicySpec) { s.MatchConditions[0].Expression = "true" },
		"no variables":       func(s *admission.ValidatingAdmissionPolicySpec) { s.Variables = nil },
		"computed message":   func(s *admission.ValidatingAdmissionPolicySpec) { s.Variables[0].Expression = "'a' + 'b'" },
		"computed classes":   func(s *admission.ValidatingAdmissionPolicySpec) { s.Variables[1].Expression = "['a', object.kind]" },
		"all namespaces":     func(s *admission.ValidatingAdmissionPolicySpec) { s.MatchConstraints.NamespaceSelector = nil },
		"nothing is matched": func(s *admission.ValidatingAdmissionPolicySpec) { s.MatchConstraints = nil },
		"other namespaces": func(s *admission.ValidatingAdmissionPolicySpec) {
			s.MatchConstraints.NamespaceSelector.MatchExpressions[0].Key = "team"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := whole().policy()
			change(&p.Spec)
			if got, ok := readSettings(p, nil); ok {
				t.Errorf("is read as %+v", got)
			}
		})
	}
}

func TestPolicyFailsClosed(t *testing.T) {
	t.Parallel()
	p := whole().policy()
	if *p.Spec.FailurePolicy != admission.Fail {
		t.Errorf("what cannot be judged: %s", *p.Spec.FailurePolicy)
	}
	for _, matched := range p.Spec.MatchConstraints.ResourceRules {
		if slices.Contains(matched.Operations, admission.Delete) || slices.Contains(matched.Operations, admission.OperationAll) {
			t.Errorf("%v: deleting is judged too", matched.Resources)
		}
		if slices.ContainsFunc(matched.Resources, func(r string) bool { return strings.Contains(r, "/") || r == "*" }) {
			t.Errorf("%v: subresources such as status are judged too", matched.Resources)
		}
	}
	for _, v := range p.Spec.Validations {
		if strings.ContainsAny(v.Expression+v.Message+v.MessageExpression, "\n\r") {
			t.Errorf("%s: a message of several lines is not shown", v.Expression)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		s := settings{name: "some", mode: m}
		if got := readMode(s.binding()); got != m {
			t.Errorf("%s is read as %q", m, got)
		}
		if !slices.Contains(m.actions(), admission.Audit) {
			t.Errorf("%s does not audit", m)
		}
	}
	reversed := settings{mode: modeDeny}.binding()
	slices.Reverse(reversed.Spec.ValidationActions)
	if got := readMode(reversed); got != modeDeny {
		t.Errorf("actions in another order are read as %q", got)
	}
}

// FuzzLiterals: what is written as a literal is read back as what it was, and
// nothing in it can end the literal.
func FuzzLiterals(f *testing.F) {
	f.Add("", "a")
	f.Add("it's", `back\slash\`)
	f.Add("', '", `\'`)
	f.Fuzz(func(t *testing.T, a, b string) {
		text, rest, ok := readString(celString(a))
		if !ok || text != a || rest != "" {
			t.Errorf("%q is read as %q, rest %q, %t", a, text, rest, ok)
		}
		list, ok := readList(celList([]string{a, b}))
		if !ok || !slices.Equal(list, []string{a, b}) {
			t.Errorf("%q and %q are read as %q, %t", a, b, list, ok)
		}
		readList(a)
		readString(b)
	})
}
