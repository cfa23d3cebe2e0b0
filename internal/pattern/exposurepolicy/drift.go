package exposurepolicy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// settingsDrift says where what is there differs from what is declared,
// setting by setting.
func settingsDrift(have, want settings) []string {
	var out []string
	about := func(have, want []string, missing, extra string) {
		for _, s := range without(want, have) {
			out = append(out, fmt.Sprintf(missing, s))
		}
		for _, s := range without(have, want) {
			out = append(out, fmt.Sprintf(extra, s))
		}
	}
	about(ruleTexts(have.deny), ruleTexts(want.deny), "rule %s is declared and not in the policy", "rule %s is in the policy and not declared")
	about(have.exemptNamespaces(), want.exemptNamespaces(), "namespace %s is to be exempt and is not", "namespace %s is exempt and not declared")
	about(accountTexts(have.accounts), accountTexts(want.accounts), "service account %s is to be exempt and is not", "service account %s is exempt and not declared")
	about(have.privateClasses(), want.privateClasses(), "ingress class %s is to count as private and does not", "ingress class %s counts as private and is not declared")
	if have.message != want.message {
		out = append(out, fmt.Sprintf("message is %q, declared %q", have.message, want.message))
	}
	return out
}

// policyDrift says where a policy differs from what is declared. What no
// setting explains is named by its field.
func policyDrift(live policy, want settings) []string {
	have, ok := readSettings(live, nil)
	if !ok {
		have = want
	}
	var out []string
	if ok {
		out = settingsDrift(have, want)
	}
	return append(out, fieldDrift("policy", fields(live.Spec), fields(have.policy().Spec))...)
}

// bindingDrift says where a binding differs from what is declared; nil is one
// that is not there.
func bindingDrift(live *binding, want settings) []string {
	if live == nil {
		return []string{fmt.Sprintf("binding %s is missing, so the policy is not in effect", want.name)}
	}
	declared := want.binding()
	var out []string
	if !sameActions(live.Spec.ValidationActions, declared.Spec.ValidationActions) {
		is := cmp.Or(string(readMode(*live)), fmt.Sprintf("not one of %v", modes()))
		out = append(out, fmt.Sprintf("mode is %s, declared %s", is, want.mode))
	}
	declared.Spec.ValidationActions = live.Spec.ValidationActions
	return append(out, fieldDrift("binding", fields(live.Spec), fields(declared.Spec))...)
}

// fields is a part of an object as JSON has it.
func fields(spec any) map[string]any {
	var out map[string]any
	raw, err := json.Marshal(spec)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return map[string]any{"": err.Error()} // no object of the API is without a form in JSON
	}
	return out
}

// fieldDrift compares field by field, one level deep and two for what the
// policy matches. Fields that are there and not declared count: one condition
// more can put a policy out of effect.
func fieldDrift(what string, live, want map[string]any) []string {
	var out []string
	for _, field := range slices.Sorted(maps.Keys(both(live, want))) {
		is, there := live[field]
		declared, wanted := want[field]
		inner, nested := is.(map[string]any)
		wantedInner, alsoNested := declared.(map[string]any)
		switch {
		case reflect.DeepEqual(is, declared):
		case field == "matchConstraints" && nested && alsoNested:
			out = append(out, fieldDrift(what+"'s "+field, inner, wantedInner)...)
		case !there:
			out = append(out, fmt.Sprintf("%s's %s is missing", what, field))
		case !wanted:
			out = append(out, fmt.Sprintf("%s's %s is set and not declared", what, field))
		default:
			out = append(out, fmt.Sprintf("%s's %s differs from what is declared", what, field))
		}
	}
	return out
}

func both(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
