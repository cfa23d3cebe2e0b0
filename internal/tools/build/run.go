package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// runGo runs the go command in a module's folder and gives what it printed.
func runGo(ctx context.Context, folder string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	cmd.Env = environment(os.Environ())
	// The compilers that go starts must end with it, so signal the whole group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("go %s in %s: %w\n%s", args[0], folder, err, tail(stderr.String(), 4000))
	}
	return stdout.Bytes(), nil
}

// environment is the caller's without what would change the outcome of a
// build. Where modules come from (GOPROXY and its kin) stays the caller's
// choice: go.sum decides what they must contain.
func environment(outside []string) []string {
	ours := map[string]string{
		"CGO_ENABLED": "0",
		"GO111MODULE": "on",
		"GOARCH":      runtime.GOARCH,
		// Not empty: the go command reads an empty setting as none at all and
		// then takes the one in the user's go/env file.
		"GOFLAGS": "-mod=readonly " + compilerFlags(),
		// The compilers collect garbage less often.
		"GOGC":   "400",
		"GOOS":   runtime.GOOS,
		"GOWORK": "off",
	}
	dropped := []string{"GOAMD64", "GOARM64", "GODEBUG", "GOEXPERIMENT", "GOCOVERDIR", "GOTMPDIR"}
	var env []string
	for _, entry := range outside {
		name, _, _ := strings.Cut(entry, "=")
		if _, ok := ours[name]; !ok && !slices.Contains(dropped, name) {
			env = append(env, entry)
		}
	}
	for name, value := range ours {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// compilerFlags make compiling take less. Without DWARF, which the linker throws
// away, that is a tenth. What programs call clouds with is never run here, and is
// a fifth of OpenTofu and a minute of Felix: without inlining half of that.
func compilerFlags() string {
	flags := []string{"-gcflags=all=-dwarf=false"}
	for _, sdk := range []string{"github.com/aws", "github.com/Azure", "github.com/aliyun", "github.com/tencentcloud", "github.com/envoyproxy", "cloud.google.com/go"} {
		flags = append(flags, "'-gcflags="+sdk+"/...=-dwarf=false -l'")
	}
	return strings.Join(flags, " ")
}

// moduleFolder is where a required module's source lies in the module cache.
func moduleFolder(ctx context.Context, folder, module string) (string, error) {
	// Unlike go list -m, this downloads the source where only go.mod is there.
	out, err := runGo(ctx, folder, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", fmt.Errorf("folder of module %s: %w", module, err)
	}
	return answer.Dir, nil
}

// copyFiles copies the files that match the pattern into a folder.
func copyFiles(pattern, to string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("files %s: %w", pattern, err)
	}
	if len(matches) == 0 {
		return fmt.Errorf("files %s: there are none", pattern)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, from := range matches {
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(from)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tail is the end of a text: the last error lines say what went wrong.
func tail(text string, limit int) string {
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	return "..." + text[len(text)-limit:]
}
