package dataplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"

	"k8s.io/client-go/tools/clientcmd"
)

// APIPort of the control node, in the range from which IKS takes the ports of
// masters: no failsafe port of Calico's, so policies can close it.
const APIPort = 31234

// KonnectivityPort of the control node answers as any server of a lab does.
const KonnectivityPort = 31235

// controlAddresses of the clusters of a lab, in their order: addresses at which
// IBM documents that masters of us-south are, so that policies which let workers
// reach their master let them here.
var controlAddresses = []struct{ private, public netip.Prefix }{
	{netip.MustParsePrefix("166.9.12.140/24"), netip.MustParsePrefix("104.96.180.129/24")},
	{netip.MustParsePrefix("166.9.12.141/24"), netip.MustParsePrefix("104.96.181.129/24")},
}

// control makes the host that leads to the API server, which itself stays
// outside the lab.
func (c *Cluster) control(ctx context.Context, number int) error {
	l := c.lab
	h, err := newHost(ctx, "API server of "+c.Name)
	if err != nil {
		return err
	}
	l.keep(h)
	c.Control = h
	if number >= len(controlAddresses) {
		return fmt.Errorf("a lab has room for %d clusters", len(controlAddresses))
	}
	private, public := controlAddresses[number].private, controlAddresses[number].public
	h.Address, h.Public = private.Addr(), public.Addr()
	if err := l.private.plug(ctx, h, "eth0", private); err != nil {
		return err
	}
	if err := l.internet.plug(ctx, h, "eth1", public); err != nil {
		return err
	}
	err = h.IP(ctx, fmt.Sprintf("route add default via %s", gateway(public)),
		fmt.Sprintf("route add 10.0.0.0/8 via %s", gateway(private)))
	if err != nil {
		return err
	}
	server, err := url.Parse(c.Server())
	if err != nil {
		return fmt.Errorf("address of the API server: %w", err)
	}
	var listener net.Listener
	err = h.Within(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf(":%d", APIPort))
		return err
	})
	if err != nil {
		return err
	}
	h.serving["API"] = listener
	go relay(listener, func() (net.Conn, error) {
		return (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "tcp", server.Host)
	})
	return h.Serve(ctx, TCP, KonnectivityPort)
}

// relay passes connections on to where dial leads.
func relay(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer func() { _ = connection.Close() }()
			target, err := dial()
			if err != nil {
				return // the API server is away, as tests may have it
			}
			defer func() { _ = target.Close() }()
			there := make(chan struct{})
			go func() {
				defer close(there)
				pass(target, connection)
			}()
			pass(connection, target)
			<-there
		}()
	}
}

// pass copies one direction to its end, and says so: who has nothing more to
// say may still listen.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	_ = to.Close()
	_ = from.Close()
}

// kubeconfig is the administrator's, through the control node's private address.
func (c *Cluster) kubeconfig() ([]byte, error) {
	config, err := clientcmd.Load(c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	for _, cluster := range config.Clusters {
		cluster.Server = fmt.Sprintf("https://%s:%d", c.Control.Address, APIPort)
		cluster.TLSServerName = "kubernetes"
	}
	return clientcmd.Write(*config)
}
