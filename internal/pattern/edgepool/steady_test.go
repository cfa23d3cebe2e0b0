package edgepool

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestUpsets(t *testing.T) {
	t.Parallel()
	// known is a state that has seen so many nodes.
	known := func(m *model, ready bool, nodes int64, drift ...string) *model {
		m.Ready, m.NodeCount, m.Drift = types.BoolValue(ready), types.Int64Value(nodes), framework.StringList(drift)
		return m
	}
	two := []string{"10.0.0.1", "10.0.0.2"}
	for name, test := range map[string]struct {
		prior, want *model
		upset       bool
	}{
		"another effect":         {known(byPool("edge"), true, 4), byPool("edge", withEffects("NoSchedule")), false},
		"drift":                  {known(byPool("edge"), false, 4, "10.0.0.1: label dedicated=edge missing"), byPool("edge"), false},
		"another pool":           {known(byPool("edge"), true, 4), byPool("other"), true},
		"a pool not known yet":   {known(byPool("edge"), true, 4), byPool("", func(m *model) { m.WorkerPool = types.StringUnknown() }), true},
		"from pool to names":     {known(byPool("edge"), true, 4), byNames(two), true},
		"never been in effect":   {known(byPool("edge"), false, 4), byPool("edge"), true},
		"no node yet":            {known(bySelector("team", "net"), false, 0, "no node matches node_selector"), bySelector("team", "net"), true},
		"all names":              {known(byNames(two), false, 2, "10.0.0.1: label dedicated=edge missing"), byNames(two, stayPut), false},
		"a name without a node":  {known(byNames(two), false, 1, "10.0.0.2: there is no such node"), byNames(two), true},
		"one more name":          {known(byNames(two[:1]), true, 1), byNames(two), true},
		"the same names, turned": {known(byNames(two), true, 2), byNames([]string{two[1], two[0]}), false},
		"another value":          {known(bySelector("team", "net"), true, 2), bySelector("team", "other"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := (*part)(nil).Upsets(test.prior, test.want)
			if (len(got) > 0) != test.upset {
				t.Errorf("upsets %q, want any: %t", got, test.upset)
			}
		})
	}
	for _, name := range stableAttributes() {
		if a, there := resourceSchema().Attributes[name]; !there || !a.IsComputed() {
			t.Errorf("%s is no computed attribute that can be stable", name)
		}
	}
}
