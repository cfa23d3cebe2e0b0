package packets

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// Places that tunnels lead to.
const (
	officeHost     where = "a company's office, its own address"
	translatedPods where = "every pod, under the address that the company knows"
	tunnelAddress  where = "the load balancer of a tunnel"
)

// strongswanImage is one in which this machine's strongSwan runs.
const strongswanImage = "registry.example.com/strongswan:1"

const (
	tunnelKey  = "correct-horse-battery-staple"
	podNetwork = "172.30.0.0/16"
	translated = "10.10.0.0/16"
)

// vpnTunnel is a configuration whose tunnel offers a network of the cluster's to the
// company; its load balancer and who calls whom are among the arguments. IPsec is
// done in userspace, as not every kernel has it.
func vpnTunnel(network string, arguments ...string) string {
	config := fmt.Sprintf(`resource "iks_strongswan_vpn" "it" {
  cluster      = var.cluster
  name         = "vpn"
  chart        = { source = "builtin" }
  image        = %q
  local        = { subnets = [%q] }
  ike          = { proposals = ["aes256-sha256-modp2048"] }
  esp          = { proposals = ["aes256-sha256-modp2048"] }
  extra_values = jsonencode({ kernel = "libipsec", retry = 1 })

  preshared_key_wo         = %q
  preshared_key_wo_version = 1

`, strongswanImage, network, tunnelKey)
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
}

// ibmTunnel is the same with IBM's chart, which runs strongSwan by ipsec.conf.
func ibmTunnel(network string, arguments ...string) string {
	config := fmt.Sprintf(`resource "iks_strongswan_vpn" "it" {
  cluster = var.cluster
  name    = "vpn"
  local   = { subnets = [%q] }
  ike     = { proposals = ["aes256-sha256-modp2048"] }
  esp     = { proposals = ["aes256-sha256-modp2048"] }

  preshared_key_wo         = %q
  preshared_key_wo_version = 1

`, network, tunnelKey)
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
}

// calls are arguments of a tunnel for which the cluster calls the company, and further ones.
func calls(more ...string) []string {
	return append([]string{"initiate = true", "remote = { gateway = var.office_gateway, subnets = [var.office_subnet] }"}, more...)
}

// listens are those of one that waits at a load balancer for the company to call.
func listens(more ...string) []string {
	return append([]string{"remote = { subnets = [var.office_subnet] }", "load_balancer_ip = var.tunnel_address"}, more...)
}

// noBalancer is an argument of a tunnel of the builtin chart that nobody is to call.
const noBalancer = `service_type = "none"`

// translation is one by which the company knows pods under another network.
var translation = fmt.Sprintf("local_subnet_nat = { %q = %q }", podNetwork, translated)

// gateway is an argument that lets in the company's gateway at the load balancer of a tunnel.
const gateway = `pass = [{ source_cidrs = [var.office_cidr], destination_cidrs = ["${var.tunnel_address}/32"], protocol = "UDP", ports = [500, 4500] }]`

// alone are lines of a cluster that leaves one way to the outside: what it needs
// to live is open, and all else is closed in both directions.
func alone() []line {
	return append(lives(), []line{
		{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: open},
		{from: []who{office, client}, to: workers, ports: nodePorts, without: open, with: dropped},
		{from: []who{office, client}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: dropped},
		{from: []who{neighbour}, to: workersPrivate, ports: []uint16{9100}, protocols: tcp, without: open, with: dropped},
		{from: []who{worker, pod}, to: server, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
		{from: []who{worker, pod}, to: internet, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
	}...)
}

// throughTunnel are lines of a tunnel: who may be reached only through it.
func throughTunnel(podsOfCompany where) []line {
	byPods := clusterName + "-app-"
	return []line{
		{from: []who{office}, to: podsOfCompany, ports: []uint16{8080}, without: dropped, with: open, by: byPods},
		{from: []who{pod}, to: officeHost, ports: []uint16{443, 8080}, protocols: tcp, without: dropped, with: open, by: "office"},
		{from: []who{pod}, to: officeHost, ports: []uint16{53}, protocols: udp, without: dropped, with: open, by: "office"},
		{from: []who{client}, to: podsOfCompany, ports: []uint16{8080}, without: dropped, with: dropped},
		{from: []who{office}, to: server, ports: []uint16{8080}, protocols: tcp, without: dropped, with: dropped},
		{from: []who{pod}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
	}
}

// behind are further lines, for an iks_inbound_guard beside the tunnel.
func behind(guard ...line) []line {
	return append([]line{{from: []who{office, client}, to: web, ports: []uint16{80}, without: open, with: dropped}}, guard...)
}

func strongswanVPN() []scenario {
	pods, shown := throughTunnel(pods), append(throughTunnel(translatedPods), line{
		from: []who{office}, to: pods, ports: []uint16{8080}, without: dropped, with: dropped,
	})
	all := []scenario{
		{
			name:   "leads a company to pods and back while an iks_inbound_guard lets nobody in, with nothing in clear on the wire",
			config: vpnTunnel(podNetwork, calls(noBalancer)...) + inbound(),
			tunnel: &companysTunnel{network: podNetwork},
			lines:  slices.Concat(pods, behind(line{from: []who{office, client}, to: workers, ports: nodePorts, without: open, with: dropped})),
			then:   nothingInClear(vpnTunnel(podNetwork, calls(noBalancer)...)),
		},
		{
			name: "leads a company to pods and back where both guards and both isolation sets leave no other way",
			config: strings.Join([]string{
				vpnTunnel(podNetwork, calls(noBalancer)...), guard(), inbound("ingress_health_monitors = []"),
				isolated(`network = "private"`, `allow = ["vrrp"]`, `peer_cidrs = [var.office_subnet]`),
				isolatedToo(`network = "public"`, `allow = ["vpn"]`),
			}, "\n"),
			tunnel: &companysTunnel{network: podNetwork},
			lines:  slices.Concat(pods, behind(alone()...)),
		},
		{
			name:   "shows the company another network than the pods'",
			config: vpnTunnel(translated, calls(noBalancer, translation)...),
			tunnel: &companysTunnel{network: translated},
			lines:  shown,
		},
		{
			name:   "is called by a company at its load balancer, where an iks_inbound_guard lets in its gateway alone",
			config: vpnTunnel(podNetwork, listens()...) + inbound(gateway),
			tunnel: &companysTunnel{network: podNetwork, calls: tunnelAddress},
			lines:  slices.Concat(pods, behind()),
		},
		{
			name:   "leads a company to pods and back with IBM's chart as well",
			config: ibmTunnel(podNetwork, calls()...) + inbound(),
			tunnel: &companysTunnel{network: podNetwork},
			lines:  slices.Concat(pods, behind()),
			then:   nothingInClear(ibmTunnel(podNetwork, calls()...)),
		},
		{
			name:   "is called with IBM's chart as well, and shows the company another network",
			config: ibmTunnel(translated, listens(translation)...) + inbound(gateway),
			tunnel: &companysTunnel{network: translated, calls: tunnelAddress},
			lines:  slices.Concat(shown, behind()),
		},
	}
	for i := range all {
		all[i].resource = "iks_strongswan_vpn"
	}
	return all
}

// nothingInClear looks at the wire of the company's gateway while the office
// asks pods who they are. The control: asked over the internet, after the guard
// is gone and the tunnel alone is there, their answer can be read there.
func nothingInClear(tunnel string) func(*testing.T, *run) {
	return func(t *testing.T, r *run) {
		t.Helper()
		r.nothingInClear(t, tunnel)
	}
}

func (r *run) nothingInClear(t *testing.T, tunnel string) {
	t.Helper()
	answer := dataplane.Says(clusterName + "-app-")
	wire := func(l line) (readable, encrypted int) {
		t.Helper()
		c, err := r.stage.lab.Gateway.Capture("eth0")
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, "while the wire is looked at", []line{l}, line.verdictWith)
		readable, encrypted = c.Count(answer), c.Count(dataplane.Encrypted)
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		return readable, encrypted
	}
	readable, encrypted := wire(line{from: []who{office}, to: pods, ports: []uint16{8080}, with: open})
	if readable != 0 || encrypted == 0 {
		t.Errorf("through the tunnel, %d packets in clear and %d encrypted ones crossed the wire", readable, encrypted)
	}
	r.workspace.Write(r.head + tunnel)
	r.workspace.MustApply()
	if readable, encrypted := wire(line{from: []who{office}, to: web, ports: []uint16{80}, with: open}); readable == 0 || encrypted != 0 {
		t.Errorf("over the internet, %d packets in clear and %d encrypted ones crossed the wire", readable, encrypted)
	}
}

// companysTunnel is what a company's gateway knows of a tunnel: the network of
// the cluster's, and whom it calls; nowhere if it waits to be called.
type companysTunnel struct {
	network string
	calls   where
}

// companysGateway is what the company's administrator writes for strongSwan:
// who calls with the key reaches the office, and the network is the cluster's.
const companysGateway = `connections {
  cloud {
    version = 2
    remote_addrs = %s
    encap = yes
    keyingtries = 0
    local { auth = psk
      id = on-prem }
    remote { auth = psk
      id = ibm-cloud }
    proposals = aes256-sha256-modp2048
    children { cloud { esp_proposals = aes256-sha256-modp2048
      local_ts = %s
      remote_ts = %s
      start_action = %s
      dpd_action = %s } }
    dpd_delay = 2s
  }
}
secrets { ike-cloud { secret = "%s" } }
`

const companysStrongswan = `charon {
  load = random nonce aes ctr sha1 sha2 hmac kdf gcm openssl curve25519 gmp pem pkcs1 pubkey kernel-libipsec kernel-netlink socket-default vici updown
  retransmit_timeout = 0.5
  retransmit_base = 1
  retransmit_tries = 3
  filelog { stderr { default = 1
    flush_line = yes } }
}
`

const companysStart = `export STRONGSWAN_CONF=/etc/company/strongswan.conf
/usr/lib/ipsec/charon &
charon=$!
trap 'kill -TERM $charon; wait $charon; exit 0' TERM
until swanctl --stats >/dev/null 2>&1; do sleep 0.1; done
swanctl --load-all --noprompt --file /etc/company/swanctl.conf 2>/dev/null
echo the gateway listens
wait $charon
`

// company has the company's gateway wait for a tunnel.
func (r *run) company(t *testing.T) {
	t.Helper()
	lab, of := r.stage.lab, r.scenario.tunnel
	to, begins := "%any", "none"
	if of.calls != "" {
		to, begins = r.stage.addresses(of.calls)[0].String(), "start"
	}
	gateway, err := lab.Run(lab.Gateway, sandbox.Files{"/etc/company": {
		"strongswan.conf": []byte(companysStrongswan), "start.sh": []byte(companysStart),
		"swanctl.conf": fmt.Appendf(nil, companysGateway, to, dataplane.OfficeSubnet, of.network, begins, begins, tunnelKey),
	}}, "sh", "/etc/company/start.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		gateway.Stop()
		if t.Failed() {
			t.Logf("the company's gateway:\n%s", gateway.Log())
			for _, p := range r.stage.cluster.Real(namespace) {
				t.Logf("pod %s:\n%s", p.Name, p.Log)
			}
		}
	})
	acctest.Eventually(t, "the company's gateway listens", func() error {
		if said := gateway.Log(); !strings.Contains(said, "the gateway listens") {
			return fmt.Errorf("it says %q", said)
		}
		return nil
	})
}

// routed says whether every worker has a route of the tunnel's to the company, or none has.
func (r *run) routed(t *testing.T, when string, want bool) {
	t.Helper()
	acctest.Eventually(t, when+", the workers' routes to the company", func() error {
		for _, w := range r.stage.cluster.Workers {
			found, err := w.Run(t.Context(), "", "ip", "-4", "route", "show", "table", "all", "exact", dataplane.OfficeSubnet.String())
			if err != nil {
				return err
			}
			if (found != "") != want {
				return fmt.Errorf("worker %s has %q", w.Name, found)
			}
		}
		return nil
	})
}

// seenAs are addresses under which the company knows pods.
func seenAs(pods []netip.Addr) []netip.Addr {
	var list []netip.Addr
	network := netip.MustParsePrefix(translated).Addr().As4()
	for _, p := range pods {
		address := p.As4()
		copy(address[:2], network[:2])
		list = append(list, netip.AddrFrom4(address))
	}
	return list
}

// missingForTunnels says what this machine lacks for tunnels, "" for nothing.
func missingForTunnels() string {
	for _, file := range []string{"/dev/net/tun", "/usr/lib/ipsec/charon", "/usr/sbin/ipsec", "/usr/bin/curl", "/usr/sbin/swanctl", "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"} {
		if _, err := os.Stat(file); err != nil {
			return file + ", of the Debian packages curl, strongswan, strongswan-swanctl and libcharon-extra-plugins"
		}
	}
	return ""
}
