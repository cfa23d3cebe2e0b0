package strongswan

import (
	"reflect"
	"strings"
	"testing"
)

func (g gateway) status() []connection {
	g.t.Helper()
	out, err := g.Do(g.t.Context(), "swanctl", "--list-sas")
	if err != nil {
		g.t.Fatal(err)
	}
	return parseSAs(out)
}

const listedSAs = `k8s-conn: #1, ESTABLISHED, IKEv2, f5928f47d61b56a4_i* f111ecc9721437cc_r
  local  'ibm-cloud' @ 192.0.2.2[4500]
  remote 'on-premises' @ 198.51.100.2[4500]
  AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048
  established 23s ago, reauth in 9784s
  k8s-conn: #1, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_CBC-256/HMAC_SHA2_256_128
    installed 23s ago, rekeying in 2962s, expires in 3577s
    in  d71b0a8e,    756 bytes,     9 packets,    19s ago
    out 4c44f2c1,   1512 bytes,    18 packets,    19s ago
    local  172.21.0.0/16 172.30.0.0/16
    remote 10.91.152.128/26
`

const rekeyedSAs = listedSAs + `  k8s-conn: #2, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_CBC-256/HMAC_SHA2_256_128
    installed 1s ago, rekeying in 2962s, expires in 3577s
    in  d71b0a8f,      4 bytes,     1 packets,     0s ago
    out 4c44f2c2,      8 bytes,     1 packets,     0s ago
    local  172.30.0.0/16
    remote 10.91.152.128/26
`

func TestParseSAs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []connection
	}{
		{name: "nothing"},
		{name: "up", text: listedSAs, want: []connection{{
			name: "k8s-conn", state: "INSTALLED", peer: "198.51.100.2", bytesIn: 756, bytesOut: 1512,
			local: []string{"172.21.0.0/16", "172.30.0.0/16"}, remote: []string{"10.91.152.128/26"},
		}}},
		{name: "rekeyed", text: rekeyedSAs, want: []connection{{
			name: "k8s-conn", state: "INSTALLED", peer: "198.51.100.2", bytesIn: 760, bytesOut: 1520,
			local: []string{"172.30.0.0/16"}, remote: []string{"10.91.152.128/26"},
		}}},
		{name: "the old one last", text: rekeyedSAs + strings.Replace(listedSAs[strings.Index(listedSAs, "  k8s-conn: #1"):], "INSTALLED", "REKEYED", 1), want: []connection{{
			name: "k8s-conn", state: "INSTALLED", peer: "198.51.100.2", bytesIn: 1516, bytesOut: 3032,
			local: []string{"172.30.0.0/16"}, remote: []string{"10.91.152.128/26"},
		}}},
		{name: "keys of nothing are renewed", text: "k8s-conn: #2, REKEYING, IKEv2, f5_i* f1_r\n", want: []connection{{name: "k8s-conn", state: "ESTABLISHED"}}},
		{name: "agreed on nothing but each other", text: "k8s-conn: #2, ESTABLISHED, IKEv2, f5_i* f1_r\n  remote 'on-prem' @ 198.51.100.2[4500]\n", want: []connection{{name: "k8s-conn", state: "ESTABLISHED", peer: "198.51.100.2"}}},
		{name: "calling", text: "k8s-conn: #3, CONNECTING, IKEv2, f5_i* 00_r\n  remote '%any' @ 198.51.100.2[500]\n", want: []connection{{name: "k8s-conn", state: "CONNECTING", peer: "198.51.100.2"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := parseSAs(test.text)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			for _, c := range got {
				if c.up() != (c.state == "INSTALLED") {
					t.Errorf("%s is up: %v", c.state, c.up())
				}
			}
		})
	}
}

func TestReasonIsThatOfTheLastAttempt(t *testing.T) {
	t.Parallel()
	const refused = "received AUTHENTICATION_FAILED notify error\n"
	const up = "CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
	const accepted = "selecting traffic selectors for us:\n"
	for log, want := range map[string]bool{"": false, refused: true, refused + up: false, up + refused: true, accepted: false} {
		if got := reason(log); (got != "") != want {
			t.Errorf("%q: %q", log, got)
		}
	}
}
