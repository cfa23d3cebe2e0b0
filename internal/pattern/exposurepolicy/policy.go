package exposurepolicy

import (
	admission "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

type (
	policy  = admission.ValidatingAdmissionPolicy
	binding = admission.ValidatingAdmissionPolicyBinding
)

func policyKind() kube.Kind[policy] {
	return kube.Kind[policy]{Group: admission.GroupName, Version: "v1", Resource: "validatingadmissionpolicies", Name: "ValidatingAdmissionPolicy"}
}

func bindingKind() kube.Kind[binding] {
	return kube.Kind[binding]{Group: admission.GroupName, Version: "v1", Resource: "validatingadmissionpolicybindings", Name: "ValidatingAdmissionPolicyBinding"}
}

// Names of the match conditions.
const (
	exemptCondition = "exempt-service-accounts"
	probeCondition  = "probes-of-other-policies"
)

// policy is the object that refuses what the settings say.
func (s settings) policy() policy {
	out := policy{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Spec: s.spec()}
	for i, v := range out.Spec.Variables {
		if v.Name == varSubject {
			out.Spec.Variables[i].Expression += showing(s.revision())
		}
	}
	return out
}

// spec is all of the policy but its revision.
func (s settings) spec() admission.ValidatingAdmissionPolicySpec {
	fail, equivalent := admission.Fail, admission.Equivalent
	spec := admission.ValidatingAdmissionPolicySpec{
		// What cannot be judged is refused.
		FailurePolicy: &fail,
		MatchConstraints: &admission.MatchResources{
			MatchPolicy: &equivalent,
			// The label is the API server's own, nobody can change it.
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: s.exemptNamespaces(),
			}}},
			ObjectSelector: &metav1.LabelSelector{},
			ResourceRules:  s.resourceRules(),
		},
		MatchConditions: []admission.MatchCondition{
			{Name: exemptCondition, Expression: exempting(s.users())},
			{Name: probeCondition, Expression: probing(s.name)},
		},
		Variables: s.variables(),
	}
	for _, r := range s.deny {
		spec.Validations = append(spec.Validations, r.validation())
	}
	return spec
}

// validation refuses what a rule objects to. Its reason stays the default,
// Invalid, which a dry run in a plan tells from missing rights.
func (r rule) validation() admission.Validation {
	return admission.Validation{Expression: "!variables." + r.refusing(), Message: "refused by the rule " + string(r), MessageExpression: r.reason()}
}

// binding puts the policy into effect.
func (s settings) binding() binding {
	out := binding{ObjectMeta: metav1.ObjectMeta{Name: s.name}}
	out.Spec = admission.ValidatingAdmissionPolicyBindingSpec{PolicyName: s.name, ValidationActions: s.mode.actions()}
	return out
}

// actions of a mode. Each stricter one keeps what the audit mode records.
func (m mode) actions() []admission.ValidationAction {
	switch m {
	case modeDeny:
		return []admission.ValidationAction{admission.Audit, admission.Deny}
	case modeWarn:
		return []admission.ValidationAction{admission.Audit, admission.Warn}
	}
	return []admission.ValidationAction{admission.Audit}
}

// resourceRules select what the rules look at, and only that: a policy that
// fails to be evaluated refuses everything that it matches.
func (s settings) resourceRules() []admission.NamedRuleWithOperations {
	var out []admission.NamedRuleWithOperations
	add := func(group string, resources ...string) {
		scope := admission.NamespacedScope
		out = append(out, admission.NamedRuleWithOperations{RuleWithOperations: admission.RuleWithOperations{
			Operations: []admission.OperationType{admission.Create, admission.Update},
			Rule:       admission.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: resources, Scope: &scope},
		}})
	}
	if s.denies(externalIPs) || s.denies(nodePort) || s.denies(publicLoadBalancer) {
		add("", "services")
	}
	if s.denies(publicIngress) {
		add("networking.k8s.io", "ingresses")
	}
	if s.deniesPods() {
		add("", "pods")
		for _, group := range []string{"apps", "batch"} {
			var resources []string
			for resource, in := range workloads() {
				if in == group {
					resources = append(resources, resource)
				}
			}
			add(group, sorted(resources)...)
		}
	}
	return out
}

func (s settings) users() []string {
	out := make([]string, len(s.accounts))
	for i, a := range s.accounts {
		out[i] = a.user()
	}
	return sorted(out)
}

// exempting holds for requests of anybody but these users.
func exempting(users []string) string {
	return exemptPrefix + celList(users) + ")"
}

const exemptPrefix = "!(request.userInfo.username in "
