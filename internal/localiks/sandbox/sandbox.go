// Package sandbox runs programs of this machine as a container engine runs
// those of an image: in a network namespace, in a process namespace and on a root
// file system of their own, with the rights that they are given. Nothing of it
// outlives the process that made it, however that ends.
//
// Linux, root and Debian's util-linux are needed.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
)

// Image is what is run for a container image: the programs of this machine, with
// some of them under other names, and a few more.
type Image struct {
	// Links are paths in the container and the programs of this machine that
	// are there: "/coredns".
	Links map[string]string
	// Scripts are further programs by their paths.
	Scripts map[string]string
	// Entrypoint is what runs in a container that names no command.
	Entrypoint []string
}

// Files are folders by their paths, and in each its files' contents by name.
type Files map[string]map[string][]byte

// Layout is what lies over the machine's file system.
type Layout struct {
	Image Image
	Files Files
	// Empty are folders that are empty and can be written to.
	Empty    []string
	ReadOnly bool
	// Resolver is what /etc/resolv.conf says; "" for the machine's.
	Resolver string
}

// Sandbox is where programs run. What they write is gone with it.
type Sandbox struct {
	dir     string
	running *process.Group
	outputs atomic.Int64

	mu    sync.Mutex
	ended map[string]chan error
}

// New prepares one in a folder of its own; enter moves the calling thread into
// its network.
func New(dir string, enter func() error, l Layout) (*Sandbox, error) {
	s := &Sandbox{dir: dir, ended: map[string]chan error{}}
	if err := s.Write(l.Files); err != nil {
		return nil, err
	}
	arrive := func() error {
		if err := enter(); err != nil {
			return err
		}
		return l.mount(dir)
	}
	var err error
	s.running, err = process.NewWithin(dir, arrive, s.note)
	return s, err
}

// volume is where the files of a folder of the sandbox lie on this machine.
func volume(dir, path string) string {
	return filepath.Join(dir, "volumes", strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
}

// Write brings files into the sandbox, also while programs run in it. Of the
// folders that are named, others go.
func (s *Sandbox) Write(files Files) error {
	for path, contents := range files {
		at := volume(s.dir, path)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		there, err := os.ReadDir(at)
		if err != nil {
			return err
		}
		for _, old := range there {
			if _, stays := contents[old.Name()]; !stays {
				if err := os.Remove(filepath.Join(at, old.Name())); err != nil {
					return err
				}
			}
		}
		for name, content := range contents {
			if err := os.WriteFile(filepath.Join(at, name), content, 0o444); err != nil {
				return err
			}
		}
	}
	return nil
}

// note remembers how a program ended that nobody asked to.
func (s *Sandbox) note(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard := s.ended[name]; heard != nil {
		heard <- err
		delete(s.ended, name)
	}
}

// Command is a program, and with which rights it runs.
type Command struct {
	Argv, Env []string
	User      int64
	// Capabilities that it is bound to, as setpriv names them; nil for all.
	Capabilities []string
	// NoNew keeps it from gaining privileges.
	NoNew bool
	// Beside is a program that runs, whose process namespace this one is to be
	// in as well; "" for one of its own.
	Beside string
}

// Start runs a program under a name of the caller's. How it ended is said once,
// unless it was asked to.
func (s *Sandbox) Start(name string, c Command) (ended <-chan error, err error) {
	program, args := "/usr/bin/unshare", []string{"--pid", "--fork", "--kill-child", "--mount-proc", "setpriv"}
	if c.Beside != "" {
		target, err := s.inside(c.Beside)
		if err != nil {
			return nil, err
		}
		program, args = "/usr/bin/nsenter", []string{
			"--mount=" + target + "ns/mnt", "--pid=" + target + "ns/pid_for_children", "--root=" + target + "root", "--wd=" + target + "root", "setpriv",
		}
	}
	if c.User != 0 {
		id := fmt.Sprint(c.User)
		args = append(args, "--reuid", id, "--regid", id, "--clear-groups")
	}
	if c.Capabilities != nil {
		bound := "-all"
		for _, one := range c.Capabilities {
			bound += ",+" + one
		}
		args = append(args, "--inh-caps=-all", "--bounding-set="+bound)
	}
	if c.NoNew {
		args = append(args, "--no-new-privs")
	}
	heard := make(chan error, 1)
	s.mu.Lock()
	s.ended[name] = heard
	s.mu.Unlock()
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, c.Env...)
	return heard, s.running.Start(name, program, env, append(append(args, "--"), c.Argv...)...)
}

// inside is the folder in /proc of the process that has made the process
// namespace of a program, once that has its own /proc: there, nobody of outside is
// to be seen.
func (s *Sandbox) inside(name string) (string, error) {
	pid, err := s.running.PID(name)
	if err != nil {
		return "", err
	}
	folder := fmt.Sprintf("/proc/%d/", pid)
	for end := time.Now().Add(Grace); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Readlink(folder + "root/proc/self"); errors.Is(err, os.ErrNotExist) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("%s has no process namespace of its own yet", name)
}

// Run runs a program to its end and gives its exit code.
func (s *Sandbox) Run(ctx context.Context, name string, c Command) (int, error) {
	ended, err := s.Start(name, c)
	if err != nil {
		return 0, err
	}
	select {
	case err := <-ended:
		return ExitCode(err), nil
	case <-ctx.Done():
		s.running.Stop(name)
		return 0, ctx.Err()
	}
}

// Output runs a program to its end and gives what it prints on standard output.
func (s *Sandbox) Output(ctx context.Context, c Command) (string, error) {
	name := fmt.Sprintf("output-%d", s.outputs.Add(1))
	argv := c.Argv
	c.Argv = append([]string{"/bin/sh", "-c", `exec "$@" 2>/dev/null`, "sh"}, argv...)
	code, err := s.Run(ctx, name, c)
	if err != nil {
		return "", err
	}
	out := s.Log(name)
	if err := os.Remove(s.logFile(name)); err != nil {
		return "", err
	}
	if code != 0 {
		return out, fmt.Errorf("%s: exit status %d", strings.Join(argv, " "), code)
	}
	return out, nil
}

// ExitCode reads how a program ended.
func ExitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func (s *Sandbox) logFile(name string) string { return filepath.Join(s.dir, "logs", name+".log") }

// Log is what a program has printed.
func (s *Sandbox) Log(name string) string { return Log(s.dir, name) }

// Log is what a program of the sandbox in a folder has printed.
func Log(dir, name string) string {
	text, err := os.ReadFile((&Sandbox{dir: dir}).logFile(name))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// End asks a program to end, and ends it when it does not within the patience.
// It says whether the program ended by itself.
func (s *Sandbox) End(name string, patience time.Duration) bool {
	return s.running.End(name, patience)
}

// Kill ends a program and all that it has started at once.
func (s *Sandbox) Kill(name string) { s.running.Stop(name) }

// Grace is what programs have to say good-bye.
const Grace = 10 * time.Second

// Close asks programs to end and takes the sandbox away.
func (s *Sandbox) Close(names ...string) {
	for _, name := range names {
		s.running.End(name, Grace)
	}
	s.running.Close()
}
