package strongswan

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charon"
)

// ibmStrongSwan is strongSwan as IBM's chart has it: configured by ipsec.conf,
// its log without the names of connections at the beginning of lines.
const ibmStrongSwan = `charon {
  load = random nonce aes sha1 sha2 hmac kdf openssl gmp pem pkcs1 pubkey kernel-libipsec kernel-netlink socket-default stroke %[2]s updown
  retransmit_timeout = 0.5
  retransmit_base = 1.4
  retransmit_tries = 3
  plugins {
    stroke {
      secrets_file = %[1]s/ipsec.secrets
    }
  }
  filelog {
    stderr {
%[3]s
    }
  }
}
`

// ibmGateway is the VPN pod of one end with IBM's chart. It can be asked by
// swanctl if vici is so.
func (l lab) ibmGateway(site *charon.Site, of tunnel, vici string) gateway {
	l.t.Helper()
	of.source = sourceIBM
	of.extraOptions = append(of.extraOptions, "dpddelay=1s", "dpdtimeout=4s")
	g, err := site.Gateway(ibmFiles(l.t, of))
	if err != nil {
		l.t.Fatal(err)
	}
	levels := strings.NewReplacer(" ", "\n", "=", " = ").Replace(of.loggingValue())
	if err := g.Write("strongswan.conf", fmt.Sprintf(ibmStrongSwan, g.Files(), vici, levels)); err != nil {
		l.t.Fatal(err)
	}
	g.Env = []string{"STRONGSWAN_CONF=" + filepath.Join(g.Files(), "strongswan.conf")}
	g.Capabilities = append(g.Capabilities, "net_raw", "kill")
	l.t.Cleanup(g.Kill)
	return gateway{Gateway: g, t: l.t}
}

// startIBM starts it as `ipsec start --nofork` does, and waits until its connection is loaded.
func (g gateway) startIBM() {
	g.t.Helper()
	if err := g.Start("/usr/lib/ipsec/starter", "--daemon", "charon", "--nofork", "--conf", filepath.Join(g.Files(), "ipsec.conf")); err != nil {
		g.t.Fatal(err)
	}
	g.says("added configuration 'k8s-conn'")
}

// told is what a log tells of the one connection.
func told(log string) string {
	var states []string
	for _, c := range parseLog(log) {
		states = append(states, c.name+" "+c.state)
	}
	return strings.Join(states, ", ")
}

// tells waits until the log tells that.
func (g gateway) tells(state string) {
	g.t.Helper()
	eventually(g.t, "the log tells "+state, func() error {
		if got := told(g.Log()); got != "k8s-conn "+state {
			return errors.New(got)
		}
		return nil
	})
}

// answers is what strongSwan says of its connections when it is asked as the data source asks.
func (g gateway) answers() []connection {
	g.t.Helper()
	out, err := g.Do(g.t.Context(), "sh", "-c", askStrongSwan)
	if err != nil {
		g.t.Fatal(err)
	}
	return parseStatus(out)
}

// Wherever the log is cut, what is left of it does not tell the contrary.
func tellsEverywhere(t *testing.T, log string, states ...string) {
	t.Helper()
	lines := strings.Split(log, "\n")
	right := map[string]bool{"": true, "k8s-conn " + stateUnknown: true}
	for _, s := range states {
		right["k8s-conn "+s] = true
	}
	for i := range lines {
		if got := told(strings.Join(lines[i:], "\n")); !right[got] {
			t.Fatalf("from line %d, %q, the log tells %s", i+1, lines[i], got)
		}
	}
}

// TestStatusOfRealTunnels reads the logs and the answers of real strongSwan, as
// both charts run it, with either version of IKE.
func TestStatusOfRealTunnels(t *testing.T) {
	t.Parallel()
	for _, version := range []string{ikeV1, ikeV2} {
		for _, chart := range []string{sourceBuiltin, sourceIBM} {
			t.Run(version+" "+chart, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				cluster, office := ends()
				cluster.ike.version, office.ike.version = version, version
				a, b := l.gateway(l.Cluster, cluster), l.gateway(l.Office, office)
				start := gateway.start
				if chart == sourceIBM {
					a, start = l.ibmGateway(l.Cluster, cluster, "vici"), gateway.startIBM
				}
				b.start()
				b.listens()
				b.tells(stateDown)
				start(a)
				a.tells(stateInstalled)
				b.tells(stateInstalled)
				for i, what := range []string{"--child", "--ike"} {
					if _, err := a.Do(t.Context(), "swanctl", "--rekey", what, "k8s-conn"); err != nil {
						t.Fatal(err)
					}
					done := []string{`CHILD_SA k8s-conn\{2\} established`, `k8s-conn\[2\] (rekeyed|established) between`}[i]
					a.says(done)
					b.says(done)
				}
				a.tells(stateInstalled)
				l.reaches(l.Cluster, charon.OfficeHost)
				want := connection{name: "k8s-conn", state: stateInstalled, peer: charon.OfficeGateway, local: []string{charon.ClusterSubnet}, remote: []string{charon.OfficeSubnet}}
				told := map[string][]connection{"log": parseLog(a.Log()), "swanctl": a.answers()}
				if chart == sourceIBM {
					out, err := a.Do(t.Context(), "/usr/lib/ipsec/stroke", "statusall")
					if err != nil {
						t.Fatal(err)
					}
					told["ipsec"] = parseStatus(out)
				}
				for by, all := range told {
					if len(all) != 1 {
						t.Fatalf("%s: %+v", by, all)
					}
					got := all[0]
					if counted := got.bytesIn > 0 && got.bytesOut > 0; counted == (by == "log") {
						t.Errorf("%s: %+v", by, got)
					}
					if got.bytesIn, got.bytesOut = 0, 0; !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %+v", by, got)
					}
				}
				tellsEverywhere(t, a.Log(), stateInstalled)
				tellsEverywhere(t, b.Log(), stateInstalled)
				if why := reason(a.Log()); why != "" {
					t.Errorf("a tunnel that is up is said to be down: %s", why)
				}
				b.Kill()
				a.says("giving up after 3 retransmits")
				a.tells(stateConnecting)
				tellsEverywhere(t, a.Log(), stateConnecting, stateDown)
				if why := reason(a.Log()); !strings.Contains(why, "does not answer") {
					t.Errorf("the reason is %q", why)
				}
			})
		}
	}
}

// TestReasonsOfRealTunnels gives the reason of each end, in the words of IKEv1 and of IBM's chart.
func TestReasonsOfRealTunnels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		change             func(office *tunnel)
		calling, listening string // state of the end
		why, whyListening  string
	}{
		{name: "key", change: func(o *tunnel) { o.preSharedKey = "another-key-of-good-length" }, calling: stateConnecting, listening: stateDown, why: "pre-shared keys", whyListening: "pre-shared keys"},
		{name: "identity", change: func(o *tunnel) { o.remote.id = "another-cloud" }, calling: stateDown, listening: stateDown, why: "identities", whyListening: "identity"},
		{name: "IKE", change: func(o *tunnel) { o.ike.proposals = []string{"aes128-sha1-modp1536"} }, calling: stateDown, listening: stateDown, why: "ike.proposals", whyListening: "ike.proposals"},
		{name: "ESP", change: func(o *tunnel) { o.esp.proposals = []string{"aes128-sha1"} }, calling: stateEstablished, listening: stateEstablished, why: "esp.proposals", whyListening: "esp.proposals"},
		{name: "subnets", change: func(o *tunnel) { o.remote.subnets = []string{"172.29.0.0/16"} }, calling: stateEstablished, listening: stateEstablished, why: "subnets", whyListening: "subnets"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			cluster, office := ends()
			cluster.ike.version, office.ike.version = ikeV1, ikeV1
			for _, of := range []*tunnel{&cluster, &office} {
				// IKEv1 does not choose: one of each.
				of.ike.proposals, of.esp.proposals = []string{"aes256-sha256-modp2048"}, []string{"aes256-sha256"}
			}
			test.change(&office)
			a, b := l.ibmGateway(l.Cluster, cluster, ""), l.ibmGateway(l.Office, office, "")
			b.startIBM()
			a.startIBM()
			for _, end := range []struct {
				gateway
				state, why string
			}{{a, test.calling, test.why}, {b, test.listening, test.whyListening}} {
				eventually(t, "the reason", func() error {
					if why := reason(end.Log()); !strings.Contains(why, end.why) {
						return fmt.Errorf("the reason is %q, want %q in it", why, end.why)
					}
					return nil
				})
				end.tells(end.state)
				if all := end.answers(); len(all) != 1 || all[0].name != "k8s-conn" || all[0].state != end.state || len(all[0].local) != 1 {
					t.Errorf("asked, it says %+v", all)
				}
				tellsEverywhere(t, end.Log(), stateConnecting, stateDown, stateEstablished)
			}
		})
	}
}
