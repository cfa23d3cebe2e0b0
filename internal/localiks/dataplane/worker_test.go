package dataplane

import (
	"fmt"
	"os/exec"
	"testing"
)

func TestRestarts(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{"exit 129": true, "exit 1": false, "kill -HUP $$": false, "exit 0": false} {
		err := exec.CommandContext(t.Context(), "sh", "-c", script).Run()
		if err != nil {
			err = fmt.Errorf("calico-felix ended: %w", err)
		}
		if got := restarts(err); got != want {
			t.Errorf("%s (%v): %t, want %t", script, err, got, want)
		}
	}
}
