package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

const (
	podSubnet     = "172.30.0.0/16" // of kwok
	podSubnetIPv6 = "fd30::/64"

	felix     = "calico-felix"
	kubeProxy = "kube-proxy"

	felixHealth = 9099
	proxyHealth = 10256

	// What every worker serves by itself.
	kubelet = 10250
	sshd    = 22
	metrics = 9100

	publicDevice  = "eth1"
	privateDevice = "eth0"

	startLimit = 2 * time.Minute
)

// Worker is a worker node. Its name is its private address.
type Worker struct {
	*Host
	// ID is IKS's.
	ID string

	cluster *Cluster
	dir     string
	running *process.Group
}

// newWorker makes a worker's namespace and connects it.
func (c *Cluster) newWorker(ctx context.Context, info fakeiks.Worker) (*Worker, error) {
	host, err := newHost(ctx, info.PrivateIP)
	if err != nil {
		return nil, err
	}
	c.lab.keep(host)
	w := &Worker{Host: host, ID: info.ID, cluster: c}
	w.Address, w.Public = parse(info.PrivateIP), parse(info.PublicIP)
	if w.dir, err = c.lab.folder(c.Name + "-" + info.PrivateIP); err != nil {
		return nil, err
	}
	for _, side := range []struct {
		network *router
		device  string
		subnets []netip.Prefix
		address netip.Addr
		routes  []string
	}{
		{c.lab.private, privateDevice, c.subnets.private, w.Address, []string{"10.0.0.0/8", "161.26.0.0/16", "166.8.0.0/14"}},
		{c.lab.internet, publicDevice, c.subnets.public, w.Public, []string{"default"}},
	} {
		subnet, found := in(side.subnets, side.address)
		if !found {
			return nil, fmt.Errorf("%s lies in no subnet of the cluster", side.address)
		}
		if err := side.network.plug(ctx, host, side.device, netip.PrefixFrom(side.address, subnet.Bits())); err != nil {
			return nil, err
		}
		for _, route := range side.routes {
			if err := host.IP(ctx, fmt.Sprintf("route add %s via %s", route, gateway(subnet))); err != nil {
				return nil, err
			}
		}
	}
	for _, port := range []uint16{kubelet, sshd, metrics} {
		if err := host.Serve(ctx, TCP, port); err != nil {
			return nil, err
		}
	}
	if err := w.proxy(ctx); err != nil {
		return nil, err
	}
	return w, host.Sysctl("1", "ipv4/ip_forward", "ipv6/conf/all/forwarding")
}

// start runs what programs the worker's kernel, and returns when it has.
func (w *Worker) start(ctx context.Context) error {
	config, err := w.cluster.kubeconfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "kubeconfig"), config, 0o600); err != nil {
		return err
	}
	w.running, err = process.NewWithin(w.dir, w.Enter, func(name string, err error) {
		_, _ = fmt.Fprintf(w.cluster.lab.options.Log, "worker %s: %s ended unasked: %v\n", w.Name, name, err)
	})
	if err != nil {
		return err
	}
	if err := w.startFelix(ctx); err != nil {
		return err
	}
	if err := w.startProxy(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err = w.healthy(ctx, felix, felixHealth, "/readiness")
	for restarts(err) {
		w.running.Stop(felix)
		if err := w.startFelix(ctx); err != nil {
			return err
		}
		err = w.healthy(ctx, felix, felixHealth, "/readiness")
	}
	if err != nil {
		return err
	}
	return w.healthy(ctx, kubeProxy, proxyHealth, "/healthz")
}

// restarts tells whether Felix has ended to be started again, which Calico's node
// container does: it could not read its configuration at the first try, and does
// not keep that connection (exitWithCustomRC in its daemon.go).
func restarts(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 129
}

// startFelix runs Felix as Calico's node container does, with iptables over
// nftables and without eBPF. The first variable keeps a build without libbpf
// from calling into it. Felix does not look after its tables once they are
// written: nobody else changes them here, and reading them takes long.
func (w *Worker) startFelix(ctx context.Context) error {
	path, err := build.Path(ctx, felix)
	if err != nil {
		return err
	}
	return w.running.Start(felix, path, []string{
		"FELIX_DebugSkipCTLBCleanup=true",
		"PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(w.dir, "kubeconfig"),
		"FELIX_FELIXHOSTNAME=" + w.Name, "FELIX_DATASTORETYPE=kubernetes",
		"FELIX_BPFENABLED=false", "FELIX_IPTABLESBACKEND=NFT", "FELIX_IPV6SUPPORT=true",
		"FELIX_IPTABLESPOSTWRITECHECKINTERVALSECS=3600", "FELIX_IPTABLESREFRESHINTERVAL=0", "FELIX_IPSETSREFRESHINTERVAL=0",
		"FELIX_ROUTEREFRESHINTERVAL=0", "FELIX_INTERFACEREFRESHINTERVAL=0",
		"FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT", "FELIX_USAGEREPORTINGENABLED=false",
		"FELIX_HEALTHENABLED=true", "FELIX_HEALTHHOST=127.0.0.1", fmt.Sprintf("FELIX_HEALTHPORT=%d", felixHealth),
		"FELIX_LOGSEVERITYSCREEN=Info", "FELIX_LOGSEVERITYSYS=none", "FELIX_LOGFILEPATH=none",
	}, "-c", "none")
}

// startProxy runs kube-proxy in the mode that IKS runs it in.
func (w *Worker) startProxy(ctx context.Context) error {
	path, err := build.Path(ctx, kubeProxy)
	if err != nil {
		return err
	}
	return w.running.Start(kubeProxy, path, []string{"PATH=" + os.Getenv("PATH")},
		"--kubeconfig", filepath.Join(w.dir, "kubeconfig"), "--hostname-override", w.Name,
		"--proxy-mode", "iptables", "--cluster-cidr", podSubnet+","+podSubnetIPv6, "--iptables-min-sync-period", "50ms",
		"--healthz-bind-address", fmt.Sprintf("127.0.0.1:%d", proxyHealth), "--metrics-bind-address", "127.0.0.1:10249",
		// The sizes of connection tracking are the machine's, not a namespace's.
		"--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0s", "--conntrack-tcp-timeout-close-wait", "0s")
}

// healthy waits until a program of the worker says on a port of its loopback
// interface that it is.
func (w *Worker) healthy(ctx context.Context, program string, port int, path string) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (connection net.Conn, err error) {
			err = w.Within(func() (err error) {
				connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return err
			})
			return connection, err
		},
	}}
	url := fmt.Sprintf("http://127.0.0.1:%d%s", port, path)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return until(ctx, func() error {
		if err := w.running.Check(); err != nil {
			cancel(err) // it will not come up any more
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
		_ = response.Body.Close()
		if response.StatusCode >= http.StatusMultipleChoices {
			return fmt.Errorf("%s is not ready: %s", program, response.Status)
		}
		return nil
	})
}

// until waits until a condition holds; the last reason is in the error.
func until(ctx context.Context, holds func() error) error {
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// halt ends the worker's programs.
func (w *Worker) halt() {
	if w.running != nil {
		w.running.Close()
	}
}
