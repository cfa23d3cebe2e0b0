//go:build !linux

package process

import "syscall"

// dieWithParent does nothing: only Linux can tie a child's life to its
// parent's. Elsewhere Stop ends the programs, and a killed parent leaves them.
func dieWithParent(*syscall.SysProcAttr) {}

// awaitStopped does not wait: elsewhere a stop may take effect a moment later.
func awaitStopped(int) error { return nil }
