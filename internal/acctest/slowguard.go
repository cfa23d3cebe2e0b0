package acctest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// SlowGuard is [SlowWait], under each command line, for a guard of host endpoints
// that vanish right after its policy was written: it covers nothing, and is not
// ready until they are back.
func SlowGuard(t *testing.T, resourceType string) {
	UnderEachCLI(t, func(t *testing.T) {
		var written, back atomic.Bool
		host := Interpose(t, Environment(t).Cluster(Classic), func(w http.ResponseWriter, r *http.Request) bool {
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
		SlowWait(t, Slow{
			Provider: fmt.Sprintf("provider \"iks\" {\n  cluster_access = {\n    mine = { host = %q }\n  }\n}\n", host),
			Type:     resourceType, Cluster: "mine",
			Arguments: `  timeouts = { create = "8s" }`,
			Release:   func() { back.Store(true) },
		})
		if !written.Load() {
			t.Error("the policy was not written where this test could see it")
		}
	})
}
