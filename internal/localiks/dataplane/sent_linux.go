package dataplane

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// sentAgain says whether TCP has lost packets of a connection on their way out,
// and sent them again.
func sentAgain(connection net.Conn) (bool, error) {
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return false, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false, err
	}
	var info *unix.TCPInfo
	var failure error
	if err := raw.Control(func(socket uintptr) {
		info, failure = unix.GetsockoptTCPInfo(int(socket), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); err != nil {
		return false, err
	}
	if failure != nil {
		return false, fmt.Errorf("what became of the packets to %s: %w", connection.RemoteAddr(), failure)
	}
	return info.Total_retrans > 0, nil
}
