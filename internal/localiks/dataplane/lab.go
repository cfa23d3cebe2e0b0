package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/folder"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// Options of a lab.
type Options struct {
	// Environment that the clusters run in.
	Environment *localiks.Environment
	// Clusters by name, classic ones, that get workers with a data plane.
	Clusters []string
	// Images by their names. Pods all of whose containers have such an image run
	// for real; all others answer on their ports, and that is all.
	Images map[string]sandbox.Image
	// Log hears of programs that end unasked and of pods that cannot be
	// connected yet; default nothing.
	Log io.Writer
}

// Addresses of what is around the clusters.
var (
	clientSubnet    = netip.MustParsePrefix("203.0.113.0/24")
	officeGateway   = netip.MustParsePrefix("198.51.100.2/24")
	neighbourSubnet = netip.MustParsePrefix("10.220.0.0/24")
)

// OfficeSubnet is the company's network.
var OfficeSubnet = netip.MustParsePrefix("10.91.152.128/26")

// Lab is a data plane that runs. The client, the neighbour and the office serve
// TCP and UDP 443, UDP 53 and TCP 8080.
type Lab struct {
	// Client is on the internet.
	Client *Host
	// Office is in a company's network. What it sends to the internet bears the
	// public address of Gateway.
	Office, Gateway *Host
	// Neighbour and OtherNeighbour are further servers of the account, on its
	// private network.
	Neighbour, OtherNeighbour *Host

	options  Options
	dir      *folder.Folder
	internet *router
	private  *router
	clusters map[string]*Cluster

	mu       sync.Mutex
	hosts    []*Host // all but pods
	programs []*Program
}

// Cluster is a cluster's part of a lab.
type Cluster struct {
	*localiks.Cluster
	// Workers by their private addresses.
	Workers map[netip.Addr]*Worker
	// Control leads to the API server, at APIPort of its private address
	// (Address) and of its public one (Public).
	Control *Host

	lab     *Lab
	subnets subnets
	follow  *follower
}

// Start builds a lab and returns when Felix and kube-proxy are in sync on every
// worker. It takes down what it built when it fails.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if missing := Missing(); missing != "" {
		return nil, fmt.Errorf("a data plane needs %s", missing)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Images = maps.Clone(o.Images)
	if o.Images == nil {
		o.Images = map[string]sandbox.Image{}
	}
	path, err := build.Path(ctx, coredns)
	if err != nil {
		return nil, err
	}
	o.Images[corednsImage] = sandbox.Image{Links: map[string]string{"/coredns": path}}
	dir, err := folder.New("dataplane-")
	if err != nil {
		return nil, fmt.Errorf("data plane: %w", err)
	}
	l := &Lab{options: o, dir: dir, clusters: map[string]*Cluster{}}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("data plane: %w", err), l.Close())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	if err := l.surroundings(ctx); err != nil {
		return err
	}
	for i, name := range l.options.Clusters {
		cluster := l.options.Environment.Cluster(name)
		if cluster == nil {
			return fmt.Errorf("there is no cluster %q", name)
		}
		c, err := l.newCluster(ctx, cluster, i)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", name, err)
		}
		l.clusters[name] = c
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, c := range l.clusters {
		group.Go(func() error {
			if err := c.start(groupCtx); err != nil {
				return fmt.Errorf("cluster %s: %w", c.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// surroundings makes the two networks and who is there beside the clusters.
func (l *Lab) surroundings(ctx context.Context) error {
	var err error
	if l.internet, err = newRouter(ctx, "internet", "2001:db8::"); err != nil {
		return err
	}
	if l.private, err = newRouter(ctx, "private network", "fd00::"); err != nil {
		return err
	}
	l.keep(l.internet.Host, l.private.Host)
	if l.Client, err = l.host(ctx, "client", l.internet, at(clientSubnet, 10)); err != nil {
		return err
	}
	if l.Neighbour, err = l.host(ctx, "neighbour", l.private, at(neighbourSubnet, 10)); err != nil {
		return err
	}
	if l.OtherNeighbour, err = l.host(ctx, "other neighbour", l.private, at(neighbourSubnet, 20)); err != nil {
		return err
	}
	if l.Gateway, err = l.host(ctx, "gateway", l.internet, officeGateway); err != nil {
		return err
	}
	if err := l.company(ctx); err != nil {
		return err
	}
	for _, h := range []*Host{l.Client, l.Neighbour, l.Office} {
		for _, p := range []port{{TCP, 443}, {UDP, 443}, {UDP, 53}, {TCP, 8080}} {
			if err := h.Serve(ctx, p.protocol, p.number); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep remembers hosts until Close.
func (l *Lab) keep(hosts ...*Host) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts = append(l.hosts, hosts...)
}

// host makes a host with one interface and a default route.
func (l *Lab) host(ctx context.Context, name string, network *router, address netip.Prefix) (*Host, error) {
	h, err := newHost(ctx, name)
	if err != nil {
		return nil, err
	}
	l.keep(h)
	h.Address = address.Addr()
	if err := network.plug(ctx, h, "eth0", address); err != nil {
		return nil, err
	}
	return h, h.IP(ctx, fmt.Sprintf("route add default via %s", gateway(address)))
}

// company puts the office behind its gateway, which hides it from the internet.
func (l *Lab) company(ctx context.Context) error {
	var err error
	if l.Office, err = newHost(ctx, "office"); err != nil {
		return err
	}
	l.keep(l.Office)
	inside, office := at(OfficeSubnet, 1), at(OfficeSubnet, 2)
	l.Office.Address = office.Addr()
	err = l.Office.IP(ctx,
		fmt.Sprintf("link add eth0 type veth peer name lan0 netns %s", l.Gateway.Path()),
		fmt.Sprintf("addr add %s dev eth0", office), "link set eth0 up")
	if err != nil {
		return err
	}
	if err := l.Gateway.IP(ctx, fmt.Sprintf("addr add %s dev lan0", inside), "link set lan0 up"); err != nil {
		return err
	}
	if err := l.Office.IP(ctx, fmt.Sprintf("route add default via %s", inside.Addr())); err != nil {
		return err
	}
	if err := l.Gateway.Sysctl("1", "ipv4/ip_forward"); err != nil {
		return err
	}
	_, err = l.Gateway.Run(ctx, "add table ip company\n"+
		"add chain ip company out { type nat hook postrouting priority 100; }\n"+
		"add rule ip company out oifname eth0 masquerade\n", "nft", "-f", "-")
	return err
}

// ForgetIPv6 has all hosts but pods forget the link addresses that they have
// found out of each other over IPv6, as they do by themselves when they have not
// heard of each other for some time.
func (l *Lab) ForgetIPv6(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failures []error
	for _, h := range l.hosts {
		_, err := h.Run(ctx, "", "ip", "-6", "neigh", "flush", "all")
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// at is the address with a number in a subnet, with the subnet's length.
func at(subnet netip.Prefix, number int) netip.Prefix {
	address := subnet.Masked().Addr()
	for range number {
		address = address.Next()
	}
	return netip.PrefixFrom(address, subnet.Bits())
}

// Cluster gives a cluster's part of the lab by the cluster's name, nil if it has none.
func (l *Lab) Cluster(name string) *Cluster { return l.clusters[name] }

// Workers of a pool, in the order of their addresses.
func (c *Cluster) Pool(name string) []*Worker {
	var list []*Worker
	for _, w := range c.lab.options.Environment.IKS.Workers(c.ID) {
		if worker := c.Workers[parse(w.PrivateIP)]; worker != nil && w.PoolName == name {
			list = append(list, worker)
		}
	}
	return list
}

// parse reads an address of the fake IKS, which writes none that is wrong.
func parse(address string) netip.Addr {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	return parsed
}

// Close ends all programs and lets go of all namespaces.
func (l *Lab) Close() error {
	var failures []error
	for _, c := range l.clusters {
		c.halt()
	}
	for _, p := range l.programs {
		p.s.Close(p.name)
	}
	for _, h := range l.hosts {
		failures = append(failures, h.Close())
	}
	return errors.Join(append(failures, l.dir.Remove())...)
}

// subnets of a cluster's zones.
type subnets struct{ public, private, portablePublic, portablePrivate []netip.Prefix }

func subnetsOf(cluster fakeiks.Cluster) (subnets, error) {
	var all subnets
	for _, zone := range cluster.Zones {
		for _, some := range []struct {
			cidrs []string
			to    *[]netip.Prefix
		}{
			{[]string{zone.PublicCIDR}, &all.public},
			{[]string{zone.PrivateCIDR}, &all.private},
			{zone.PortablePublic, &all.portablePublic},
			{zone.PortablePrivate, &all.portablePrivate},
		} {
			for _, cidr := range some.cidrs {
				if cidr == "" {
					continue
				}
				subnet, err := netip.ParsePrefix(cidr)
				if err != nil {
					return subnets{}, fmt.Errorf("zone %s: %w", zone.ID, err)
				}
				*some.to = append(*some.to, subnet)
			}
		}
	}
	return all, nil
}

// in gives the subnet of a list that an address lies in.
func in(list []netip.Prefix, address netip.Addr) (netip.Prefix, bool) {
	for _, subnet := range list {
		if subnet.Contains(address) {
			return subnet, true
		}
	}
	return netip.Prefix{}, false
}

// folder makes a folder for what belongs to a host.
func (l *Lab) folder(name string) (string, error) {
	dir := filepath.Join(l.dir.Path, name)
	return dir, os.MkdirAll(dir, 0o700)
}
