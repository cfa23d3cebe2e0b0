package process_test

import (
	"fmt"
	"strings"
	"testing"

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
