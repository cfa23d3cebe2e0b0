package dataplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// Verdict is what became of a probe.
type Verdict string

// Verdicts. A policy that denies drops: what it denies is Dropped, and so is what
// no route leads to and what nobody bears the address of. Refused are packets
// that came to a host where nothing serves the port. Unnamed is what the DNS does
// not know.
const (
	Open    Verdict = "open"
	Dropped Verdict = "dropped"
	Refused Verdict = "refused"
	Unnamed Verdict = "no such name"
)

// patience is how long an answer may take. Nothing here is slower than a few
// milliseconds; what is, is asked again (see Check).
const patience = 300 * time.Millisecond

// longPatience is that of probes which nobody asks again: who answers may wait
// for a processor for long. A lost packet of UDP stays lost, and one that TCP
// has sent again is told by its own count.
const longPatience = 15 * time.Second

// Probe is one connection, or one packet, that is tried.
type Probe struct {
	From *Host
	// Source is the address that it comes from; the zero value for the host's choice.
	Source netip.Addr
	// Protocol is TCP, UDP or ICMP.
	Protocol string
	To       netip.AddrPort
	// Name is asked for the address in To's place, in the cluster's DNS; "" for To.
	Name string
	// Label says in words what it is about.
	Label string
}

// String is such as "client -> 169.49.0.4:30000 (TCP), a node port".
func (p Probe) String() string {
	text := fmt.Sprintf("%s -> %s (%s)", p.From.Name, p.To, p.Protocol)
	if p.Label != "" {
		text += ", " + p.Label
	}
	return text
}

// Answer of a probe: the verdict, and who it was that answered.
type Answer struct {
	Verdict Verdict
	From    string
}

// Send tries it once. An error says that it could not be tried.
func (p Probe) Send(ctx context.Context) (Answer, error) {
	return p.send(ctx, patience)
}

func (p Probe) send(ctx context.Context, patience time.Duration) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	to := p.To
	if p.Name != "" {
		address, err := p.From.lookUp(ctx, p.Name)
		if err != nil {
			return verdictOf(err)
		}
		to = netip.AddrPortFrom(address, to.Port())
	}
	if p.Protocol == ICMP {
		if err := p.From.Ping(ctx, to.Addr()); err != nil {
			return verdictOf(err)
		}
		return Answer{Verdict: Open, From: to.Addr().String()}, nil
	}
	connection, err := p.From.dial(ctx, p.Protocol, p.Source, to)
	if err != nil {
		return verdictOf(err)
	}
	defer func() { _ = connection.Close() }()
	if deadline, limited := ctx.Deadline(); limited {
		if err := connection.SetDeadline(deadline); err != nil {
			return Answer{}, err
		}
	}
	if p.Protocol == UDP {
		if _, err := connection.Write([]byte("who is there?\n")); err != nil {
			return verdictOf(err)
		}
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return verdictOf(err)
	}
	if again, err := sentAgain(connection); err != nil || again {
		return Answer{Verdict: Dropped}, err
	}
	return Answer{Verdict: Open, From: strings.TrimSpace(line)}, nil
}

// dial connects from inside the host.
func (h *Host) dial(ctx context.Context, protocol string, source netip.Addr, to netip.AddrPort) (net.Conn, error) {
	dialer := &net.Dialer{}
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		if protocol == UDP {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		}
	}
	var connection net.Conn
	err := h.Within(func() (err error) {
		connection, err = dialer.DialContext(ctx, strings.ToLower(protocol), to.String())
		return err
	})
	return connection, err
}

// verdictOf reads an error as a verdict.
func verdictOf(err error) (Answer, error) {
	var network net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return Answer{Verdict: Unnamed}, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return Answer{Verdict: Refused}, nil
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Answer{Verdict: Dropped}, nil
	case errors.Is(err, syscall.EPERM): // dropped on the way out of the sender itself
		return Answer{Verdict: Dropped}, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Answer{Verdict: Dropped}, nil
	}
	return Answer{}, err
}

// Connection is a TCP connection, or a UDP flow between two ports, that is kept open.
type Connection struct {
	Probe
	connection net.Conn
	reader     *bufio.Reader
}

// Hold opens a connection and leaves it open.
func (p Probe) Hold(ctx context.Context) (*Connection, error) {
	connection, err := p.From.dial(ctx, p.Protocol, p.Source, p.To)
	if err != nil {
		return nil, err
	}
	c := &Connection{Probe: p, connection: connection, reader: bufio.NewReader(connection)}
	if p.Protocol == UDP {
		return c, c.ask(ctx)
	}
	if err := connection.SetDeadline(time.Now().Add(settling)); err != nil {
		return nil, err
	}
	if _, err := c.reader.ReadString('\n'); err != nil {
		c.Close()
		return nil, fmt.Errorf("the greeting did not come: %w", err)
	}
	return c, nil
}

// Echo uses the connection once more: over TCP, a line is to come back, over UDP an answer.
func (c *Connection) Echo(ctx context.Context) error {
	if c.Protocol == UDP {
		return c.ask(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := c.connection.SetDeadline(deadline); err != nil {
		return err
	}
	const line = "are you still there?\n"
	if _, err := c.connection.Write([]byte(line)); err != nil {
		return err
	}
	back, err := c.reader.ReadString('\n')
	if err == nil && back != line {
		err = fmt.Errorf("it came back as %q", back)
	}
	return err
}

// ask sends packets of UDP until one is answered.
func (c *Connection) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	return until(ctx, func() error {
		if err := c.connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.connection.Write([]byte("are you still there?\n")); err != nil {
			return err
		}
		_, err := c.reader.ReadString('\n')
		return err
	})
}

// Close ends the connection.
func (c *Connection) Close() { _ = c.connection.Close() }
