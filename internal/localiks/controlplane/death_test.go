package controlplane_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// orphanFolder tells the test below that it is the child, and where to work.
const orphanFolder = "LOCALIKS_TEST_ORPHAN_FOLDER"

// TestEndsWithAKilledParent starts a control plane in a child process, kills
// the child so that it can clear nothing up, and sees all programs end.
func TestEndsWithAKilledParent(t *testing.T) {
	if dir := os.Getenv(orphanFolder); dir != "" {
		orphan(t, dir)
		return
	}
	t.Parallel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), executable, "-test.run", "^TestEndsWithAKilledParent$", "-test.v")
	child.Env = append(os.Environ(), orphanFolder+"="+dir)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	ready := false
	for lines := bufio.NewScanner(output); !ready && lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		ready = strings.Contains(lines.Text(), "orphan is ready")
	}
	if programs := programsIn(t, dir); !ready || programs != 6 {
		t.Errorf("%d programs run, want 6; the child said\n%s", programs, said.String())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"
	await(t, "programs ended", func(context.Context) error {
		if programs := programsIn(t, dir); programs != 0 {
			return fmt.Errorf("%d programs outlive their parent", programs)
		}
		return nil
	})
}

// orphan runs a control plane until it is killed.
func orphan(t *testing.T, dir string) {
	_, err := controlplane.Start(t.Context(), controlplane.Options{Name: "orphan", Dir: dir, CalicoAPI: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("orphan is ready")

	select {}
}
