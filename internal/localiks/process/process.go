// Package process runs the programs that localiks is made of, so that none
// outlives the process that started it.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one running program. Its output goes to <folder>/logs/<name>.log.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why it ended; read after done
}

// Group starts programs that do not outlive this process, however it ends.
// The kernel ends a child together with the thread that started it, so all are
// started from one thread that lives until Close.
type Group struct {
	folder string // working directory and home of each program
	died   func(name string, err error)
	starts chan func()
	alive  context.Context // the programs' own; it ends with Close
	end    context.CancelFunc

	mu      sync.Mutex
	running map[string]*process
}

// New prepares the folder. died is told of each program that ends
// without having been asked to.
func New(folder string, died func(name string, err error)) (*Group, error) {
	return NewWithin(folder, func() error { return nil }, died)
}

// NewWithin is New for programs that are to inherit something of the thread
// that starts them, such as its network namespace: enter, which may change the
// thread as it likes, is called on it before anything else.
func NewWithin(folder string, enter func() error, died func(name string, err error)) (*Group, error) {
	if err := os.MkdirAll(filepath.Join(folder, "logs"), 0o700); err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	g := &Group{folder: folder, died: died, starts: make(chan func()), running: map[string]*process{}}
	entered := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this goroutine.
		runtime.LockOSThread()
		err := enter()
		entered <- err
		if err != nil {
			return
		}
		for start := range g.starts {
			start()
		}
	}()
	if err := <-entered; err != nil {
		return nil, err
	}
	g.alive, g.end = context.WithCancel(context.Background())
	return g, nil
}

// Start runs a program with exactly this environment, beside HOME and TMPDIR,
// which are the folder: nothing of the user's settings or proxies reaches it.
func (g *Group) Start(name, path string, env []string, args ...string) error {
	logFile := filepath.Join(g.folder, "logs", name+".log")
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", name, err)
	}
	defer func() { _ = output.Close() }() // the program has its own descriptor
	cmd := exec.CommandContext(g.alive, path, args...)
	cmd.Dir = g.folder
	cmd.Env = append([]string{"HOME=" + g.folder, "TMPDIR=" + g.folder}, env...)
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own, so that an interrupt typed at the terminal reaches
	// the parent alone, which then stops everything in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)

	started := make(chan error)
	g.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	proc := &process{name: name, log: logFile, cmd: cmd, done: make(chan struct{})}
	g.mu.Lock()
	g.running[name] = proc
	g.mu.Unlock()
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
		g.mu.Lock()
		unasked := g.running[name] == proc
		g.mu.Unlock()
		if unasked {
			g.died(name, proc.failure())
		}
	}()
	return nil
}

// Stop ends a program at once: the data is thrown away with it, so there is
// nothing to save. Stopping what does not run is no error.
func (g *Group) Stop(names ...string) {
	var stopped []*process
	g.mu.Lock()
	for _, name := range names {
		if proc, ok := g.running[name]; ok {
			delete(g.running, name)
			stopped = append(stopped, proc)
		}
	}
	g.mu.Unlock()
	for _, proc := range stopped {
		_ = proc.cmd.Process.Kill() // it may have ended by itself
	}
	for _, proc := range stopped {
		<-proc.done
	}
}

// End asks a program and its children to end, as a container is asked, and
// stops the program when it still runs after a while. It says whether that was
// not needed.
func (g *Group) End(name string, patience time.Duration) bool {
	g.mu.Lock()
	proc, ok := g.running[name]
	delete(g.running, name)
	g.mu.Unlock()
	if !ok {
		return true
	}
	// The process group is the program's own (Setpgid).
	_ = syscall.Kill(-proc.cmd.Process.Pid, syscall.SIGTERM) // it may have ended by itself
	select {
	case <-proc.done:
		return true
	case <-time.After(patience):
		_ = proc.cmd.Process.Kill()
		<-proc.done
		return false
	}
}

// PID is the process ID of a program that should run.
func (g *Group) PID(name string) (int, error) {
	proc, err := g.find(name)
	if err != nil {
		return 0, err
	}
	return proc.cmd.Process.Pid, nil
}

// Freeze stops all work of a running program until Thaw.
func (g *Group) Freeze(name string) error {
	proc, err := g.find(name)
	if err != nil {
		return err
	}
	return proc.freeze()
}

// Thaw ends Freeze.
func (g *Group) Thaw(name string) error {
	proc, err := g.find(name)
	if err != nil {
		return err
	}
	return proc.thaw()
}

// FreezeAll is Freeze for all programs.
func (g *Group) FreezeAll() error { return g.each((*process).freeze) }

// ThawAll is Thaw for all programs.
func (g *Group) ThawAll() error { return g.each((*process).thaw) }

func (g *Group) each(do func(*process) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var failures []error
	for _, proc := range g.running {
		failures = append(failures, do(proc))
	}
	return errors.Join(failures...)
}

func (p *process) freeze() error {
	err := p.cmd.Process.Signal(syscall.SIGSTOP)
	if err == nil {
		err = awaitStopped(p.cmd.Process.Pid)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func (p *process) thaw() error {
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func (g *Group) find(name string) (*process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	proc, ok := g.running[name]
	if !ok {
		return nil, fmt.Errorf("%s does not run", name)
	}
	return proc, nil
}

// Check tells of each program that should run and does not.
func (g *Group) Check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var failures []error
	for _, proc := range g.running {
		select {
		case <-proc.done:
			failures = append(failures, proc.failure())
		default:
		}
	}
	return errors.Join(failures...)
}

// Close ends all programs and the thread that started them. No Start may follow.
func (g *Group) Close() {
	g.mu.Lock()
	var names []string
	for name := range g.running {
		names = append(names, name)
	}
	g.mu.Unlock()
	g.Stop(names...)
	g.end()
	close(g.starts)
}

// failure says how a program ended, with the end of what it wrote.
func (p *process) failure() error {
	reason := p.err
	if reason == nil {
		reason = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended: %w; the end of %s:\n%s", p.name, reason, p.log, lastLines(p.log, 8))
}

func lastLines(file string, count int) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
