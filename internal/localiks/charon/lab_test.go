package charon_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charon"
)

// orphan tells the test below that it is the child.
const orphan = "CHARON_TEST_ORPHAN"

// TestNothingIsLeftOfAKilledRun has a child process start a lab with programs in
// it and kills the child, so that it can clear nothing up. The programs end, the
// network namespaces with them, and the next lab takes the folder away.
func TestNothingIsLeftOfAKilledRun(t *testing.T) {
	if missing := charon.Missing(); missing != "" {
		t.Skip(missing)
	}
	if os.Getenv(orphan) != "" {
		run(t)

		select {}
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestNothingIsLeftOfAKilledRun$", "-test.v")
	child.Env = append(os.Environ(), orphan+"=yes")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if strings.Contains(lines.Text(), "the gateway runs") {
			break
		}
	}
	// unshare, the shell and what that has started.
	if count := programs(t, dir); count != 3 {
		t.Errorf("%d programs run, want 3; the child said\n%s", count, said.String())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"
	for end := time.Now().Add(time.Minute); programs(t, dir) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d programs outlive their parent", programs(t, dir))
		}
	}
	if left := folders(t, dir); len(left) != 1 {
		t.Fatalf("folders are left: %q, want one", left)
	}
	next, err := charon.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if there := folders(t, dir); len(there) != 1 {
		t.Errorf("with the next lab there are the folders %q, want its own", there)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	if left := folders(t, dir); len(left) != 0 {
		t.Errorf("left is %q", left)
	}
}

// run starts a lab with programs in it.
func run(t *testing.T) {
	t.Helper()
	l, err := charon.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g, err := l.Office.Gateway(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start("sh", "-c", "sleep 1000 & echo it runs; wait"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(g.Log(), "it runs"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the program does not run: %s", g.Log())
		}
	}
	fmt.Println("the gateway runs")
}

// programs counts those that work somewhere in a folder.
func programs(t *testing.T, dir string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, link := range links {
		if folder, err := os.Readlink(link); err == nil && strings.HasPrefix(folder, dir+"/charon-") {
			count++
		}
	}
	return count
}

func folders(t *testing.T, dir string) []string {
	t.Helper()
	there, err := filepath.Glob(filepath.Join(dir, "charon-*"))
	if err != nil {
		t.Fatal(err)
	}
	return there
}
