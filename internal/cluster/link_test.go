package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// The API server's token is replaced before it expires and after a refusal. While
// it lives, neither a slow nor a failing IKS is in anybody's way.
func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(nil, iks.Cluster{}, iks.AccessOptions{}, kube.Options{}, time.Now)
		var asked atomic.Int32
		var out atomic.Bool
		l.access.ask = func(context.Context) (iks.Access, error) {
			time.Sleep(2 * time.Second)
			if out.Load() {
				return iks.Access{}, errors.New("IKS is out")
			}
			return iks.Access{Token: fmt.Sprint(asked.Add(1)), TokenExpiry: time.Now().Add(time.Hour)}, nil
		}
		for _, step := range []struct {
			name    string
			after   time.Duration
			outage  bool
			refused bool
			want    string // empty: the outage is reported
			waits   bool
		}{
			{name: "the first", want: "1", waits: true},
			{name: "nearly an hour later", after: 54 * time.Minute, want: "1"},
			{name: "its end is near", after: 90 * time.Second, want: "1"},
			{name: "the next one is there", after: 3 * time.Second, want: "2"},
			{name: "IKS is out", after: 56 * time.Minute, outage: true, want: "2"},
			{name: "its last minute", after: 2 * time.Minute, outage: true, want: "2"},
			{name: "it is over", after: 2 * time.Minute, outage: true, waits: true},
			{name: "IKS is back", want: "3", waits: true},
			{name: "another one was refused a moment ago", after: time.Second, refused: true, want: "3"},
			{name: "it is refused", after: time.Minute, refused: true, want: "4", waits: true},
		} {
			time.Sleep(step.after)
			out.Store(step.outage)
			began := time.Now()
			token, err := l.token(t.Context(), step.refused)
			if token != step.want || (err == nil) != (step.want != "") {
				t.Errorf("%s: %q, %v; want %q", step.name, token, err, step.want)
			}
			if waited := time.Since(began) > 0; waited != step.waits {
				t.Errorf("%s: waited for IKS: %t, want %t", step.name, waited, step.waits)
			}
		}
		synctest.Wait()
	})
}
