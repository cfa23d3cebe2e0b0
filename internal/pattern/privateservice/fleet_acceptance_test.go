package privateservice_test

import (
	"fmt"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Forty private services cost a plan without a change as many requests as
// one does, counted by the API server's audit log and by IKS.
func TestAccConstantRequests(t *testing.T) {
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
			acctest.ConstantRequests(t, e, c, func(count int) string {
				return acctest.ProviderBlock(e) + fmt.Sprintf(`
resource "iks_private_service" "it" {
  count    = %d
  cluster  = %q
  name     = "api-${count.index}"
  selector = { app = "api-${count.index}" }
  ports    = [{ port = 443 }]
}
`, count, name)
			}, 1, 40)
		})
	}
}
