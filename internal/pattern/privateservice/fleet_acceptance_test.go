package privateservice_test

import (
	"fmt"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// A hundred private services cost a plan without a change as many requests as
// one does, counted by the API server's audit log and by IKS.
func TestAccHundredServices(t *testing.T) {
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) {
			e, c := acctest.Fresh(t, name, func(sample *fakeiks.Cluster) {
				if name == acctest.VPC {
					return
				}
				for i := range sample.Zones {
					sample.Zones[i].PortablePrivate = []string{fmt.Sprintf("10.%d.0.0/24", 201+i)}
				}
			})
			config := func(count string) string {
				return acctest.ProviderBlock(e) + `
resource "iks_private_service" "it" {
  count    = ` + count + `
  cluster  = "` + name + `"
  name     = "api-${count.index}"
  selector = { app = "api-${count.index}" }
  ports    = [{ port = 443 }]
}
`
			}
			w := acctest.NewWorkspace(t, config("1"))
			w.MustApply()
			one, oneOfIKS := planRequests(t, e, c, w)
			w.Write(config("100"))
			w.MustApply()
			hundred, hundredOfIKS := planRequests(t, e, c, w)
			// The VPC API gives a hundred load balancers at once.
			if len(hundred) != len(one) || hundredOfIKS > oneOfIKS+1 {
				t.Errorf("one service costs %d requests of the cluster and %d of IKS, a hundred cost %d and %d", len(one), oneOfIKS, len(hundred), hundredOfIKS)
			}
			w.MustDestroy()
		})
	}
}

func planRequests(t *testing.T, e *localiks.Environment, c *localiks.Cluster, w *acctest.Workspace) (ofCluster controlplane.AuditEvents, ofIKS int) {
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
	ours := events.FromAgent("terraform-provider-iks")
	t.Logf("plan without a change: %d requests of the cluster, %d of IKS", len(ours), len(e.IKS.Requests()))
	return ours, len(e.IKS.Requests())
}
