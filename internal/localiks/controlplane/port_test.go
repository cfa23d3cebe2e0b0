package controlplane

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// shareBound makes a listener share its port, as --permit-port-sharing does.
func shareBound(_, _ string, connection syscall.RawConn) error {
	var failure error
	err := connection.Control(func(socket uintptr) {
		failure = unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return failure
}
