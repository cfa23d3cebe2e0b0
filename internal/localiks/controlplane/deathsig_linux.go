package controlplane

import "syscall"

// dieWithParent makes the kernel kill the program when the thread that starts
// it ends, and with it also when the parent is killed.
func dieWithParent(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGKILL
}
