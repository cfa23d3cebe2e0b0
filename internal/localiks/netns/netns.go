// Package netns makes network namespaces without names. The kernel takes one
// away with the process that made it, however that ends, once nothing runs in it.
package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
)

// Namespace is a network namespace. It lives as long as this descriptor, a
// socket or a program in it.
type Namespace struct {
	file *os.File

	closing sync.RWMutex // nobody enters by a descriptor that is somebody else's by now
	closed  bool
}

// New makes a network namespace whose loopback interface is up.
func New(ctx context.Context) (*Namespace, error) {
	n := &Namespace{}
	err := onThread(func() error {
		var err error
		if n.file, err = unshare(); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.IP(ctx, "link set lo up"); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Close lets go of it. Who comes later, such as a look-up that nobody waits for
// any more, does not get in.
func (n *Namespace) Close() error {
	n.closing.Lock()
	defer n.closing.Unlock()
	n.closed = true
	return n.file.Close()
}

// onThread runs a function on a thread that ends with it.
func onThread(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: what do changes goes with the thread
		result <- do()
	}()
	return <-result
}

// Enter moves the calling thread, which must be locked, into the namespace.
func (n *Namespace) Enter() error {
	n.closing.RLock()
	defer n.closing.RUnlock()
	if n.closed {
		return fmt.Errorf("entering a network namespace: %w", os.ErrClosed)
	}
	if err := setns(n.file); err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// Within runs a function inside. Sockets that it opens stay inside for good.
func (n *Namespace) Within(do func() error) error {
	return onThread(func() error {
		if err := n.Enter(); err != nil {
			return err
		}
		return do()
	})
}

// Path names the namespace to ip(8) and nsenter(1) while this process runs.
func (n *Namespace) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// Run runs a program inside and gives what it prints.
func (n *Namespace) Run(ctx context.Context, stdin, program string, args ...string) (string, error) {
	var out bytes.Buffer
	err := n.Within(func() error {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
		return cmd.Run()
	})
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s%s", program, strings.Join(args, " "), err, stdin, out.String())
	}
	return out.String(), nil
}

// IP runs lines of ip(8) inside, all or none of which a caller depends on.
func (n *Namespace) IP(ctx context.Context, lines ...string) error {
	_, err := n.Run(ctx, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
	return err
}

// Sysctl sets keys below /proc/sys/net, such as ipv4/ip_forward, to a value.
func (n *Namespace) Sysctl(value string, keys ...string) error {
	return n.Within(func() error {
		for _, key := range keys {
			if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}
