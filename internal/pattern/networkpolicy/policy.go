package networkpolicy

import (
	"fmt"
	"math"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// declared is the policy that a model declares.
type declared struct {
	// namespace is empty for a global policy.
	namespace string
	// key is the name that the policy has in Calico, with its tier where that is
	// not the default one.
	key  string
	spec calico.Spec
	// acknowledged are the hazards that the user knows of.
	acknowledged map[string]bool
	force        bool
}

// policy is what a resource wants of its policy.
func (d declared) policy(in ownership.Intent) ownership.Policy {
	return ownership.Policy{Name: d.key, Spec: d.spec, Intent: in}
}

// title names the policy as import IDs do.
func (d declared) title() string { return strings.TrimPrefix(d.namespace+"/"+d.key, "/") }

// longestName leaves room for the prefix "default." that Calico stores.
const longestName = 244

// checkName checks a name that the prefix of its tier was taken from.
func checkName(name string) error {
	if _, after, dotted := strings.Cut(name, "."); dotted {
		return fmt.Errorf("%q has a dot, and what stands before one is the tier for Calico; write %q, and the tier in `tier`", name, after)
	}
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a policy: %s", name, strings.Join(wrong, "; "))
	}
	if len(name) > longestName {
		return fmt.Errorf("the name has %d characters, a policy's can have %d", len(name), longestName)
	}
	return nil
}

func checkLabel(what, name string) error {
	if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a %s: %s", name, what, strings.Join(wrong, "; "))
	}
	return nil
}

func checkOrder(order float64) error {
	if math.IsInf(order, 0) || math.IsNaN(order) {
		return fmt.Errorf("the order is not a finite number")
	}
	return nil
}

// decidesAll tells whether a rule says of every packet that it is allowed or
// denied or, where passing helps, passed on.
func decidesAll(rule v3.Rule, passing bool) bool {
	decides := rule.Action == v3.Allow || rule.Action == v3.Deny || passing && rule.Action == v3.Pass
	rest := rule
	rest.Action, rest.Metadata = "", nil
	return decides && calico.Equal(calico.Spec{Ingress: []v3.Rule{rest}}, calico.Spec{Ingress: []v3.Rule{{}}})
}
