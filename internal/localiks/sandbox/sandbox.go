package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
)

// Image is what a lab runs for a container image: the programs of this machine,
// with some of them under other names.
type Image struct {
	// Links are paths in the container and the programs of this machine that
	// are there: "/coredns".
	Links map[string]string
}

// Files are folders by their paths, and in each its files' contents by name.
type Files map[string]map[string][]byte

// sandbox is where programs run as they do in a container: in the network of a
// host, as the first of their own process namespace, on a root file system that
// is this machine's with a few things laid over it. What they write is gone
// with them. They end with this process, however it ends.
type sandbox struct {
	dir     string
	running *process.Group

	mu    sync.Mutex
	ended map[string]chan error
}

// layout is what lies over the machine's file system.
type layout struct {
	image    Image
	files    Files
	empty    []string // folders that are empty and can be written to
	readOnly bool
	resolver string // what /etc/resolv.conf says; "" for the machine's
}

// newSandbox prepares one in a folder of its own.
func newSandbox(dir string, h *Host, l layout) (*sandbox, error) {
	s := &sandbox{dir: dir, ended: map[string]chan error{}}
	if err := s.write(l.files); err != nil {
		return nil, err
	}
	enter := func() error {
		if err := h.enter(); err != nil {
			return err
		}
		return l.mount(dir)
	}
	var err error
	s.running, err = process.NewWithin(dir, enter, s.note)
	return s, err
}

// volume is where the files of a folder of the sandbox lie on this machine.
func volume(dir, path string) string {
	return filepath.Join(dir, "volumes", strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
}

// write brings files into the sandbox, also while programs run in it.
func (s *sandbox) write(files Files) error {
	for path, contents := range files {
		if err := os.MkdirAll(volume(s.dir, path), 0o755); err != nil {
			return err
		}
		for name, content := range contents {
			if err := os.WriteFile(filepath.Join(volume(s.dir, path), name), content, 0o444); err != nil {
				return err
			}
		}
	}
	return nil
}

// note remembers how a program ended that nobody asked to.
func (s *sandbox) note(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard := s.ended[name]; heard != nil {
		heard <- err
		delete(s.ended, name)
	}
}

// command is a program, and with which rights it runs.
type command struct {
	argv, env []string
	user      int64
	// capabilities that it is bound to, as setpriv names them; nil for all.
	capabilities []string
	noNew        bool // privileges
}

// start runs a program under a name of the caller's. How it ended is said once,
// unless it was asked to.
func (s *sandbox) start(name string, c command) (ended <-chan error, err error) {
	args := []string{"--pid", "--fork", "--kill-child", "--mount-proc", "setpriv"}
	if c.user != 0 {
		id := fmt.Sprint(c.user)
		args = append(args, "--reuid", id, "--regid", id, "--clear-groups")
	}
	if c.capabilities != nil {
		bound := "-all"
		for _, one := range c.capabilities {
			bound += ",+" + one
		}
		args = append(args, "--inh-caps=-all", "--bounding-set="+bound)
	}
	if c.noNew {
		args = append(args, "--no-new-privs")
	}
	heard := make(chan error, 1)
	s.mu.Lock()
	s.ended[name] = heard
	s.mu.Unlock()
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, c.env...)
	return heard, s.running.Start(name, "/usr/bin/unshare", env, append(append(args, "--"), c.argv...)...)
}

// run runs a program to its end and gives its exit code.
func (s *sandbox) run(ctx context.Context, name string, c command) (int, error) {
	ended, err := s.start(name, c)
	if err != nil {
		return 0, err
	}
	select {
	case err := <-ended:
		return exitCode(err), nil
	case <-ctx.Done():
		s.running.Stop(name)
		return 0, ctx.Err()
	}
}

// exitCode reads how a program ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// log is what a program has printed.
func (s *sandbox) log(name string) string {
	text, err := os.ReadFile(filepath.Join(s.dir, "logs", name+".log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// grace is what programs have to say good-bye.
const grace = 10 * time.Second

// close asks programs to end and takes the sandbox away.
func (s *sandbox) close(names ...string) {
	for _, name := range names {
		s.running.End(name, grace)
	}
	s.running.Close()
}
