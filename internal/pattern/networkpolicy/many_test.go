package networkpolicy_test

import (
	"fmt"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// A plan without changes asks the cluster as often for sixty policies of three
// rules as for two: once for the API, and once for the policies of each
// namespace.
func TestAccConstantRequests(t *testing.T) {
	e, c := acctest.Fresh(t, acctest.Classic)
	toCluster, _ := acctest.ConstantRequests(t, e, c, func(count int) string {
		return acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_network_policy" "many" {
  count     = %d
  cluster   = "classic"
  name      = "p${count.index}"
  namespace = count.index %% 2 == 0 ? null : "default"
  order     = 100 + count.index
  selector  = "app == 'web'"
  ingress = [
    { action = "Allow", protocol = "TCP", source = { nets = ["10.0.0.0/8", "192.168.0.0/16"] }, destination = { ports = [80, 443, "30000:32767"] } },
    { action = "Allow", protocol = "UDP", source = { selector = "app == 'dns'" }, destination = { ports = [53] } },
    { action = "Deny" },
  ]
}
`, count)
	}, 2, 60)
	if len(toCluster) != 3 {
		t.Errorf("a plan without a change sends %q", toCluster)
	}
}
