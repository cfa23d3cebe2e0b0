package netns

import (
	"os"

	"golang.org/x/sys/unix"
)

// unshare moves the calling thread into a new network namespace and gives it.
func unshare() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return os.Open("/proc/thread-self/ns/net")
}

// setns moves the calling thread into a network namespace.
func setns(namespace *os.File) error {
	return unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
}
