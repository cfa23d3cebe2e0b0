package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// TestAccDemo runs the whole demo, which checks every act by itself.
func TestAccDemo(t *testing.T) {
	alone := true
	acctest.UnderEachCLI(t, func(t *testing.T) {
		if alone {
			startsAll(t)
		}
		alone = false // starting and ending clusters is the same under each
		wholeDemo(t)
	})
}

func wholeDemo(t *testing.T) {
	o, temporary := setting(t)
	out := &recorder{}
	if err := show(t.Context(), &screen{to: out, started: time.Now()}, o); err != nil {
		t.Fatalf("%v\n\n%s", err, out)
	}
	t.Logf("%s", out)
	if !strings.Contains(out.String(), "missing\n   + "+guard) {
		t.Errorf("the plan does not name what was changed by hand:\n%s", out)
	}
	empty(t, temporary)
}

// TestAccDemoInterrupted ends the demo in the middle of an apply, as Ctrl-C does.
func TestAccDemoInterrupted(t *testing.T) {
	startsAll(t)
	o, temporary := setting(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &recorder{wait: " apply\n", then: cancel}
	if err := show(ctx, &screen{to: out, started: time.Now()}, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("the demo ended with %v, want context.Canceled\n\n%s", err, out)
	}
	empty(t, temporary)
}

// startsAll has the demo start its clusters itself, as it does elsewhere.
func startsAll(t *testing.T) { t.Setenv("LOCALIKS_LENDER", "") }

// setting prepares what the demo is given, and a folder of its own for all that
// it writes.
func setting(t *testing.T) (o options, temporary string) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run with TF_ACC=1, as `make test` sets it")
	}
	o = options{provider: os.Getenv("IKS_PROVIDER_BINARY"), cli: acctest.CLI(t), example: filepath.Join("..", "..", "examples", "complete")}
	if o.provider == "" {
		o.provider = filepath.Join(t.TempDir(), "terraform-provider-iks")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", o.provider, "../..")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building the provider: %v\n%s", err, out)
		}
	}
	temporary = t.TempDir()
	t.Setenv("TMPDIR", temporary)
	return o, temporary
}

// empty checks that nothing was left in the folder, and no process runs on it.
func empty(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left behind", entry.Name())
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		command, err := os.ReadFile(file)
		if err == nil && bytes.Contains(command, []byte(folder)) {
			t.Errorf("still running: %s", bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
		}
	}
}

// recorder keeps what the demo prints, and does something once it has printed
// the words that it waits for.
type recorder struct {
	wait string
	then func()

	mu  sync.Mutex
	all strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.then != nil && strings.Contains(string(p), r.wait) {
		r.then()
		r.then = nil
	}
	return r.all.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}
