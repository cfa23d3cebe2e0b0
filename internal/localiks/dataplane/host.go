package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/netns"
)

// Host is a machine, or a pod: a network namespace and what runs in it.
type Host struct {
	// Name in messages.
	Name string
	// Address is the host's own: a worker's private one, another host's only one.
	Address netip.Addr
	// Public is the public address of a worker.
	Public netip.Addr

	*netns.Namespace

	mu      sync.Mutex
	serving map[string]io.Closer // protocol and address -> server
}

// PrivateIPv6 is the address on the private network of a host whose IPv4
// address there is Address.
func (h *Host) PrivateIPv6() netip.Addr { return parse("fd00::" + h.Address.String()) }

// PublicIPv6 is the address on the internet of a host whose IPv4 address there
// is Public.
func (h *Host) PublicIPv6() netip.Addr { return parse("2001:db8::" + h.Public.String()) }

func newHost(ctx context.Context, name string) (*Host, error) {
	n, err := netns.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Host{Name: name, Namespace: n, serving: map[string]io.Closer{}}, nil
}

// Protocols of probes and servers. ICMP stands for echo requests, which every
// host answers; ports mean nothing there.
const (
	TCP  = "TCP"
	UDP  = "UDP"
	ICMP = "ICMP"
)

// Serve answers on a port of all addresses of the host, with the host's name
// and then with what it is sent, until the end of the lab; the
// context bounds the start alone. To serve what
// is served already is no error.
func (h *Host) Serve(ctx context.Context, protocol string, port uint16) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := fmt.Sprintf("%s %d", protocol, port)
	if _, found := h.serving[key]; found {
		return nil
	}
	var server io.Closer
	err := h.Within(func() error {
		address := fmt.Sprintf(":%d", port)
		if protocol == UDP {
			socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
			if err != nil {
				return err
			}
			server = socket
			go answerPackets(socket, h.Name)
			return nil
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return err
		}
		server = listener
		go answerConnections(listener, h.Name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: serving %s: %w", h.Name, key, err)
	}
	h.serving[key] = server
	return nil
}

// answerConnections greets with a name and sends back what comes.
func answerConnections(listener net.Listener, name string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer func() { _ = connection.Close() }()
			if _, err := io.WriteString(connection, name+"\n"); err == nil {
				_, _ = io.Copy(connection, connection) // until the client leaves
			}
		}()
	}
}

// answerPackets answers each packet with a name.
func answerPackets(socket net.PacketConn, name string) {
	buffer := make([]byte, 1500)
	for {
		_, from, err := socket.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = socket.WriteTo([]byte(name+"\n"), from)
		}
	}
}

// Close ends the servers and lets go of the namespace.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, server := range h.serving {
		_ = server.Close()
	}
	h.serving = map[string]io.Closer{}
	return h.Namespace.Close()
}
