package nodeportguard

import (
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func TestRefusalSpeaksOfTheGuard(t *testing.T) {
	t.Parallel()
	g := guard{name: "guard", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP"}, ports: mustPorts(t, defaultPorts)}
	other := g
	other.ports = mustPorts(t, "20000:32767")
	_, err := g.policy(ownership.Intent{Stamp: "mine"}).Decide(&calico.Policy{Name: "guard", Spec: other.spec()})
	if err == nil {
		t.Fatal("no refusal")
	}
	for _, part := range []string{"policy guard", "port range is 20000:32767, declared 30000:32767", "<cluster>,guard", "force_conflicts"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal lacks %q: %v", part, err)
		}
	}
}

// The order of rules that all deny means nothing.
func TestGuardIsTheSameInAnyOrderOfRules(t *testing.T) {
	t.Parallel()
	g := guard{name: "guard", tier: defaultTier, roles: []string{"worker_public"}, protocols: []string{"TCP", "UDP"}, ports: mustPorts(t, defaultPorts)}
	live := calico.Policy{Name: "guard", Spec: g.spec()}
	live.Spec.Ingress[0], live.Spec.Ingress[1] = live.Spec.Ingress[1], live.Spec.Ingress[0]
	if next, err := g.policy(ownership.Intent{Stamp: "mine"}).Decide(&live); err != nil || next != ownership.Adopt {
		t.Errorf("decide = %v, %v; want that it is adopted", next, err)
	}
}
