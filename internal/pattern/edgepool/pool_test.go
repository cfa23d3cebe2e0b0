package edgepool

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// A pool that was written counts as written, whatever came after.
func TestSentPool(t *testing.T) {
	t.Parallel()
	throttled := &iks.Error{Status: http.StatusTooManyRequests}
	refusal := framework.Refuse(path.Root("worker_pool"), "Not this one", "It is somebody else's.")
	for name, test := range map[string]struct {
		changed bool
		err     error
		heard   []error // what sent is told
	}{
		"written":          {true, nil, []error{nil}},
		"nothing to write": {false, nil, nil},
		"refused by IKS":   {false, throttled, []error{throttled}},
		"refused by us":    {false, refusal, nil},
		"written, and then it cannot be looked at": {true, throttled, []error{nil}},
		"written, and then somebody else's":        {true, refusal, []error{nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard []error
			w := &work{part: newPart(time.Now), cluster: &cluster.Cluster{ID: "c1"}, sent: func(err error) error {
				heard = append(heard, err)
				return err
			}}
			w.want = pool("p1")
			if err := w.sentPool(test.changed, test.err); !errors.Is(err, test.err) {
				t.Errorf("got %v, want %v", err, test.err)
			}
			if len(heard) != len(test.heard) || len(heard) > 0 && !errors.Is(heard[0], test.heard[0]) {
				t.Errorf("heard %v, want %v", heard, test.heard)
			}
		})
	}
}
