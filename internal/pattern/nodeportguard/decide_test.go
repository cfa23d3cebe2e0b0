package nodeportguard

import (
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	g := guard{name: "guard", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, defaultPorts)}
	other := g
	other.ports = mustPorts(t, "20000:32767")
	labels := map[string]string{framework.ManagedByLabel: framework.ManagedByValue}
	policy := func(g guard, stamp string) *calico.GlobalNetworkPolicy {
		p := calico.GlobalNetworkPolicy{Name: g.key(), Spec: g.spec(), Labels: labels, Annotations: map[string]string{}}
		if stamp != "" {
			p.Annotations[framework.OwnerAnnotation] = stamp
		}
		return &p
	}
	ibms := policy(g, "")
	ibms.Name = "allow-lb-web"
	bare := policy(g, "")
	bare.Labels = nil
	calicoctls := policy(other, "")
	calicoctls.Labels = nil
	helm := policy(other, "")
	helm.Labels = map[string]string{framework.ManagedByLabel: "Helm"}

	fresh := intent{guard: g, owner: framework.Owner{Labels: labels}, stamp: "mine"}
	held := intent{guard: g, owner: framework.Owner{Stamp: "mine", Known: true, Labels: labels}, stamp: "mine", held: true}
	imported := intent{guard: g, owner: framework.Owner{Known: true, Labels: labels}, stamp: "mine", held: true}
	forced := func(i intent) intent {
		i.force = true
		return i
	}
	for _, test := range []struct {
		name    string
		live    *calico.GlobalNetworkPolicy
		want    intent
		step    step
		refusal string
	}{
		{name: "nothing there", want: fresh, step: create},
		{name: "gone behind our back", want: held, step: create},
		{name: "new, equal and nobody's", live: policy(g, ""), want: fresh, step: adopt},
		{name: "new, equal and another resource's", live: policy(g, "theirs"), want: fresh, step: adopt},
		{name: "new, differs and nobody's", live: calicoctls, want: fresh, refusal: "as with calicoctl"},
		{name: "new, differs and another resource's", live: policy(other, "theirs"), want: fresh, refusal: "ownership stamp of another resource"},
		{name: "new, differs and Helm's", live: helm, want: fresh, refusal: `says "Helm"`},
		{name: "new, differs, forced", live: policy(other, "theirs"), want: forced(fresh), step: rewrite},
		{name: "our own create, whose answer was lost", live: policy(g, "mine"), want: fresh, step: keep},
		{name: "IBM's", live: ibms, want: fresh, refusal: "never touched"},
		{name: "IBM's, forced", live: ibms, want: forced(fresh), refusal: "never touched"},
		{name: "ours as it should be", live: policy(g, "mine"), want: held, step: keep},
		{name: "ours, changed", live: policy(other, "mine"), want: held, step: rewrite},
		{name: "ours, lost its stamp", live: policy(g, ""), want: held, step: rewrite},
		{name: "ours, lost its labels", live: bare, want: held, step: rewrite},
		{name: "was ours, equal, another resource's now", live: policy(g, "theirs"), want: held, refusal: "taken over"},
		{name: "was ours, differs, another resource's now", live: policy(other, "theirs"), want: held, refusal: "taken over"},
		{name: "was ours, another resource's now, forced", live: policy(g, "theirs"), want: forced(held), step: rewrite},
		{name: "imported, gets its stamp", live: policy(g, ""), want: imported, step: rewrite},
		{name: "imported, adopted by somebody since", live: policy(g, "theirs"), want: imported, refusal: "taken over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := decide(test.live, test.want)
			if test.refusal != "" {
				refusal, ok := framework.AsRefusal(err)
				if !ok || !strings.Contains(refusal.Error(), test.refusal) {
					t.Fatalf("decide = %v, %v; want a refusal with %q", got, err, test.refusal)
				}
				return
			}
			if err != nil || got != test.step {
				t.Errorf("decide = %v, %v; want %v", got, err, test.step)
			}
		})
	}
}

func TestRefusalSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	g := guard{name: "guard", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, defaultPorts)}
	other := g
	other.ports = mustPorts(t, "20000:32767")
	_, err := decide(&calico.GlobalNetworkPolicy{Name: "guard", Spec: other.spec()}, intent{guard: g, stamp: "mine"})
	if err == nil {
		t.Fatal("no refusal")
	}
	for _, part := range []string{"policy guard", "port range is 20000:32767, declared 30000:32767", "<cluster>,guard", "force_conflicts"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal lacks %q: %v", part, err)
		}
	}
}

func TestPolicyKeepsWhatIsOthers(t *testing.T) {
	t.Parallel()
	live := &calico.GlobalNetworkPolicy{Name: "guard", ResourceVersion: "7", Labels: map[string]string{"a": "1", "team": "old"}, Annotations: map[string]string{"b": "2"}}
	in := intent{guard: guard{name: "guard", tier: defaultTier}, stamp: "mine", owner: framework.Owner{Labels: map[string]string{"team": "net"}}}
	got := in.policy(live)
	if got.ResourceVersion != "7" || got.Labels["a"] != "1" || got.Labels["team"] != "net" || got.Annotations["b"] != "2" || stampOf(got) != "mine" {
		t.Errorf("policy = %+v", got)
	}
	if live.Labels["team"] != "old" || stampOf(*live) != "" {
		t.Error("the policy that was read has been changed")
	}
}
