package exposurepolicy

import (
	"slices"
	"strings"

	admission "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// readSettings reads what a policy and its binding do. ok is false for a
// policy that was not made from settings. What settings cannot say is left
// out; comparing the settings' own objects with the live ones shows it. A
// binding that is not there (nil), or that acts in no known way, leaves the
// mode empty.
func readSettings(p policy, b *binding) (s settings, ok bool) {
	s.name = p.Name
	for _, r := range rules() {
		if slices.ContainsFunc(p.Spec.Validations, func(v admission.Validation) bool { return v.Expression == r.validation().Expression }) {
			s.deny = append(s.deny, r)
		}
	}
	classes, listed := readList(variable(p, varClasses))
	message, rest, told := readString(variable(p, varMessage))
	users, exempted := readExempt(p)
	namespaces, selected := readNamespaces(p)
	if len(s.deny) == 0 || !listed || !told || rest != "" || !exempted || !selected {
		return settings{}, false
	}
	s.message = message
	s.classes = without(classes, ibmsPrivateClasses())
	s.namespaces = without(namespaces, systemNamespaces())
	for _, user := range users {
		if a, isAccount := accountOf(user); isAccount {
			s.accounts = append(s.accounts, a)
		}
	}
	if b != nil {
		s.mode = readMode(*b)
	}
	return s, true
}

func variable(p policy, name string) string {
	for _, v := range p.Spec.Variables {
		if v.Name == name {
			return v.Expression
		}
	}
	return ""
}

func readExempt(p policy) (users []string, ok bool) {
	for _, c := range p.Spec.MatchConditions {
		if c.Name != exemptCondition {
			continue
		}
		list, opened := strings.CutPrefix(c.Expression, exemptPrefix)
		list, closed := strings.CutSuffix(list, ")")
		users, ok = readList(list)
		return users, ok && opened && closed
	}
	return nil, false
}

func readNamespaces(p policy) (names []string, ok bool) {
	if p.Spec.MatchConstraints == nil || p.Spec.MatchConstraints.NamespaceSelector == nil {
		return nil, false
	}
	for _, e := range p.Spec.MatchConstraints.NamespaceSelector.MatchExpressions {
		if e.Key == corev1.LabelMetadataName && e.Operator == metav1.LabelSelectorOpNotIn {
			return e.Values, true
		}
	}
	return nil, false
}

// readMode gives the mode whose actions a binding has, "" if there is none.
func readMode(b binding) mode {
	for _, m := range modes() {
		if sameActions(b.Spec.ValidationActions, m.actions()) {
			return m
		}
	}
	return ""
}

// sameActions compares sets of actions.
func sameActions(a, b []admission.ValidationAction) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// without gives what is in a list and not among others, sorted.
func without(list, others []string) []string {
	return slices.DeleteFunc(sorted(list), func(s string) bool { return slices.Contains(others, s) })
}
