package exposurepolicy

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	admission "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func life(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	first := r.live(t, defaultName)
	if got := first.policy.Annotations[framework.OwnerAnnotation]; got != h.Owner.Stamp || first.binding.Annotations[framework.OwnerAnnotation] != got {
		t.Errorf("the stamp is %q, want %q", got, h.Owner.Stamp)
	}
	if found := h.Observe(t); found.Stamp != h.Owner.Stamp {
		t.Errorf("observed stamp %q", found.Stamp)
	}
	h.MustApply(t, planned(nil))
	if again := r.live(t, defaultName); again.policy.Generation != first.policy.Generation || again.binding.ResourceVersion != first.binding.ResourceVersion {
		t.Error("applying the same wrote again")
	}
	// Every setting there and back, in place.
	for _, change := range []func(*settings){
		func(s *settings) { *s = whole(); s.name = defaultName },
		func(s *settings) { s.deny = []rule{hostPort} },
		func(s *settings) { s.mode = modeAudit },
		nil,
	} {
		h.MustApply(t, planned(change))
		if live := r.live(t, defaultName); live.policy.UID != first.policy.UID || live.binding.UID != first.binding.UID {
			t.Error("a change made another object")
		}
	}
	if warnings := h.MustRemove(t); len(warnings) > 0 {
		t.Errorf("removing warns: %q", warnings)
	}
	if left := r.live(t, defaultName); left.policy != nil || left.binding != nil {
		t.Errorf("left is %+v", left)
	}
	if found := h.Observe(t); !found.Gone {
		t.Errorf("observed after removing: %+v", found)
	}
	if warnings := h.MustRemove(t); len(warnings) > 0 {
		t.Errorf("removing what is gone warns: %q", warnings)
	}
}

func imports(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(func(s *settings) { *s = whole() }))
	imported := newHeld(r)
	imported.State = &model{Name: types.StringValue("whole")}
	found := imported.Observe(t)
	if len(found.Drift)+len(found.Missing) > 0 || found.Stamp != h.Owner.Stamp {
		t.Errorf("observed %+v", found)
	}
	s, err := imported.State.read()
	if err != nil {
		t.Fatal(err)
	}
	compare(t, s, whole())

	// A policy of somebody else's, and half of ours.
	stranger := planned(nil)
	stranger.Name = types.StringValue("stranger")
	p := settings{name: "stranger", deny: rules(), mode: modeAudit}.policy()
	p.Spec.Validations = []admission.Validation{{Expression: "true"}}
	if _, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Delete(t.Context(), "whole", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{"stranger": "was not made by iks_exposure_policy", "whole": "no policy of that name"} {
		_, err := part{}.Observe(t.Context(), r.cluster, &model{Name: types.StringValue(name)}, framework.Owner{})
		if text := parttest.Refusal(t, err); !strings.Contains(text, says) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if found, err := (part{}).Observe(t.Context(), r.cluster, &model{Name: types.StringValue("nothing")}, framework.Owner{}); err != nil || !found.Gone {
		t.Errorf("nothing: %+v, %v", found, err)
	}
}

// driftHeals breaks a policy in every way, also in those that put it out of
// effect and that applying it again would not mend.
func driftHeals(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	registered := r.others.AdmissionregistrationV1()
	onPolicy := func(change func(*admission.ValidatingAdmissionPolicySpec)) func(*testing.T) {
		return func(t *testing.T) { t.Helper(); r.edit(t, defaultName, change) }
	}
	onBinding := func(change func(*admission.ValidatingAdmissionPolicyBindingSpec)) func(*testing.T) {
		return func(t *testing.T) { t.Helper(); r.editBinding(t, defaultName, change) }
	}
	for name, test := range map[string]struct {
		do   func(t *testing.T)
		says string
	}{
		"mode": {onBinding(func(s *admission.ValidatingAdmissionPolicyBindingSpec) { s.ValidationActions = modeAudit.actions() }), "mode is audit, declared deny"},
		"binding gone": {func(t *testing.T) {
			must(t, registered.ValidatingAdmissionPolicyBindings().Delete(t.Context(), defaultName, metav1.DeleteOptions{}))
		}, "is missing, so the policy is not in effect"},
		"policy gone": {func(t *testing.T) {
			must(t, registered.ValidatingAdmissionPolicies().Delete(t.Context(), defaultName, metav1.DeleteOptions{}))
		}, "policy " + defaultName + " is missing"},
		"rule gone": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) { s.Validations = s.Validations[1:] }), "rule external_ips is declared"},
		"never matches": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			s.MatchConditions = append(s.MatchConditions, admission.MatchCondition{Name: "never", Expression: "false"})
		}), "matchConditions"},
		"fails open": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) { s.FailurePolicy = ptr(admission.Ignore) }), "failurePolicy"},
		"some are left": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			s.MatchConstraints.ObjectSelector.MatchLabels = map[string]string{"a": "b"}
		}), "objectSelector"},
		"services are": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			s.MatchConstraints.ExcludeResourceRules = s.MatchConstraints.ResourceRules[:1]
		}), "excludeResourceRules"},
		"more is noted": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			s.AuditAnnotations = []admission.AuditAnnotation{{Key: "a", ValueExpression: "'b'"}}
		}), "auditAnnotations"},
		"one more var": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			s.Variables = append(s.Variables, admission.Variable{Name: "x", Expression: "1"})
		}), "variables"},
		"bound to less": {onBinding(func(s *admission.ValidatingAdmissionPolicyBindingSpec) {
			s.MatchResources = &admission.MatchResources{ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}
		}), "matchResources"},
		"exempts a team": {onPolicy(func(s *admission.ValidatingAdmissionPolicySpec) {
			e := &s.MatchConstraints.NamespaceSelector.MatchExpressions[0]
			e.Values = append(e.Values, "shop")
		}), "namespace shop is exempt"},
		"lost its label": {func(t *testing.T) {
			r.alter(t, defaultName, func(p *admission.ValidatingAdmissionPolicy) { p.Labels = nil })
		}, "policy: label app.kubernetes.io/managed-by is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			test.do(t)
			found := h.Observe(t)
			if !slices.ContainsFunc(found.Drift, func(s string) bool { return strings.Contains(s, test.says) }) {
				t.Errorf("drift is %q, want %q", found.Drift, test.says)
			}
			h.MustApply(t, planned(nil))
		})
	}
	h.MustRemove(t)
}

// overtaken has the policy written by somebody else between the two writes that
// a mend takes, as the API server does with a status.
func overtaken(t *testing.T, r *rig) {
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	r.edit(t, defaultName, func(s *admission.ValidatingAdmissionPolicySpec) {
		s.FailurePolicy = ptr(admission.Ignore)
		s.AuditAnnotations = []admission.AuditAnnotation{{Key: "a", ValueExpression: "'b'"}}
	})
	g, err := reach(t.Context(), r.cluster)
	must(t, err)
	want, err := h.State.read()
	must(t, err)
	writes := 0
	err = g.ensure(t.Context(), want, ownership.Intent{Owner: h.Owner, Stamp: h.Owner.Stamp, Held: true, Sent: func(err error) error {
		if writes++; writes == 1 {
			r.edit(t, defaultName, func(s *admission.ValidatingAdmissionPolicySpec) { s.AuditAnnotations[0].ValueExpression = "'c'" })
		}
		return err
	}})
	must(t, err)
	if writes < 3 {
		t.Errorf("%d writes, none of which was overtaken", writes)
	}
	h.Settle(t)
	h.MustRemove(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rename: there is a policy at every moment, and the old one goes when the new
// one is in effect.
func rename(t *testing.T, r *rig) {
	var mu sync.Mutex
	var writes []string
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		path, _, _ := strings.Cut(e.Path, "?")
		if e.Method != "GET" {
			writes = append(writes, e.Method+" "+path[strings.LastIndex(path, "/")+1:])
		}
	}}, true)
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	writes = nil
	h.MustApply(t, planned(func(s *settings) { s.name, s.message = "moved", "Ask." }))
	if left := r.live(t, defaultName); left.policy != nil || left.binding != nil || len(h.Warned) > 0 {
		t.Errorf("left is %+v, warnings %q", left, h.Warned)
	}
	at := func(text string) int { return slices.Index(writes, text) }
	probe := at("POST services")
	if !(0 <= at("PATCH moved") && at("PATCH moved") < probe && probe < at("DELETE "+defaultName)) {
		t.Errorf("the order is %q", writes)
	}
	// To a name that a stranger has: refused, and the old one stays.
	p := settings{name: "theirs", deny: rules(), mode: modeAudit}.policy()
	_, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{FieldManager: "somebody"})
	must(t, err)
	err = h.Apply(t.Context(), planned(func(s *settings) { s.name = "theirs" }))
	if text := parttest.Refusal(t, err); !strings.Contains(text, "theirs already") {
		t.Errorf("refused: %s", text)
	}
	if live := r.live(t, "moved"); live.policy == nil || live.binding == nil {
		t.Error("the old policy is gone")
	}
	h.MustRemove(t)
}

// twoOwners: what is somebody else's is named, and taken over only by force.
func twoOwners(t *testing.T, r *rig) {
	theirs := settings{name: defaultName, deny: rules(), mode: modeAudit}
	p := theirs.policy()
	p.Labels = map[string]string{framework.ManagedByLabel: "Helm"}
	_, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{FieldManager: "helm"})
	must(t, err)
	h := newHeld(r)
	err = h.Apply(t.Context(), planned(nil))
	if text := parttest.Refusal(t, err); !strings.Contains(text, `says "Helm"`) || !strings.Contains(text, "helm") || !strings.Contains(text, "force_conflicts") {
		t.Errorf("refused: %s", text)
	}
	if live := r.live(t, defaultName); live.binding != nil {
		t.Error("a stranger's policy was bound")
	}
	h.MustApply(t, planned(func(s *settings) { s.force = true }))

	// Another resource of this provider wants the same.
	second := newHeld(r)
	err = second.Apply(t.Context(), planned(func(s *settings) { s.message = "Mine." }))
	if text := parttest.Refusal(t, err); !strings.Contains(text, "ownership stamp of another resource") {
		t.Errorf("refused: %s", text)
	}
	must(t, second.Apply(t.Context(), planned(func(s *settings) { s.message, s.force = "Mine.", true })))
	if found := h.Observe(t); !slices.Contains(found.Drift, "policy: the ownership stamp is another resource's") {
		t.Errorf("drift is %q", found.Drift)
	}
	if warnings := h.MustRemove(t); len(warnings) != 2 {
		t.Errorf("warnings are %q", warnings)
	}
	if live := r.live(t, defaultName); live.policy == nil || live.binding == nil {
		t.Error("another resource's policy was removed")
	}
	if warnings := second.MustRemove(t); len(warnings) > 0 {
		t.Errorf("warnings are %q", warnings)
	}
}

// adoption: an equal policy is taken over, other fields of it stay.
func adoption(t *testing.T, r *rig) {
	s := settings{name: defaultName, deny: defaultRules(), mode: modeDeny}
	p := s.policy()
	p.Annotations = map[string]string{"team": "network"}
	_, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{FieldManager: "kubectl-create"})
	must(t, err)
	h := newHeld(r)
	h.MustApply(t, planned(nil))
	live := r.live(t, defaultName)
	if live.policy.Annotations["team"] != "network" || live.policy.Annotations[framework.OwnerAnnotation] == "" {
		t.Errorf("annotations are %v", live.policy.Annotations)
	}
	if len(h.MustRemove(t)) > 0 || r.live(t, defaultName).policy != nil {
		t.Error("the adopted policy was not removed")
	}
}

// requests of a plan are the same for any number of policies.
func requests(t *testing.T, r *rig) {
	var holds []*held
	for i := range 3 {
		h := newHeld(r)
		h.MustApply(t, planned(func(s *settings) { s.name, s.deny = fmt.Sprintf("p%d", i), rules() }))
		holds = append(holds, h)
	}
	var mu sync.Mutex
	var sent []string
	bytes := 0
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		sent, bytes = append(sent, e.Method+" "+e.Path), bytes+e.Bytes
	}}, false)
	for _, h := range holds {
		if found := h.Observe(t); len(found.Drift)+len(found.Missing) > 0 {
			t.Errorf("observed %+v", found)
		}
	}
	// The cluster's identity, policies, bindings, and the eight kinds that are counted.
	if len(sent) != 11 || slices.ContainsFunc(sent, func(s string) bool { return !strings.HasPrefix(s, "GET ") }) {
		t.Errorf("%d requests: %q", len(sent), sent)
	}
	t.Logf("three policies of all rules: %d requests, %d bytes", len(sent), bytes)
	sent, bytes = nil, 0
	r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{Observe: func(e kube.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		sent, bytes = append(sent, e.Method+" "+e.Path), bytes+e.Bytes
	}}, true)
	for _, h := range holds {
		h.MustRemove(t)
	}
	h := newHeld(r)
	sent = nil
	h.MustApply(t, planned(nil))
	t.Logf("apply of one: %d requests: %q", len(sent), sent)
	h.MustRemove(t)
}
