package hostguard

import (
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

func TestNoEndpointsSaysWhy(t *testing.T) {
	t.Parallel()
	some := Scene{Endpoints: []calico.HostEndpoint{
		{Name: "a", Labels: map[string]string{calico.RoleLabel: "worker_private"}}, {Name: "b", Labels: map[string]string{calico.RoleLabel: "worker_private"}},
	}}
	if some.Matching([]string{"worker_public"}) != 0 || some.Matching([]string{"worker_private", "x"}) != 2 {
		t.Error("Matching does not go by role")
	}
	for name, test := range map[string]struct {
		scene Scene
		part  string
	}{
		"VPC":           {Scene{VPC: true}, "security groups do it"},
		"none":          {Scene{}, "no host endpoints at all"},
		"of other role": {some, `"worker_private" (2)`},
	} {
		if got := test.scene.NoEndpoints([]string{"worker_public"}, "security groups do it."); !strings.Contains(got.Detail, test.part) || !strings.Contains(got.Detail, "when_no_host_endpoints") {
			t.Errorf("%s: %q lacks %q", name, got.Detail, test.part)
		}
	}
}
