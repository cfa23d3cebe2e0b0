package acctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Workspace is a folder with a configuration, driven by the real command line.
// It shows what terraform-plugin-testing hides: warnings, exit codes, plans saved
// by one process and applied by another.
type Workspace struct {
	t   testing.TB
	dir string
	// Env is added to the environment of each run. Where it holds more than
	// variables of the configuration, the command line starts the provider itself,
	// for it to see that; else it is led to one in this process.
	Env []string
	// starts says that it starts the provider itself anyway.
	starts bool
}

// NewWorkspace writes a configuration into a folder of its own.
func NewWorkspace(t testing.TB, config string) *Workspace {
	t.Helper()
	w := &Workspace{t: t, dir: t.TempDir()}
	w.file("cli.tfrc", overrides(map[string]string{"iks-patterns/iks": startable(t)}))
	w.file("versions.tf", `terraform {
  required_providers {
    iks = { source = "iks-patterns/iks" }
  }
}
`)
	w.Write(config)
	return w
}

// Write replaces the configuration.
func (w *Workspace) Write(config string) { w.file("main.tf", config) }

// Dir is the folder.
func (w *Workspace) Dir() string { return w.dir }

func (w *Workspace) file(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Diagnostic is one error or warning that a run showed.
type Diagnostic struct {
	Severity, Summary, Detail string
}

// Change is one planned or applied change.
type Change struct {
	// Address of the resource; Action is create, update, delete, replace, noop, ...
	Address, Action string
}

// Result of a run.
type Result struct {
	ExitCode    int
	Diagnostics []Diagnostic
	// Planned are the changes of a plan or apply.
	Planned []Change
	// Output is everything that was printed.
	Output string
}

// Errors are the diagnostics of severity error, as "summary: detail".
func (r Result) Errors() []string { return r.texts("error") }

// Warnings are the diagnostics of severity warning, as "summary: detail".
func (r Result) Warnings() []string { return r.texts("warning") }

func (r Result) texts(severity string) []string {
	var out []string
	for _, d := range r.Diagnostics {
		if d.Severity == severity && !strings.Contains(d.Summary, "development overrides") {
			out = append(out, d.Summary+": "+d.Detail)
		}
	}
	return out
}

// Plan runs plan. Changes that the refresh found are in Result.Planned too.
func (w *Workspace) Plan(args ...string) Result { return w.Run("plan", args...) }

// Apply runs apply without asking.
func (w *Workspace) Apply(args ...string) Result {
	return w.Run("apply", append([]string{"-auto-approve"}, args...)...)
}

// Destroy runs destroy without asking.
func (w *Workspace) Destroy(args ...string) Result {
	return w.Run("destroy", append([]string{"-auto-approve"}, args...)...)
}

// MustApply fails the test unless apply exits with 0.
func (w *Workspace) MustApply(args ...string) Result {
	w.t.Helper()
	return w.must(w.Apply(args...))
}

// MustDestroy fails the test unless destroy exits with 0.
func (w *Workspace) MustDestroy(args ...string) Result {
	w.t.Helper()
	return w.must(w.Destroy(args...))
}

// expect fails the test unless an action is planned for an address.
func (w *Workspace) expect(r Result, address, action string) {
	w.t.Helper()
	for _, c := range r.Planned {
		if c.Address == address && c.Action == action {
			return
		}
	}
	w.t.Errorf("want %s to be planned as %s; planned is %v", address, action, r.Planned)
}

// MustPlanEmpty fails the test unless a plan has nothing to do.
func (w *Workspace) MustPlanEmpty() Result {
	w.t.Helper()
	r := w.must(w.Plan())
	for _, c := range r.Planned {
		if c.Action != "noop" && c.Action != "no-op" && c.Action != "read" {
			w.t.Fatalf("the plan is not empty: %s %s\n%s", c.Action, c.Address, r.Output)
		}
	}
	return r
}

func (w *Workspace) must(r Result) Result {
	w.t.Helper()
	if r.ExitCode != 0 {
		w.t.Fatalf("exit code %d:\n%s", r.ExitCode, strings.Join(r.Errors(), "\n"))
	}
	return r
}

// within makes another test the one that fails, until the function is called
// that it gives.
func (w *Workspace) within(t testing.TB) (back func()) {
	before := w.t
	w.t = t
	return func() { w.t = before }
}

// runLimit bounds one run of the command line.
const runLimit = 5 * time.Minute

// Run runs a verb with -json where it knows it and reads what it says.
func (w *Workspace) Run(verb string, args ...string) Result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	r := w.RunContext(ctx, verb, args...)
	if ctx.Err() != nil {
		w.t.Fatalf("%s did not end within %s. It said:\n%s", verb, runLimit, r.Output)
	}
	return r
}

// RunContext is Run with a context whose end interrupts the command line, as
// Ctrl-C does.
func (w *Workspace) RunContext(ctx context.Context, verb string, args ...string) Result {
	w.t.Helper()
	all := []string{verb}
	switch verb {
	case "plan", "apply", "destroy", "refresh":
		all = append(all, "-json", "-no-color", "-input=false")
	}
	r := w.run(ctx, append(all, args...)...)
	r.read([]byte(r.Output))
	return r
}

// run runs the command line with exactly these arguments.
func (w *Workspace) run(ctx context.Context, args ...string) Result {
	w.t.Helper()
	cmd := exec.CommandContext(ctx, CLI(w.t), args...)
	cmd.Dir = w.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	// What logs are asked for here is no matter of the command line's.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TF_LOG") })
	cmd.Env = append(cmd.Env, "TF_CLI_CONFIG_FILE="+filepath.Join(w.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	cmd.Env = append(cmd.Env, w.Env...)
	if w.starts || slices.ContainsFunc(w.Env, func(v string) bool { return !strings.HasPrefix(v, "TF_VAR_") }) {
		// A race that is found ends it, which the command line notices; else the race
		// detector would wait for a second at each end.
		cmd.Env = append(cmd.Env, startedVariable+"=1", "GORACE=halt_on_error=1 atexit_sleep_ms=0")
	} else {
		here, end := serve(w.t, ours.provider())
		defer end()
		cmd.Env = append(cmd.Env, here)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	r := Result{Output: out.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.ExitCode = exit.ExitCode()
	case err != nil:
		w.t.Fatalf("%s %s: %v", CLI(w.t), args[0], err)
	}
	return r
}

// read takes the machine-readable lines of a run apart.
func (r *Result) read(out []byte) {
	for line := range bytes.Lines(out) {
		var message struct {
			Type       string     `json:"type"`
			Diagnostic Diagnostic `json:"diagnostic"`
			Change     struct {
				Resource struct {
					Addr string `json:"addr"`
				} `json:"resource"`
				Action string `json:"action"`
			} `json:"change"`
		}
		if json.Unmarshal(line, &message) != nil {
			continue
		}
		switch message.Type {
		case "diagnostic":
			r.Diagnostics = append(r.Diagnostics, message.Diagnostic)
		case "planned_change":
			r.Planned = append(r.Planned, Change{Address: message.Change.Resource.Addr, Action: message.Change.Action})
		}
	}
}
