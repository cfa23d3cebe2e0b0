package dataplane_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// orphan tells the test below that it is the child.
const orphan = "DATAPLANE_TEST_ORPHAN"

// TestEndsWithAKilledParent starts a lab in a child process, kills the child so
// that it can clear nothing up, and sees all network namespaces go.
func TestEndsWithAKilledParent(t *testing.T) {
	if os.Getenv(orphan) != "" {
		start(t)
		fmt.Println("orphan is ready")

		select {}
	}
	t.Parallel()
	packets(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), executable, "-test.run", "^TestEndsWithAKilledParent$", "-test.v")
	child.Env = append(os.Environ(), orphan+"=yes", "TMPDIR="+dir)
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
	namespaces := map[string]bool{}
	for _, p := range processes(t) {
		if strings.HasPrefix(p.folder, dir+"/dataplane-") {
			namespaces[p.namespace] = true
		}
	}
	// Programs run in the namespaces of two workers and of the cluster's DNS.
	if !ready || len(namespaces) != 3 {
		t.Errorf("programs run in %d namespaces, want 3; the child said\n%s", len(namespaces), said.String())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"
	deadline := time.After(time.Minute)
	for {
		left := 0
		for _, p := range processes(t) {
			if namespaces[p.namespace] {
				left++
			}
		}
		if left == 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d programs outlive their parent", left)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// running is a process, where it works and its network namespace.
type running struct{ folder, namespace string }

func processes(t *testing.T) []running {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var list []running
	for _, link := range links {
		folder, err := os.Readlink(link)
		if err != nil {
			continue // it is gone by now
		}
		if namespace, err := os.Readlink(filepath.Join(filepath.Dir(link), "ns", "net")); err == nil {
			list = append(list, running{folder: folder, namespace: namespace})
		}
	}
	return list
}
