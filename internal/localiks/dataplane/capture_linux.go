package dataplane

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Capture begins to look at an interface of a host.
func (h *Host) Capture(device string) (*Capture, error) {
	c := &Capture{}
	err := h.Within(func() error {
		at, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		every := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)) // in the network's order
		if c.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(every)); err != nil {
			return err
		}
		return errors.Join(
			unix.Bind(c.socket, &unix.SockaddrLinklayer{Protocol: every, Ifindex: at.Index}),
			unix.SetsockoptInt(c.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
			unix.SetsockoptTimeval(c.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("looking at %s of %s: %w", device, h.Name, err)
	}
	c.done.Go(c.read)
	return c, nil
}

func (c *Capture) read() {
	buffer := make([]byte, 1<<16)
	for !c.over.Load() {
		n, _, err := unix.Recvfrom(c.socket, buffer, 0)
		if err != nil {
			continue // nothing came for a while
		}
		c.mu.Lock()
		c.frames = append(c.frames, bytes.Clone(buffer[:n]))
		c.mu.Unlock()
	}
}

// Stop ends it.
func (c *Capture) Stop() error {
	c.over.Store(true)
	c.done.Wait()
	return unix.Close(c.socket)
}
