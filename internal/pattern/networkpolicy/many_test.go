package networkpolicy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// A plan without changes asks the cluster as often for 200 policies of three
// rules as for two: once for the API, and once for the policies of each
// namespace.
func TestAccManyPolicies(t *testing.T) {
	e, c := acctest.Fresh(t, acctest.Classic)
	config := func(count int) string {
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
	}
	requests := func(w *acctest.Workspace) (kube, iks int) {
		t.Helper()
		mark, err := c.MarkAudit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e.IKS.ResetRequests()
		w.MustPlanEmpty()
		events, err := c.Audit(t.Context(), mark)
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		for _, event := range events.FromAgent("terraform-provider-iks") {
			asked = append(asked, event.Verb+" "+event.URI)
		}
		t.Log(strings.Join(asked, ", "))
		return len(asked), len(e.IKS.Requests())
	}
	w := acctest.NewWorkspace(t, config(2))
	w.MustApply()
	fewKube, fewIKS := requests(w)
	w.Write(config(200))
	w.MustApply()
	manyKube, manyIKS := requests(w)
	if manyKube != fewKube || manyIKS != fewIKS {
		t.Errorf("for 200 policies %d requests to the cluster and %d to IKS, for 2 there were %d and %d", manyKube, manyIKS, fewKube, fewIKS)
	}
	w.MustDestroy()
}
