package controlplane

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// port is a TCP port on 127.0.0.1 that stays reserved until release. The
// program that serves it must share it (SO_REUSEPORT), so nobody can take the
// port between choosing and serving, nor while the program is stopped.
type port struct {
	number int
	socket int
}

func reservePort() (*port, error) {
	syscall.ForkLock.RLock()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	p := &port{socket: socket}
	if err := p.bind(); err != nil {
		p.release()
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	return p, nil
}

// bind takes a free port without listening on it: a connection is refused
// until somebody does.
func (p *port) bind() error {
	if err := unix.SetsockoptInt(p.socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(p.socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	bound, err := unix.Getsockname(p.socket)
	if err != nil {
		return err
	}
	address, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		return fmt.Errorf("bound to a %T", bound)
	}
	p.number = address.Port
	return nil
}

func (p *port) release() { _ = unix.Close(p.socket) }
