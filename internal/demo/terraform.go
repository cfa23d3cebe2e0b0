package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// terraform drives the command line in a folder of its own, with the provider
// installed from a mirror on disk: init works as for every user, offline.
type terraform struct {
	*screen
	cli, name string // path, and what a person types
	dir       string
	env       []string
}

// version under which the mirror offers the provider.
const version = "0.0.1"

func newTerraform(s *screen, o options, dir string, env []string) (*terraform, error) {
	t := &terraform{screen: s, cli: o.cli, name: filepath.Base(o.cli), dir: dir}
	mirror := filepath.Join(dir, "mirror")
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(mirror, registry, "iks-patterns", "iks", version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		provider, err := filepath.Abs(o.provider)
		if err != nil {
			return nil, err
		}
		if err := os.Symlink(provider, filepath.Join(folder, "terraform-provider-iks_v"+version)); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(config, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600); err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "configuration"), os.DirFS(o.example)); err != nil {
		return nil, fmt.Errorf("copying the example: %w", err)
	}
	t.dir = filepath.Join(dir, "configuration")
	t.env = append(clean(os.Environ()), env...)
	t.env = append(t.env, "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
	return t, nil
}

// clean leaves out of the caller's environment what would change the demo.
func clean(environment []string) []string {
	var out []string
	for _, entry := range environment {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "IC_") && !strings.HasPrefix(entry, "IBMCLOUD_") {
			out = append(out, entry)
		}
	}
	return out
}

func (t *terraform) init(ctx context.Context) error {
	t.command(t.name + " init")
	started := time.Now()
	if _, err := t.run(ctx, nil, "init", "-no-color"); err != nil {
		return err
	}
	t.timed("initialised", time.Since(started))
	return nil
}

// apply applies the plan that was made last.
func (t *terraform) apply(ctx context.Context) error {
	t.command(t.name + " apply")
	summary, err := t.follow(ctx, nil, "apply", "-json", savedPlan)
	if err != nil {
		return err
	}
	t.line("%s", summary)
	return nil
}

func (t *terraform) destroy(ctx context.Context) error {
	t.command(t.name + " destroy")
	summary, err := t.follow(ctx, t.warning, "destroy", "-json", "-auto-approve")
	if err != nil {
		return err
	}
	t.line("%s", summary)
	return nil
}

// savedPlan is the file that plan writes and apply applies.
const savedPlan = "saved"

// plan makes a plan, shows its changes and gives them. Warnings go to warn, if
// it is given.
func (t *terraform) plan(ctx context.Context, warn func(summary, detail string)) ([]change, error) {
	t.command(t.name + " plan")
	summary, err := t.follow(ctx, warn, "plan", "-json", "-out="+savedPlan)
	if err != nil {
		return nil, err
	}
	raw, err := t.run(ctx, nil, "show", "-json", savedPlan)
	if err != nil {
		return nil, err
	}
	changes, err := planned(raw)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		t.line("%s", t.style(bold, c.sign()+" "+c.Address))
		for _, sentence := range c.Drift {
			t.line("    %s", sentence)
		}
	}
	t.line("%s", summary)
	return changes, nil
}

// follow runs a verb and shows what its machine-readable output says of
// resources. Warnings go to warn, each once; errors become the error.
func (t *terraform) follow(ctx context.Context, warn func(summary, detail string), arguments ...string) (summary string, err error) {
	var failures []error
	begun, warned := map[string]time.Time{}, map[string]bool{}
	_, err = t.run(ctx, func(line []byte) {
		var e event
		if json.Unmarshal(line, &e) != nil {
			return
		}
		switch address := e.Hook.Resource.Addr; e.Type {
		case "apply_start":
			begun[address] = time.Now()
		case "apply_complete":
			t.timed(e.Hook.done()+" "+address, time.Since(begun[address]))
		case "change_summary":
			summary = e.Message
		case "diagnostic":
			d := e.Diagnostic
			if d.Severity == "error" {
				failures = append(failures, fmt.Errorf("%s: %s\n%s", d.Address, d.Summary, d.Detail))
			} else if warn != nil && !warned[d.Summary+d.Detail] {
				warned[d.Summary+d.Detail] = true
				warn(d.Summary, d.Detail)
			}
		}
	}, arguments...)
	if len(failures) > 0 {
		err = errors.Join(failures...)
	}
	return summary, err
}

// run runs a verb in its own process group and ends the whole group with it, so
// that no plugin outlives the demo. each gets the lines as they come; without it
// the output is given back.
func (t *terraform) run(ctx context.Context, each func(line []byte), arguments ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, t.cli, arguments...)
	cmd.Dir, cmd.Env = t.dir, t.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the clusters go as well
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	lines := bufio.NewReader(io.TeeReader(stdout, &out))
	for {
		line, err := lines.ReadBytes('\n')
		if each != nil && len(line) > 0 {
			each(line)
		}
		if err != nil {
			break // the end, or the pipe of a process that was ended: Wait says which
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", t.name, arguments[0], err, out.String(), stderr.String())
	}
	return out.Bytes(), nil
}
