package packets

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

// Places that tunnels lead to.
const (
	officeHost     where = "a company's office, its own address"
	translatedPods where = "every pod, under the address that the company knows"
)

// strongswanImage is one in which this machine's strongSwan runs.
const strongswanImage = "registry.example.com/strongswan:1"

const (
	tunnelKey  = "correct-horse-battery-staple"
	podNetwork = "172.30.0.0/16"
	translated = "10.10.0.0/16"
)

// vpnTunnel is a configuration whose tunnel offers a network of the cluster's to the company. IPsec
// is done in userspace, as not every kernel has it.
func vpnTunnel(network string, arguments ...string) string {
	config := fmt.Sprintf(`resource "iks_strongswan_vpn" "it" {
  cluster      = var.cluster
  name         = "vpn"
  chart        = { source = "builtin" }
  image        = %q
  initiate     = true
  remote       = { gateway = var.office_gateway, subnets = [var.office_subnet] }
  local        = { subnets = [%q] }
  ike          = { proposals = ["aes256-sha256-modp2048"] }
  esp          = { proposals = ["aes256-sha256-modp2048"] }
  service_type = "none"
  extra_values = jsonencode({ kernel = "libipsec", retry = 1 })

  preshared_key_wo         = %q
  preshared_key_wo_version = 1
`, strongswanImage, network, tunnelKey)
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
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

func strongswanVPN() []scenario {
	all := []scenario{
		{
			name:   "leads a company to pods and back while an iks_inbound_guard lets nobody in, with nothing in clear on the wire",
			config: vpnTunnel(podNetwork) + inbound(),
			tunnel: podNetwork,
			lines: append(throughTunnel(pods), []line{
				{from: []who{office, client}, to: web, ports: []uint16{80}, without: open, with: dropped},
				{from: []who{office, client}, to: workers, ports: nodePorts, without: open, with: dropped},
			}...),
			then: nothingInClear,
		},
		{
			name:   "shows the company another network than the pods'",
			config: vpnTunnel(translated, fmt.Sprintf("local_subnet_nat = { %q = %q }", podNetwork, translated)),
			tunnel: translated,
			lines: append(throughTunnel(translatedPods), []line{
				{from: []who{office}, to: pods, ports: []uint16{8080}, without: dropped, with: dropped},
			}...),
		},
	}
	for i := range all {
		all[i].resource = "iks_strongswan_vpn"
	}
	return all
}

// nothingInClear looks at the wire of the company's gateway while the office
// asks pods who they are. The control: asked over the internet, after the guard
// is gone, their answer can be read there.
func nothingInClear(t *testing.T, r *run) {
	t.Helper()
	answer := dataplane.Says(clusterName + "-app-")
	wire := func(l line) (clear, encrypted int) {
		t.Helper()
		c, err := r.stage.lab.Gateway.Capture("eth0")
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, "while the wire is looked at", []line{l}, line.verdictWith)
		clear, encrypted = c.Count(answer), c.Count(dataplane.Encrypted)
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		return clear, encrypted
	}
	clear, encrypted := wire(line{from: []who{office}, to: pods, ports: []uint16{8080}, with: open})
	if clear != 0 || encrypted == 0 {
		t.Errorf("through the tunnel, %d packets in clear and %d encrypted ones crossed the wire", clear, encrypted)
	}
	r.workspace.Write(r.head + vpnTunnel(podNetwork))
	r.workspace.MustApply()
	if clear, encrypted := wire(line{from: []who{office}, to: web, ports: []uint16{80}, with: open}); clear == 0 || encrypted != 0 {
		t.Errorf("over the internet, %d packets in clear and %d encrypted ones crossed the wire", clear, encrypted)
	}
}

// companysGateway is what the company's administrator writes for strongSwan:
// who calls with the key reaches the office, and the network is the cluster's.
const companysGateway = `connections {
  cloud {
    version = 2
    remote_addrs = %%any
    encap = yes
    local { auth = psk
      id = on-prem }
    remote { auth = psk
      id = ibm-cloud }
    proposals = aes256-sha256-modp2048
    children { cloud { esp_proposals = aes256-sha256-modp2048
      local_ts = %s
      remote_ts = %s } }
  }
}
secrets { ike-cloud { secret = "%s" } }
`

const companysStrongswan = `charon {
  load = random nonce aes ctr sha1 sha2 hmac kdf gcm openssl curve25519 gmp pem pkcs1 pubkey kernel-libipsec kernel-netlink socket-default vici updown
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
	lab := r.stage.lab
	gateway, err := lab.Run(lab.Gateway, dataplane.Files{"/etc/company": {
		"strongswan.conf": []byte(companysStrongswan), "start.sh": []byte(companysStart),
		"swanctl.conf": fmt.Appendf(nil, companysGateway, dataplane.OfficeSubnet, r.scenario.tunnel, tunnelKey),
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
	for _, file := range []string{"/dev/net/tun", "/usr/lib/ipsec/charon", "/usr/sbin/swanctl", "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"} {
		if _, err := os.Stat(file); err != nil {
			return file + ", of the Debian packages strongswan, strongswan-swanctl and libcharon-extra-plugins"
		}
	}
	return ""
}
