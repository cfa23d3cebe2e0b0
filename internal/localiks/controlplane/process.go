package controlplane

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
)

// process is one running program. Its output goes to <folder>/logs/<name>.log.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why it ended; read after done
}

// processes starts programs that do not outlive this process, however it ends.
// The kernel ends a child together with the thread that started it, so all are
// started from one thread that lives until close.
type processes struct {
	folder string // working directory and home of each program
	died   func(name string, err error)
	starts chan func()
	alive  context.Context // the programs' own; it ends with close
	end    context.CancelFunc

	mu      sync.Mutex
	running map[string]*process
}

// newProcesses prepares the folder. died is told of each program that ends
// without having been asked to.
func newProcesses(folder string, died func(name string, err error)) (*processes, error) {
	if err := os.MkdirAll(filepath.Join(folder, "logs"), 0o700); err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	p := &processes{folder: folder, died: died, starts: make(chan func()), running: map[string]*process{}}
	p.alive, p.end = context.WithCancel(context.Background())
	go func() {
		// Never unlocked: the thread ends with this goroutine.
		runtime.LockOSThread()
		for start := range p.starts {
			start()
		}
	}()
	return p, nil
}

// start runs a program with exactly this environment, beside HOME and TMPDIR,
// which are the folder: nothing of the user's settings or proxies reaches it.
func (p *processes) start(name, path string, env []string, args ...string) error {
	logFile := filepath.Join(p.folder, "logs", name+".log")
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", name, err)
	}
	defer func() { _ = output.Close() }() // the program has its own descriptor
	cmd := exec.CommandContext(p.alive, path, args...)
	cmd.Dir = p.folder
	cmd.Env = append([]string{"HOME=" + p.folder, "TMPDIR=" + p.folder}, env...)
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own, so that an interrupt typed at the terminal reaches
	// the parent alone, which then stops everything in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)

	started := make(chan error)
	p.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	proc := &process{name: name, log: logFile, cmd: cmd, done: make(chan struct{})}
	p.mu.Lock()
	p.running[name] = proc
	p.mu.Unlock()
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
		p.mu.Lock()
		unasked := p.running[name] == proc
		p.mu.Unlock()
		if unasked {
			p.died(name, proc.failure())
		}
	}()
	return nil
}

// stop ends a program at once: the data is thrown away with it, so there is
// nothing to save. Stopping what does not run is no error.
func (p *processes) stop(names ...string) {
	var stopped []*process
	p.mu.Lock()
	for _, name := range names {
		if proc, ok := p.running[name]; ok {
			delete(p.running, name)
			stopped = append(stopped, proc)
		}
	}
	p.mu.Unlock()
	for _, proc := range stopped {
		_ = proc.cmd.Process.Kill() // it may have ended by itself
	}
	for _, proc := range stopped {
		<-proc.done
	}
}

// freeze stops all work of a running program until thaw.
func (p *processes) freeze(name string) error {
	proc, err := p.find(name)
	if err != nil {
		return err
	}
	if err := proc.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := awaitStopped(proc.cmd.Process.Pid); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// thaw ends freeze.
func (p *processes) thaw(name string) error {
	proc, err := p.find(name)
	if err != nil {
		return err
	}
	if err := proc.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (p *processes) find(name string) (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	proc, ok := p.running[name]
	if !ok {
		return nil, fmt.Errorf("%s does not run", name)
	}
	return proc, nil
}

// check tells of each program that should run and does not.
func (p *processes) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var failures []error
	for _, proc := range p.running {
		select {
		case <-proc.done:
			failures = append(failures, proc.failure())
		default:
		}
	}
	return errors.Join(failures...)
}

// close ends all programs and the thread that started them. No start may follow.
func (p *processes) close() {
	p.mu.Lock()
	var names []string
	for name := range p.running {
		names = append(names, name)
	}
	p.mu.Unlock()
	p.stop(names...)
	p.end()
	close(p.starts)
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
