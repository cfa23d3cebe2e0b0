package strongswan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charon"
)

// lab is two sites of one test.
type lab struct {
	*charon.Lab
	t *testing.T
}

func newLab(t *testing.T) lab {
	t.Helper()
	if missing := charon.Missing(); missing != "" {
		t.Skip(missing)
	}
	l, err := charon.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab{Lab: l, t: t}
}

// eventually waits until check gives nil. What acceptance tests wait with knows
// the whole provider, and this package is part of it.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := kube.Wait(ctx, kube.WaitOptions{First: 50 * time.Millisecond, Max: 200 * time.Millisecond}, func(context.Context) (bool, string, error) {
		wrong := check()
		return wrong == nil, fmt.Sprint(wrong), nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// gateway is the VPN pod of one end, on the gateway of its site: the chart's own
// script, with what the chart renders.
type gateway struct {
	*charon.Gateway
	t *testing.T
}

const labKey = "correct-horse-battery-staple \"'$\\ü"

// gateway renders the chart for a tunnel.
func (l lab) gateway(site *charon.Site, of tunnel) gateway {
	l.t.Helper()
	of.extraValues = merged(map[string]any{
		// There is no IPsec in every kernel that tests run on. Peers die within 4 seconds instead of 165.
		"kernel": "libipsec", "retransmit": map[string]any{"timeout": "0.5", "base": "1.4", "tries": 3}, "ipsec": map[string]any{"dpddelay": "1s"}, "retry": 1,
	}, of.extraValues)
	files := configuration(l.t, of)
	files["key"] = of.preSharedKey
	g, err := site.Gateway(files)
	if err != nil {
		l.t.Fatal(err)
	}
	g.Env = []string{
		"VPN_CONFIG=" + g.Files(), "VPN_KEY=" + filepath.Join(g.Files(), "key"),
		fmt.Sprintf("VPN_INITIATE=%v", of.initiate), "VPN_RETRY=1",
	}
	l.t.Cleanup(func() {
		g.Kill() // a charon that is asked to go while its peer goes hangs now and then
		if l.t.Failed() {
			l.t.Logf("log of the gateway with %v:\n%s", of.localSubnets(), g.Log())
		}
	})
	return gateway{Gateway: g, t: l.t}
}

func (g gateway) start() {
	g.t.Helper()
	if err := g.Start("sh", filepath.Join(g.Files(), "start.sh")); err != nil {
		g.t.Fatal(err)
	}
}

// listens waits until the connection is loaded.
func (g gateway) listens() {
	g.t.Helper()
	eventually(g.t, "the connection is loaded", func() error {
		if !g.Running() {
			g.t.Fatalf("it ended:\n%s", g.Log())
		}
		if !strings.Contains(g.Log(), "the connection is loaded") {
			return errors.New(g.Log())
		}
		return nil
	})
}

// ready runs the readiness probe.
func (g gateway) ready() error {
	_, err := g.Do(g.t.Context(), "sh", filepath.Join(g.Files(), "ready.sh"))
	return err
}

func (g gateway) isReady() {
	g.t.Helper()
	eventually(g.t, "the pod is ready", g.ready)
}

// says waits for a line of the log.
func (g gateway) says(pattern string) {
	g.t.Helper()
	line := regexp.MustCompile(pattern)
	eventually(g.t, "the log says "+pattern, func() error {
		if !line.MatchString(g.Log()) {
			return errors.New("it does not")
		}
		return nil
	})
}

func (l lab) reaches(from *charon.Site, to string) {
	l.t.Helper()
	eventually(l.t, "packets reach "+to, func() error { return from.Ping(to, time.Second) })
}

func (l lab) doesNotReach(from *charon.Site, to string) {
	l.t.Helper()
	if err := from.Ping(to, 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		l.t.Errorf("a packet to %s: %v", to, err)
	}
}

// ends are the two ends of one tunnel: the cluster calls the office.
func ends() (cluster, office tunnel) {
	cluster = onPrem()
	cluster.local.subnets, cluster.preSharedKey = []string{charon.ClusterSubnet}, labKey
	office = mirror(cluster)
	return cluster, office
}

// mirror is the other end of a tunnel, which listens.
func mirror(of tunnel) tunnel {
	out := of
	out.initiate = false
	out.remote = remoteEnd{gateway: anyPeer, subnets: of.local.subnets, id: of.local.id}
	out.local = localEnd{subnets: of.remote.subnets, id: of.remote.id}
	out.localNAT, out.remoteNAT, out.singleSourceIP, out.dpdAction = nil, nil, false, "clear"
	return out
}

func TestTunnelOfTwoEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, office := ends()
	a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, office)
	b.start()
	b.listens()
	b.isReady()
	l.doesNotReach(l.Cluster, charon.OfficeHost)
	before, err := l.Crossed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.start()
	a.isReady()
	l.reaches(l.Cluster, charon.OfficeHost)
	l.reaches(l.Office, charon.ClusterHost)
	after, err := l.Crossed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Clear != before.Clear || after.Encrypted < 4 {
		t.Errorf("on the wide area network: %+v, before the tunnel %+v", after, before)
	}
	status := a.status()
	if len(status) != 1 || status[0].state != "INSTALLED" || fmt.Sprint(status[0].remote) != "[10.91.152.128/26]" || status[0].bytesIn == 0 {
		t.Errorf("status %+v", status)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	l.doesNotReach(l.Cluster, charon.OfficeHost)
}

func TestReasonsWhyThereIsNoTunnel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		change             func(cluster, office *tunnel)
		calling, listening string // in the logs
		reason             string
	}{
		{
			name: "wrong key", change: func(_, office *tunnel) { office.preSharedKey = "another-key-of-good-length" },
			calling: "received AUTHENTICATION_FAILED notify error", listening: "but MAC mismatched", reason: "pre-shared key",
		},
		{
			name: "unknown identity", change: func(_, office *tunnel) { office.remote.id = "another-cloud" },
			calling: "received AUTHENTICATION_FAILED notify error", listening: "no matching peer config found", reason: "identit",
		},
		{
			name: "proposals of IKE", change: func(_, office *tunnel) { office.ike.proposals = []string{"aes128-sha1-modp1536"} },
			calling: "received NO_PROPOSAL_CHOSEN notify error", listening: "received proposals unacceptable", reason: "ike.proposals",
		},
		{
			name: "proposals of ESP", change: func(_, office *tunnel) { office.esp.proposals = []string{"aes128-sha1"} },
			calling: "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", listening: "no acceptable proposal found", reason: "esp.proposals",
		},
		{
			name: "subnets", change: func(_, office *tunnel) { office.remote.subnets = []string{"172.29.0.0/16"} },
			calling: "received TS_UNACCEPTABLE notify, no CHILD_SA built", listening: "unacceptable", reason: "subnets",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			cluster, office := ends()
			test.change(&cluster, &office)
			a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, office)
			b.start()
			b.listens()
			a.start()
			a.says(test.calling)
			b.says(test.listening)
			if a.ready() == nil {
				t.Error("the pod is ready without a tunnel")
			}
			if found := reason(a.Log()); !strings.Contains(found, test.reason) {
				t.Errorf("the reason is %q, want %q in it", found, test.reason)
			}
			l.doesNotReach(l.Cluster, charon.OfficeHost)
			// It calls again, so that what is put right at the other end is enough.
			a.says("calling the remote end")
			if b.ready() != nil {
				t.Error("the end that listens is not ready")
			}
		})
	}
}

func TestKeyThatIsPutRight(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, office := ends()
	a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, office)
	if err := b.Write("key", "another-key-of-good-length"); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.listens()
	a.start()
	a.says("received AUTHENTICATION_FAILED")
	if err := b.Write("key", labKey); err != nil {
		t.Fatal(err)
	}
	b.says("the pre-shared key has changed")
	a.isReady()
	l.reaches(l.Cluster, charon.OfficeHost)
}

func TestPeerThatDies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, office := ends()
	a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, office)
	b.start()
	b.listens()
	a.start()
	a.isReady()
	b.Kill()
	a.says("giving up after 3 retransmits")
	if found := reason(a.Log()); !strings.Contains(found, "does not answer") {
		t.Errorf("the reason is %q", found)
	}
	l.doesNotReach(l.Cluster, charon.OfficeHost)
	// Whoever calls while the peer's connection is not loaded yet is not refused.
	b.start()
	b.listens()
	l.reaches(l.Cluster, charon.OfficeHost)
	a.isReady()
}

func TestTranslatedNetworks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*tunnel)
		// there and back are what the hosts of the two sites call.
		there, back string
	}{
		{name: "local, one to one", change: func(c *tunnel) {
			c.localNAT, c.local.subnets = map[string]string{charon.ClusterSubnet: "10.10.0.0/16"}, []string{"10.10.0.0/16"}
		}, there: charon.OfficeHost, back: "10.10.0.10"},
		{name: "local, many to one", change: func(c *tunnel) {
			c.localNAT, c.local.subnets = map[string]string{charon.ClusterSubnet: "10.10.0.1/32"}, []string{"10.10.0.1/32"}
		}, there: charon.OfficeHost},
		{name: "single source", change: func(c *tunnel) {
			c.singleSourceIP, c.local.subnets = true, []string{"10.10.0.1/32"}
		}, there: charon.OfficeHost},
		{name: "remote", change: func(c *tunnel) {
			c.remoteNAT = map[string]string{charon.OfficeSubnet: "10.99.0.0/26"}
		}, there: "10.99.0.2", back: charon.ClusterHost},
		{name: "both", change: func(c *tunnel) {
			c.localNAT, c.local.subnets = map[string]string{charon.ClusterSubnet: "10.10.0.0/16"}, []string{"10.10.0.0/16"}
			c.remoteNAT = map[string]string{charon.OfficeSubnet: "10.99.0.0/26"}
		}, there: "10.99.0.2", back: "10.10.0.10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			cluster, _ := ends()
			test.change(&cluster)
			if wrong := cluster.check(); len(wrong) > 0 {
				t.Fatalf("%+v", wrong)
			}
			a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, mirror(cluster))
			b.start()
			b.listens()
			a.start()
			a.isReady()
			l.reaches(l.Cluster, test.there)
			if test.back != "" {
				l.reaches(l.Office, test.back)
				return
			}
			l.doesNotReach(l.Office, charon.ClusterHost)
		})
	}
}

// TestTermsThatCharonTakes loads every kind of term into a real charon.
func TestTermsThatCharonTakes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cases := map[string]func(*tunnel){
		"IKEv1":         func(t *tunnel) { t.ike.version = ikeV1 },
		"either IKE":    func(t *tunnel) { t.ike.version = ikeAny },
		"no proposals":  func(t *tunnel) { t.ike.proposals, t.esp.proposals = nil, nil },
		"two proposals": func(t *tunnel) { t.ike.proposals = append(t.ike.proposals, "aes128-sha256-ecp256") },
		"no dpd":        func(t *tunnel) { t.dpdAction = "none" },
		"hold":          func(t *tunnel) { t.dpdAction, t.closeAction = "hold", "none" },
		"restart":       func(t *tunnel) { t.closeAction, t.keyingTries = "restart", "3" },
		"options":       func(t *tunnel) { t.extraOptions = []string{"fragmentation = yes", "send_cert = never"} },
		"identities":    func(t *tunnel) { t.local.id, t.remote.id = "C=DE, O=Example, CN=a b", "vpn@example.com" },
	}
	for name, change := range cases { // one after the other, in one network
		t.Run(name, func(t *testing.T) {
			cluster, _ := ends()
			cluster.initiate, cluster.remote.gateway = false, anyPeer
			change(&cluster)
			g := lab{Lab: l.Lab, t: t}.gateway(l.Cluster, cluster)
			g.start()
			g.listens()
			g.isReady()
			if strings.Contains(g.Log(), "invalid") || strings.Contains(g.Log(), "not recognized") {
				t.Errorf("charon objects:\n%s", g.Log())
			}
		})
	}
}

func TestTermsThatCharonRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, _ := ends()
	cluster.ike.proposals = []string{"aes999-sha256-modp2048"}
	g := l.gateway(l.Cluster, cluster)
	g.start()
	g.says("load-conns.* failed")
	eventually(t, "the pod ends", func() error {
		if g.Running() {
			return errors.New("it runs")
		}
		return nil
	})
	if found := reason(g.Log()); !strings.Contains(found, "proposal") {
		t.Errorf("the reason is %q", found)
	}
}
