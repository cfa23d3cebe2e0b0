package inboundguard_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// A guard whose host endpoints vanish right after it was written covers
// nothing: it is not ready until they are back.
func TestAccSlowGuard(t *testing.T) { acctest.UnderEachCLI(t, slowGuard) }

func slowGuard(t *testing.T) {
	e := acctest.Environment(t)
	var written, back atomic.Bool
	host := acctest.Interpose(t, e.Cluster(acctest.Classic), func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/globalnetworkpolicies") && r.URL.Query().Get("dryRun") == "" {
			written.Store(true)
		}
		if back.Load() || !written.Load() || !strings.HasSuffix(r.URL.Path, "/hostendpoints") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"HostEndpointList","apiVersion":"projectcalico.org/v3","metadata":{"resourceVersion":"1"},"items":[]}`)
		return true
	})
	acctest.SlowWait(t, acctest.Slow{
		Provider: fmt.Sprintf("provider \"iks\" {\n  cluster_access = {\n    mine = { host = %q }\n  }\n}\n", host),
		Type:     "iks_inbound_guard", Cluster: "mine",
		Arguments: `  timeouts = { create = "8s" }`,
		Release:   func() { back.Store(true) },
	})
	if !written.Load() {
		t.Error("the policy was not written where this test could see it")
	}
}
