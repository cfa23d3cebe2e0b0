package charon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Gateway is a program in one of the namespaces, strongSwan at the edge of a site
// above all, that runs as it would in a container: with a /run of its own, files
// that are mounted into it, and no capabilities but those that it is given.
type Gateway struct {
	// Env is added to the environment: "NAME=value".
	Env []string
	// Capabilities that the program has, as setpriv names them: "net_admin".
	Capabilities []string

	namespace, dir string
	cmd            *exec.Cmd
	done           chan struct{}
}

// Gateway writes the files into a folder and gives the gateway that finds them there.
func (s *Site) Gateway(files map[string]string) (*Gateway, error) {
	return s.lab.place(s.gateway, files)
}

// Beside is a program on the host of the site, likewise.
func (s *Site) Beside(files map[string]string) (*Gateway, error) { return s.lab.place(s.host, files) }

func (l *Lab) place(namespace string, files map[string]string) (*Gateway, error) {
	dir, err := os.MkdirTemp(l.dir, "gw")
	if err != nil {
		return nil, err
	}
	g := &Gateway{namespace: namespace, dir: dir, Capabilities: []string{"chown", "net_admin", "net_bind_service"}}
	for _, folder := range []string{g.Files(), g.run()} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
	}
	for name, content := range files {
		if err := g.Write(name, content); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Files is the folder with the files.
func (g *Gateway) Files() string { return filepath.Join(g.dir, "files") }

func (g *Gateway) run() string { return filepath.Join(g.dir, "run") }

func (g *Gateway) logFile() string { return filepath.Join(g.dir, "log") }

// Write writes one of the files.
func (g *Gateway) Write(name, content string) error {
	return os.WriteFile(filepath.Join(g.Files(), name), []byte(content), 0o600)
}

// within gives a command in the gateway's place: its network, its /run, its capabilities.
func (g *Gateway) within(ctx context.Context, argv ...string) *exec.Cmd {
	bound := "-all"
	for _, capability := range g.Capabilities {
		bound += ",+" + capability
	}
	all := append([]string{
		"--net=" + namespaceFile(g.namespace), "unshare", "-m", "--propagation", "slave",
		"sh", "-c", `mount -n --bind "$0" /run && exec "$@"`, g.run(), "setpriv", "--bounding-set=" + bound,
	}, argv...)
	cmd := exec.CommandContext(ctx, "nsenter", all...)
	cmd.Env = append(os.Environ(), g.Env...)
	return cmd
}

// Start runs a program as the gateway. Its output goes to the log.
func (g *Gateway) Start(argv ...string) error {
	g.clean()
	log, err := os.OpenFile(g.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// What runs ends by Stop or Kill.
	g.cmd = g.within(context.Background(), argv...)
	g.cmd.Stdout, g.cmd.Stderr = log, log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", argv[0], err)
	}
	g.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		// How it ended stands in the log.
		_ = cmd.Wait()
		close(done)
	}(g.cmd, g.done)
	return nil
}

// clean removes what an earlier run has left in /run: its sockets and process IDs.
func (g *Gateway) clean() {
	entries, err := os.ReadDir(g.run())
	if err != nil {
		return
	}
	for _, entry := range entries {
		_ = os.RemoveAll(filepath.Join(g.run(), entry.Name()))
	}
}

// Do runs a program beside the gateway's, as `kubectl exec` would, and gives what it prints.
func (g *Gateway) Do(ctx context.Context, argv ...string) (string, error) {
	out, err := g.within(ctx, argv...).Output()
	return string(out), err
}

// Running tells whether the program has not ended.
func (g *Gateway) Running() bool {
	if g.done == nil {
		return false
	}
	select {
	case <-g.done:
		return false
	default:
		return true
	}
}

// stopLimit is what Kubernetes gives a pod. A charon that says good-bye to its
// peer takes 40 ms, at times 2 s, on a crowded machine more than 10.
const stopLimit = 30 * time.Second

// Stop asks the program to end, and ends it when it does not.
func (g *Gateway) Stop() error {
	if !g.Running() {
		return nil
	}
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-g.done:
		return nil
	case <-time.After(stopLimit):
		g.Kill()
		return fmt.Errorf("what runs in %s did not stop on SIGTERM", g.namespace)
	}
}

// Kill ends the program and its charon without a word to their peer.
func (g *Gateway) Kill() {
	if !g.Running() {
		return
	}
	if text, err := os.ReadFile(filepath.Join(g.run(), "charon.pid")); err == nil {
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(text))); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	// The process group is the program's own (Setpgid).
	_ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
	<-g.done
}

// Log is all that was printed so far.
func (g *Gateway) Log() string {
	text, err := os.ReadFile(g.logFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
