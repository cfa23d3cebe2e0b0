package netns_test

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/netns"
)

// Who enters while a namespace is let go of is in, or is told that it is gone.
func TestClose(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	n, err := netns.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{}, 1)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				err := n.Within(func() error { return nil })
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case entered <- struct{}{}:
				default:
				}
			}
		})
	}
	<-entered
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}
