package netns

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Types of ICMP's messages, and how long those are that are sent here.
const (
	echoRequest = 8
	echoReply   = 0
	echoLength  = 64
)

// Ping sends one echo request over IPv4 from inside, and waits for the answer
// until the deadline of the context; [os.ErrDeadlineExceeded] says that none came.
func (n *Namespace) Ping(ctx context.Context, to netip.Addr) error {
	var socket net.PacketConn
	err := n.Within(func() (err error) {
		socket, err = (&net.ListenConfig{}).ListenPacket(ctx, "ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	if deadline, limited := ctx.Deadline(); limited {
		if err := socket.SetDeadline(deadline); err != nil {
			return err
		}
	}
	id := uint16(rand.Uint32())
	if _, err := socket.WriteTo(echo(id), &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return fmt.Errorf("ping %s: %w", to, err)
	}
	for buffer := make([]byte, 1500); ; {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("ping %s: %w", to, err)
		}
		if n >= 8 && buffer[0] == echoReply && binary.BigEndian.Uint16(buffer[4:]) == id && from.String() == to.String() {
			return nil
		}
	}
}

// echo is a request with its checksum.
func echo(id uint16) []byte {
	message := make([]byte, echoLength)
	message[0] = echoRequest
	binary.BigEndian.PutUint16(message[4:], id)
	var sum uint32
	for i := 0; i < len(message); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(message[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum))
	return message
}
