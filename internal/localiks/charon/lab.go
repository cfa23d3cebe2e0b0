package charon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/folder"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/netns"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
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

// namespace is one of the lab's, with its name in messages.
type namespace struct {
	*netns.Namespace
	name string
}

// Site is one side of the wide area network.
type Site struct {
	host, gateway *namespace
	lab           *Lab
}

// Ping sends one echo request from the site's host and waits for the answer.
func (s *Site) Ping(to string, limit time.Duration) error {
	address, err := netip.ParseAddr(to)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return s.host.Ping(ctx, address)
}

// Lab is the two sites and what is between them.
type Lab struct {
	// Cluster and Office are the two sites.
	Cluster, Office *Site

	wan    *namespace
	dir    *folder.Folder
	all    []*namespace
	places []*sandbox.Sandbox
}

// New makes the namespaces and the wires between them.
func New(ctx context.Context) (*Lab, error) {
	dir, err := folder.New("charon-")
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) namespace(ctx context.Context, name string) (*namespace, error) {
	n, err := netns.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	made := &namespace{Namespace: n, name: name}
	l.all = append(l.all, made)
	return made, nil
}

// Close ends what still runs and lets go of the namespaces.
func (l *Lab) Close() error {
	for _, place := range l.places {
		place.Close()
	}
	var errs []error
	for _, n := range l.all {
		errs = append(errs, n.Close())
	}
	return errors.Join(append(errs, l.dir.Remove())...)
}

func (l *Lab) build(ctx context.Context) (err error) {
	if l.wan, err = l.namespace(ctx, "the wide area network"); err != nil {
		return err
	}
	for _, s := range []struct {
		site                                       **Site
		name, far, wanAddress, wan, lan, host, via string
	}{
		{&l.Cluster, "the cluster", "c0", "192.0.2.1/24", ClusterGateway + "/24", "172.30.0.1/16", ClusterHost + "/16", "172.30.0.1"},
		{&l.Office, "the office", "o0", "198.51.100.1/24", OfficeGateway + "/24", "10.91.152.129/26", OfficeHost + "/26", "10.91.152.129"},
	} {
		site := &Site{lab: l}
		if site.host, err = l.namespace(ctx, "the host of "+s.name); err != nil {
			return err
		}
		if site.gateway, err = l.namespace(ctx, "the gateway of "+s.name); err != nil {
			return err
		}
		*s.site = site
		// Both ends of a wire are made inside the lab: nothing shows outside.
		for _, wire := range []struct {
			near, far                                      *namespace
			nearDevice, farDevice, nearAddress, farAddress string
		}{
			{site.gateway, l.wan, "wan0", s.far, s.wan, s.wanAddress},
			{site.gateway, site.host, "lan0", "eth0", s.lan, s.host},
		} {
			err := wire.near.IP(ctx,
				fmt.Sprintf("link add %s type veth peer name %s netns %s", wire.nearDevice, wire.farDevice, wire.far.Path()),
				fmt.Sprintf("address add %s dev %s", wire.nearAddress, wire.nearDevice), fmt.Sprintf("link set %s up", wire.nearDevice))
			if err != nil {
				return err
			}
			err = wire.far.IP(ctx, fmt.Sprintf("address add %s dev %s", wire.farAddress, wire.farDevice), fmt.Sprintf("link set %s up", wire.farDevice))
			if err != nil {
				return err
			}
		}
		if err := site.gateway.IP(ctx, "route add default via "+strings.TrimSuffix(s.wanAddress, "/24")); err != nil {
			return err
		}
		if err := site.host.IP(ctx, "route add default via "+s.via); err != nil {
			return err
		}
	}
	for _, router := range []*namespace{l.Cluster.gateway, l.wan, l.Office.gateway} {
		if err := router.Sysctl("1", "ipv4/ip_forward"); err != nil {
			return err
		}
	}
	return l.nft(ctx, counters)
}
