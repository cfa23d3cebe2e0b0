package dataplane

import (
	"bytes"
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// Capture is all that crosses an interface, from the moment at which it begins.
type Capture struct {
	socket int
	over   atomic.Bool
	done   sync.WaitGroup

	mu     sync.Mutex
	frames [][]byte
}

// Count is how many packets so far are such.
func (c *Capture) Count(such func(frame []byte) bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for _, frame := range c.frames {
		if such(frame) {
			count++
		}
	}
	return count
}

// Says tells packets that a text can be read in.
func Says(text string) func(frame []byte) bool {
	return func(frame []byte) bool { return bytes.Contains(frame, []byte(text)) }
}

// Encrypted tells packets of ESP in UDP over IPv4: to or from port 4500, without
// the four zeros that begin those of IKE.
func Encrypted(frame []byte) bool {
	const ethernet, udp, etherIPv4, protocolUDP = 14, 8, 0x0800, 17
	if len(frame) < ethernet+20 || binary.BigEndian.Uint16(frame[12:]) != etherIPv4 || frame[ethernet+9] != protocolUDP {
		return false
	}
	at := ethernet + int(frame[ethernet]&15)*4
	if len(frame) < at+udp+4 {
		return false
	}
	const natT = 4500
	return (binary.BigEndian.Uint16(frame[at:]) == natT || binary.BigEndian.Uint16(frame[at+2:]) == natT) && binary.BigEndian.Uint32(frame[at+udp:]) != 0
}
