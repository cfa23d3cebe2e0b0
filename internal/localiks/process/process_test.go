package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
)

func TestProcessesThatEndUnasked(t *testing.T) {
	t.Parallel()
	told := make(chan error, 1)
	dir := t.TempDir()
	g, err := process.New(dir, func(name string, err error) { told <- fmt.Errorf("%s: %w", name, err) })
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start("fails", "/bin/sh", []string{"WORD=because"}, "-c", `echo "$WORD in $HOME"; exit 3`); err != nil {
		t.Fatal(err)
	}
	if err := g.Start("lives", "/bin/sleep", nil, "1000"); err != nil {
		t.Fatal(err)
	}
	err = <-told
	for _, want := range []string{"fails", "exit status 3", "because in " + dir} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if err := g.Check(); err == nil || strings.Contains(err.Error(), "lives") {
		t.Errorf("check: %v", err)
	}
	if err := g.Freeze("fails"); err == nil {
		t.Error("what has ended can be frozen")
	}
	if err := g.Freeze("lives"); err != nil {
		t.Error(err)
	}
	g.Close() // also what is frozen
	if err := g.Check(); err != nil {
		t.Errorf("after close: %v", err)
	}
	select {
	case err := <-told:
		t.Errorf("what was stopped was told of: %v", err)
	default:
	}
	if err := g.Thaw("lives"); err == nil {
		t.Error("what was stopped can be thawed")
	}
}

// A program that is asked to end may say good-bye; one that is deaf is stopped.
func TestProcessesThatAreAskedToEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g, err := process.New(dir, func(name string, err error) { t.Errorf("%s ended unasked: %v", name, err) })
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for name, script := range map[string]string{
		"polite": "trap 'echo good-bye; exit 0' TERM; touch polite; while :; do sleep 0.01; done",
		"deaf":   "trap '' TERM; touch deaf; while :; do sleep 0.01; done",
	} {
		if err := g.Start(name, "/bin/sh", []string{"PATH=" + os.Getenv("PATH")}, "-c", script); err != nil {
			t.Fatal(err)
		}
		for { // its trap is set
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				break
			}
			runtime.Gosched()
		}
	}
	g.End("polite", time.Minute)
	if said, err := os.ReadFile(filepath.Join(dir, "logs", "polite.log")); err != nil || !strings.HasSuffix(string(said), "good-bye\n") {
		t.Errorf("it said %q, %v", said, err)
	}
	g.End("deaf", 100*time.Millisecond)
	if err := g.Freeze("deaf"); err == nil {
		t.Error("it still runs")
	}
	g.End("nobody", time.Minute)
}
