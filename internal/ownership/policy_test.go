package ownership

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

type global = Policy

func selecting(selector string) calico.Spec {
	return calico.Spec{Selector: selector}
}

func TestDecideAboutPolicy(t *testing.T) {
	t.Parallel()
	const mine, other = "a == 'b'", "a == 'c'"
	labels := map[string]string{framework.ManagedByLabel: framework.ManagedByValue}
	policy := func(selector, stamp string, labels map[string]string) *calico.Policy {
		p := calico.Policy{Name: "web", Spec: selecting(selector), Labels: labels, Annotations: map[string]string{}}
		if stamp != "" {
			p.Annotations[framework.OwnerAnnotation] = stamp
		}
		return &p
	}
	ibms := policy(mine, "", labels)
	ibms.Name = "allow-lb-web"

	want := func(in Intent) global { return global{Name: "web", Spec: selecting(mine), Intent: in} }
	fresh := Intent{Owner: framework.Owner{Labels: labels}, Stamp: "mine"}
	held := Intent{Owner: framework.Owner{Stamp: "mine", Known: true, Labels: labels}, Stamp: "mine", Held: true}
	imported := Intent{Owner: framework.Owner{Known: true, Labels: labels}, Stamp: "mine", Held: true}
	forced := func(i Intent) Intent {
		i.Force = true
		return i
	}
	for _, test := range []struct {
		name    string
		live    *calico.Policy
		want    Intent
		step    Step
		refusal string
	}{
		{name: "nothing there", want: fresh, step: Create},
		{name: "gone behind our back", want: held, step: Create},
		{name: "new, equal and nobody's", live: policy(mine, "", labels), want: fresh, step: Adopt},
		{name: "new, equal in other words", live: policy(`a=="b"`, "", labels), want: fresh, step: Adopt},
		{name: "new, equal and another resource's", live: policy(mine, "theirs", labels), want: fresh, step: Adopt},
		{name: "new, differs and nobody's", live: policy(other, "", nil), want: fresh, refusal: "Nothing in it says who made it"},
		{name: "new, differs and another resource's", live: policy(other, "theirs", labels), want: fresh, refusal: "ownership stamp of another resource"},
		{name: "new, differs and Helm's", live: policy(other, "", map[string]string{framework.ManagedByLabel: "Helm"}), want: fresh, refusal: `says "Helm"`},
		{name: "new, differs, forced", live: policy(other, "theirs", labels), want: forced(fresh), step: Rewrite},
		{name: "our own create, whose answer was lost", live: policy(mine, "mine", labels), want: fresh, step: Keep},
		{name: "IBM's", live: ibms, want: fresh, refusal: "never touched"},
		{name: "IBM's, forced", live: ibms, want: forced(fresh), refusal: "never touched"},
		{name: "ours as it should be", live: policy(mine, "mine", labels), want: held, step: Keep},
		{name: "ours, changed", live: policy(other, "mine", labels), want: held, step: Rewrite},
		{name: "ours, lost its stamp", live: policy(mine, "", labels), want: held, step: Rewrite},
		{name: "ours, lost its labels", live: policy(mine, "mine", nil), want: held, step: Rewrite},
		{name: "was ours, equal, another resource's now", live: policy(mine, "theirs", labels), want: held, refusal: "taken over"},
		{name: "was ours, differs, another resource's now", live: policy(other, "theirs", labels), want: held, refusal: "taken over"},
		{name: "was ours, another resource's now, forced", live: policy(mine, "theirs", labels), want: forced(held), step: Rewrite},
		{name: "imported, gets its stamp", live: policy(mine, "", labels), want: imported, step: Rewrite},
		{name: "imported, adopted by somebody since", live: policy(mine, "theirs", labels), want: imported, refusal: "taken over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := want(test.want).Decide(test.live)
			if test.refusal != "" {
				refusal, ok := framework.AsRefusal(err)
				if !ok || !strings.Contains(refusal.Error(), test.refusal) {
					t.Fatalf("Decide = %v, %v; want a refusal with %q", got, err, test.refusal)
				}
				return
			}
			if err != nil || got != test.step {
				t.Errorf("Decide = %v, %v; want %v", got, err, test.step)
			}
		})
	}
}

func TestForesee(t *testing.T) {
	t.Parallel()
	live := func(name, stamp string) *calico.Policy {
		return &calico.Policy{Name: name, Spec: selecting("a == 'c'"), Annotations: map[string]string{framework.OwnerAnnotation: stamp}}
	}
	same := live("web", "")
	same.Spec = selecting("a == 'b'")
	for _, test := range []struct {
		name    string
		live    *calico.Policy
		in      Intent
		doubt   bool
		step    Step
		warns   string
		refuses bool
	}{
		{name: "nothing there", step: Create},
		{name: "does the same", live: same, step: Adopt, warns: "it is taken over"},
		{name: "somebody's", live: live("web", ""), refuses: true},
		{name: "somebody's, forced", live: live("web", ""), in: Intent{Force: true}, step: Rewrite, warns: "overwritten: selector a == \"c\" instead of a == \"b\""},
		{name: "somebody's, perhaps forced", live: live("web", ""), doubt: true, step: Keep, warns: "exists and is not ours"},
		{name: "another resource's", live: live("web", "theirs"), step: Keep, warns: "another resource"},
		{name: "taken over from us", live: live("web", "theirs"), in: Intent{Held: true}, refuses: true},
		{name: "IBM's, perhaps forced", live: live("allow-lb-x", "theirs"), doubt: true, refuses: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.in.Stamp = "planned"
			step, warnings, err := global{Name: "web", Spec: selecting("a == 'b'"), Intent: test.in}.Foresee(test.live, test.doubt)
			if _, refused := framework.AsRefusal(err); refused != test.refuses {
				t.Fatalf("error is %v", err)
			}
			if warned := strings.Join(warnings, "\n"); step != test.step || (test.warns == "") != (warned == "") || !strings.Contains(warned, test.warns) {
				t.Errorf("step is %v, want %v; warned %q, want %q", step, test.step, warned, test.warns)
			}
		})
	}
}

func TestRefusalSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	want := Policy{Name: "web", Spec: calico.Spec{Selector: "x"}, Intent: Intent{Stamp: "mine"}}
	_, err := want.Decide(&calico.Policy{Namespace: "shop", Name: "web"})
	if err == nil {
		t.Fatal("no refusal")
	}
	for _, part := range []string{"policy shop/web", "selector none instead of x", "<cluster>,shop/web", "force_conflicts"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal lacks %q: %v", part, err)
		}
	}
}

func TestRefusalPointsAt(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]path.Path{"name": {}, "network": path.Root("network")} {
		for live, policy := range map[string]calico.Policy{"a stranger's": {Name: "web", Spec: selecting("x == 'y'")}, "IBM's": {Name: "allow-lb-web"}} {
			_, err := global{Name: "web", Spec: selecting("a == 'b'"), At: at, Intent: Intent{Stamp: "mine"}}.Decide(&policy)
			if refusal, ok := framework.AsRefusal(err); !ok || refusal.Problems[0].Path.String() != name {
				t.Errorf("%s, at %s: %v", live, name, err)
			}
		}
	}
}

// IBM's policies are global: a namespaced one of such a name is anybody's.
func TestNamespacedPoliciesAreNotIBMs(t *testing.T) {
	t.Parallel()
	want := Policy{Name: "allow-lb-web", Intent: Intent{Stamp: "mine"}}
	if next, err := want.Decide(&calico.Policy{Namespace: "shop", Name: "allow-lb-web"}); err != nil || next != Adopt {
		t.Errorf("Decide = %v, %v", next, err)
	}
}

func TestPolicyKeepsWhatIsOthers(t *testing.T) {
	t.Parallel()
	live := &calico.Policy{Name: "web", ResourceVersion: "7", Labels: map[string]string{"a": "1", "team": "old"}, Annotations: map[string]string{"b": "2"}}
	want := global{Name: "web", Spec: selecting("x"), Intent: Intent{Stamp: "mine", Owner: framework.Owner{Labels: map[string]string{"team": "net"}}}}
	got := want.object(live)
	if got.ResourceVersion != "7" || got.Labels["a"] != "1" || got.Labels["team"] != "net" || got.Annotations["b"] != "2" || StampOf(got) != "mine" || got.Spec.Selector != "x" {
		t.Errorf("policy = %+v", got)
	}
	if live.Labels["team"] != "old" || StampOf(*live) != "" {
		t.Error("the policy that was read has been changed")
	}
}

func TestOwnsEarlier(t *testing.T) {
	t.Parallel()
	imported := global{Intent: Intent{Stamp: "mine", Owner: framework.Owner{Known: true}}}
	fresh := global{Intent: Intent{Stamp: "mine"}}
	var got []bool
	for _, p := range []global{imported, fresh} {
		got = append(got, p.OwnsEarlier("mine"), p.OwnsEarlier(""), p.OwnsEarlier("theirs"))
	}
	if !slices.Equal(got, []bool{true, true, false, true, false, false}) {
		t.Errorf("owns = %v", got)
	}
}
