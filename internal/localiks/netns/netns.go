package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// namespace is a network namespace without a name. It lives as long as this
// descriptor, a socket or a program in it.
type namespace struct{ file *os.File }

// newNamespace makes a network namespace whose loopback interface is up.
func newNamespace(ctx context.Context) (*namespace, error) {
	n := &namespace{}
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
	if _, err := n.run(ctx, "", "ip", "link", "set", "lo", "up"); err != nil {
		return nil, errors.Join(err, n.file.Close())
	}
	return n, nil
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

// enter moves the calling thread, which must be locked, into the namespace.
func (n *namespace) enter() error {
	if err := setns(n.file); err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// within runs a function inside. Sockets that it opens stay inside for good.
func (n *namespace) within(do func() error) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return do()
	})
}

// path names the namespace to ip(8) and nsenter(1) while this process runs.
func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// run runs a program inside and gives what it prints.
func (n *namespace) run(ctx context.Context, stdin, program string, args ...string) (string, error) {
	var out bytes.Buffer
	err := n.within(func() error {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
		return cmd.Run()
	})
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s%s", program, strings.Join(args, " "), err, stdin, out.String())
	}
	return out.String(), nil
}

// ip runs lines of ip(8) inside, all or none of which a caller depends on.
func (n *namespace) ip(ctx context.Context, lines ...string) error {
	_, err := n.run(ctx, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
	return err
}

// sysctl sets keys below /proc/sys/net, such as ipv4/ip_forward, to a value.
func (n *namespace) sysctl(value string, keys ...string) error {
	return n.within(func() error {
		for _, key := range keys {
			if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}
