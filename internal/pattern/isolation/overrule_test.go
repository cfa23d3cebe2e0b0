package isolation

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

func TestOverruled(t *testing.T) {
	t.Parallel()
	all := []v3.Rule{{Action: v3.Allow}}
	some := []v3.Rule{allow(named(tcp), v3.EntityRule{})}
	for name, c := range map[string]struct {
		network         string
		order           float64
		selector        string
		ingress, egress []v3.Rule
		want            bool
	}{
		"IBM's default, behind the denial":   {networkPrivate, 100000, priv, all, all, false},
		"everything before it":               {networkPrivate, 2000, priv, all, all, true},
		"everything in":                      {networkPrivate, 2000, priv, all, nil, true},
		"everything in, under public":        {networkPublic, 1000, pub, all, nil, false},
		"everything out, under public":       {networkPublic, 1000, pub, nil, all, true},
		"IBM's allow-all-outbound":           {networkPublic, 1900, pub, nil, all, false},
		"the other network":                  {networkPrivate, 2000, pub, all, all, false},
		"for all endpoints":                  {networkPrivate, 2000, "all()", all, all, true},
		"something before it":                {networkPrivate, 2000, priv, some, some, false},
		"nobody knows whom":                  {networkPrivate, 2000, "has(x)", all, all, false},
		"as a set of roles, with other ones": {networkPrivate, 2000, "ibm.role in {'worker_private', 'x'}", nil, all, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := calico.Policy{Name: "theirs", Spec: policy(c.order, c.selector, c.ingress, c.egress)}
			got := sample(c.network, nil).overruled([]calico.Policy{p})
			if (len(got) == 1 && strings.Contains(got[0], "theirs")) != c.want {
				t.Errorf("got %q, want %v", got, c.want)
			}
		})
	}
	i := sample(networkPublic, nil)
	var own []calico.Policy
	for _, m := range i.set() {
		own = append(own, calico.Policy{Name: m.name, Namespace: m.namespace, Spec: m.spec})
	}
	if got := i.overruled(own); len(got) > 0 {
		t.Errorf("the set overrules itself: %q", got)
	}
}
