package charon

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

const (
	echoRequest = 8
	echoReply   = 0
	echoLength  = 64
)

// Ping sends one echo request from the site's host and waits for the answer.
func (s *Site) Ping(to string, limit time.Duration) error { return ping(s.host, to, limit) }

func ping(namespace, to string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit+time.Second)
	defer cancel()
	var conn net.PacketConn
	err := inside(namespace, func() (err error) {
		conn, err = (&net.ListenConfig{}).ListenPacket(ctx, "ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	id := uint16(rand.Uint32())
	if _, err := conn.WriteTo(echo(id), &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
		return fmt.Errorf("ping %s: %w", to, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	for buffer := make([]byte, 1500); ; {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("ping %s: %w", to, err)
		}
		if n >= 8 && buffer[0] == echoReply && binary.BigEndian.Uint16(buffer[4:]) == id && from.String() == to {
			return nil
		}
	}
}

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
