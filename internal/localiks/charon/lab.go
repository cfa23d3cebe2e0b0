package charon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Addresses of the two sites.
const (
	ClusterHost    = "172.30.0.10"
	ClusterSubnet  = "172.30.0.0/16"
	ClusterGateway = "192.0.2.2"
	OfficeHost     = "10.91.152.130"
	OfficeSubnet   = "10.91.152.128/26"
	OfficeGateway  = "198.51.100.2"
)

// Missing says what this machine lacks to run a lab, "" for nothing.
func Missing() string {
	if os.Getuid() != 0 {
		return "network namespaces need root"
	}
	for _, file := range []string{"/dev/net/tun", "/usr/lib/ipsec/charon", "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"} {
		if _, err := os.Stat(file); err != nil {
			return file + " is not there (apt-get install strongswan strongswan-swanctl libcharon-extra-plugins)"
		}
	}
	for _, program := range []string{"ip", "nft", "nsenter", "setpriv", "swanctl", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	return ""
}

// Site is one side of the wide area network.
type Site struct {
	// host and gateway are namespaces.
	host, gateway string
	lab           *Lab
}

// Lab is the two sites and what is between them.
type Lab struct {
	// Cluster and Office are the two sites.
	Cluster, Office *Site

	wan, dir string
}

// New makes the namespaces and the wires between them.
func New(ctx context.Context) (*Lab, error) {
	dir, err := os.MkdirTemp("", "vpn") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	id := "vpn" + strings.ToLower(rand.Text()[:8])
	l := &Lab{dir: dir, wan: id + "-wan"}
	l.Cluster = &Site{lab: l, host: id + "-ch", gateway: id + "-cg"}
	l.Office = &Site{lab: l, host: id + "-oh", gateway: id + "-og"}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) namespaces() []string {
	return []string{l.Cluster.host, l.Cluster.gateway, l.wan, l.Office.gateway, l.Office.host}
}

// Close takes the namespaces down; programs in them must have been stopped.
func (l *Lab) Close() error {
	var errs []error
	for _, name := range l.namespaces() {
		if _, err := os.Stat(namespaceFile(name)); err == nil {
			errs = append(errs, run(context.Background(), "ip", "netns", "delete", name))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

func (l *Lab) build(ctx context.Context) error {
	var lines []string
	do := func(format string, arguments ...any) { lines = append(lines, fmt.Sprintf(format, arguments...)) }
	for _, name := range l.namespaces() {
		do("netns add %s", name)
		do("-n %s link set lo up", name)
	}
	for _, s := range []struct {
		site                                 *Site
		far, wanAddress, wan, lan, host, via string
	}{
		{l.Cluster, "c0", "192.0.2.1/24", ClusterGateway + "/24", "172.30.0.1/16", ClusterHost + "/16", "172.30.0.1"},
		{l.Office, "o0", "198.51.100.1/24", OfficeGateway + "/24", "10.91.152.129/26", OfficeHost + "/26", "10.91.152.129"},
	} {
		// Both ends of a wire are made inside the lab: nothing shows outside.
		do("-n %s link add wan0 type veth peer name %s netns %s", s.site.gateway, s.far, l.wan)
		do("-n %s link add lan0 type veth peer name eth0 netns %s", s.site.gateway, s.site.host)
		for _, a := range []struct{ namespace, device, address string }{
			{l.wan, s.far, s.wanAddress},
			{s.site.gateway, "wan0", s.wan},
			{s.site.gateway, "lan0", s.lan},
			{s.site.host, "eth0", s.host},
		} {
			do("-n %s address add %s dev %s", a.namespace, a.address, a.device)
			do("-n %s link set %s up", a.namespace, a.device)
		}
		do("-n %s route add default via %s", s.site.gateway, strings.TrimSuffix(s.wanAddress, "/24"))
		do("-n %s route add default via %s", s.site.host, s.via)
	}
	for _, line := range lines {
		if err := run(ctx, "ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	for _, name := range []string{l.Cluster.gateway, l.wan, l.Office.gateway} {
		err := inside(name, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
		if err != nil {
			return err
		}
	}
	return l.count(ctx)
}

func namespaceFile(name string) string { return filepath.Join("/run/netns", name) }

func run(ctx context.Context, program string, arguments ...string) error {
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, out)
	}
	return nil
}

// inside runs f on a thread of its own in a namespace. Sockets that f opens stay
// there for good.
func inside(name string, f func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime gives the thread up with the goroutine.
		runtime.LockOSThread()
		file, err := os.Open(namespaceFile(name))
		if err != nil {
			result <- err
			return
		}
		defer file.Close()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("entering %s: %w", name, err)
			return
		}
		result <- f()
	}()
	return <-result
}
