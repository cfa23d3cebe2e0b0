package exposurepolicy

import (
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// TestOnRealCluster takes the part through its life on a real API server, and
// lets that judge.
func TestOnRealCluster(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, test := range tests() {
		t.Run(test.name, func(t *testing.T) {
			r.cluster = parttest.Connect(t, parttest.Admin(r.plane), kube.Options{}, true)
			defer r.clear(t)
			test.run(t, r)
		})
	}
}

type rigTest struct {
	name string
	run  func(*testing.T, *rig)
}

func tests() []rigTest {
	return []rigTest{
		{"verdicts", verdicts},
		{"life", life},
		{"import", imports},
		{"drift heals", driftHeals},
		{"overtaken while it heals", overtaken},
		{"rename", rename},
		{"two owners", twoOwners},
		{"adoption", adoption},
		{"exemptions", exemptions},
		{"modes", theModes},
		{"default class", defaultClass},
		{"probes", probes},
		{"previews", previews},
		{"few rights", fewRights},
		{"requests", requests},
		{"updates", updates},
		{"violations", counted},
	}
}
