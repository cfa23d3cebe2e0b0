package exposurepolicy

import (
	"slices"
	"testing"

	admission "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPolicyDrift(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live   func(*settings)
		change func(*policy)
		want   []string
	}{
		"none":           {},
		"a rule less":    {live: func(s *settings) { s.deny = s.deny[1:] }, want: []string{"rule external_ips is declared and not in the policy"}},
		"more exempt":    {live: func(s *settings) { s.namespaces = []string{"shop", "vpn"} }, want: []string{"namespace shop is exempt and not declared"}},
		"less exempt":    {live: func(s *settings) { s.namespaces = nil }, want: []string{"namespace vpn is to be exempt and is not"}},
		"other accounts": {live: func(s *settings) { s.accounts[0].name = "else" }, want: []string{"service account platform/deployer is to be exempt and is not", "service account platform/else is exempt and not declared"}},
		"more classes":   {live: func(s *settings) { s.classes = append(s.classes, "open") }, want: []string{"ingress class open counts as private and is not declared"}},
		"other message":  {live: func(s *settings) { s.message = "" }, want: []string{`message is "", declared "Ask at \"it's\" \\ desk."`}},
		"system namespace": {
			change: func(p *policy) {
				values := &p.Spec.MatchConstraints.NamespaceSelector.MatchExpressions[0].Values
				*values = slices.DeleteFunc(*values, func(s string) bool { return s == "kube-system" })
			},
			want: []string{"policy's matchConstraints's namespaceSelector differs from what is declared"},
		},
		"a condition that is never met": {
			change: func(p *policy) {
				p.Spec.MatchConditions = append(p.Spec.MatchConditions, admission.MatchCondition{Name: "never", Expression: "false"})
			},
			want: []string{"policy's matchConditions differs from what is declared"},
		},
		"exclusions": {
			change: func(p *policy) {
				p.Spec.MatchConstraints.ExcludeResourceRules = p.Spec.MatchConstraints.ResourceRules
			},
			want: []string{"policy's matchConstraints's excludeResourceRules is set and not declared"},
		},
		"objects with a label only": {
			change: func(p *policy) {
				p.Spec.MatchConstraints.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
			},
			want: []string{"policy's matchConstraints's objectSelector differs from what is declared"},
		},
		"fails open": {
			change: func(p *policy) {
				ignore := admission.Ignore
				p.Spec.FailurePolicy = &ignore
			},
			want: []string{"policy's failurePolicy differs from what is declared"},
		},
		"a rule that judges nothing": {
			change: func(p *policy) {
				for i := range p.Spec.Variables {
					if p.Spec.Variables[i].Name == publicIngress.refusing() {
						p.Spec.Variables[i].Expression = "false"
					}
				}
			},
			want: []string{"policy's variables differs from what is declared"},
		},
		"unreadable": {
			change: func(p *policy) { p.Spec.Validations = []admission.Validation{{Expression: "true"}} },
			want:   []string{"policy's validations differs from what is declared"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := whole()
			if test.live != nil {
				test.live(&there)
			}
			p := there.policy()
			if test.change != nil {
				test.change(&p)
			}
			got := policyDrift(p, whole())
			if name == "system namespace" {
				got = got[max(0, len(got)-1):] // the namespaces by name come first
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("drift is %q, want %q", got, test.want)
			}
		})
	}
}

func TestBindingDrift(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*admission.ValidatingAdmissionPolicyBindingSpec)
		want   []string
	}{
		"none":          {func(*admission.ValidatingAdmissionPolicyBindingSpec) {}, nil},
		"another order": {func(b *admission.ValidatingAdmissionPolicyBindingSpec) { slices.Reverse(b.ValidationActions) }, nil},
		"another mode":  {func(b *admission.ValidatingAdmissionPolicyBindingSpec) { b.ValidationActions = modeAudit.actions() }, []string{"mode is audit, declared warn"}},
		"no known mode": {func(b *admission.ValidatingAdmissionPolicyBindingSpec) {
			b.ValidationActions = []admission.ValidationAction{admission.Warn}
		}, []string{"mode is not one of [audit warn deny], declared warn"}},
		"another policy": {func(b *admission.ValidatingAdmissionPolicyBindingSpec) { b.PolicyName = "else" }, []string{"binding's policyName differs from what is declared"}},
		"less is matched": {func(b *admission.ValidatingAdmissionPolicyBindingSpec) {
			b.MatchResources = &admission.MatchResources{}
		}, []string{"binding's matchResources is set and not declared"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := whole().binding()
			test.change(&live.Spec)
			if got := bindingDrift(&live, whole()); !slices.Equal(got, test.want) {
				t.Errorf("drift is %q, want %q", got, test.want)
			}
		})
	}
	if got := bindingDrift(nil, whole()); len(got) != 1 {
		t.Errorf("without a binding: %q", got)
	}
}
