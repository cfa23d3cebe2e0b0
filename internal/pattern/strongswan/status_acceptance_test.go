package strongswan_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// insides is what is inside a VPN pod: what it logs, and what strongSwan says
// when it is asked. Pods of localiks have nothing inside.
type insides struct{ log, status string }

const (
	insideNegotiating = `2026-11-25T17:56:12 00[DMN] Starting IKE charon daemon (strongSwan 5.9.14, Linux 6.8.0, x86_64)
2026-11-25T17:56:12 10[CFG] loaded IKE shared key with id 'ike-k8s' for: 'on-prem', 'ibm-cloud'
2026-11-25T17:56:12 13[CFG] added vici connection: k8s-conn
iks-vpn: the connection is loaded
2026-11-25T17:56:13 09[IKE] <k8s-conn|1> initiating IKE_SA k8s-conn[1] to 198.51.100.2
`
	insideConns = `k8s-conn: IKEv2, no reauthentication, rekeying every 10260s, dpd delay 30s
  local:  %any
  remote: 198.51.100.2
  k8s-conn: TUNNEL, rekeying every 3060s, dpd action is start
    local:  172.21.0.0/16 172.30.0.0/16
    remote: 10.91.152.128/26
`
)

// ofTunnelUp and ofWrongKey are the insides of a tunnel that is up, and of one whose ends have different keys.
func ofTunnelUp() insides {
	return insides{
		log: insideNegotiating + `2026-11-25T17:56:13 12[IKE] <k8s-conn|1> IKE_SA k8s-conn[1] established between 192.0.2.2[ibm-cloud]...198.51.100.2[on-prem]
2026-11-25T17:56:13 12[IKE] <k8s-conn|1> CHILD_SA k8s-conn{1} established with SPIs 626617f3_i fbb3e612_o and TS 172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26
`,
		status: insideConns + `k8s-conn: #1, ESTABLISHED, IKEv2, e9ee932ff316e107_i* 7f58fd80df5a4460_r
  local  'ibm-cloud' @ 192.0.2.2[4500]
  remote 'on-prem' @ 198.51.100.2[4500]
  k8s-conn: #1, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_CBC-256/HMAC_SHA2_256_128
    installed 5s ago, rekeying in 2908s, expires in 3595s
    in  626617f3,    756 bytes,     9 packets,     1s ago
    out fbb3e612,   1512 bytes,    18 packets,     1s ago
    local  172.21.0.0/16 172.30.0.0/16
    remote 10.91.152.128/26
`,
	}
}

func ofWrongKey() insides {
	return insides{
		log: insideNegotiating + `2026-11-25T17:56:13 15[IKE] <k8s-conn|1> received AUTHENTICATION_FAILED notify error
2026-11-25T17:56:13 15[IKE] <k8s-conn|1> IKE_SA k8s-conn[1] state change: CONNECTING => DESTROYING
`,
		status: insideConns,
	}
}

// serve answers in a kubelet's place, if it is a kubelet that is asked.
func (i *insides) serve(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case i == nil || !strings.Contains(r.URL.Path, "/pods/vpn-strongswan-"):
		return false
	case strings.HasSuffix(r.URL.Path, "/log"):
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(i.log))
		return true
	case strings.HasSuffix(r.URL.Path, "/exec"):
		upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return true
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{1}, i.status...))
		_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{3}, `{"status":"Success"}`...))
		return true
	}
	return false
}

// statusIn is the data source on the cluster as it is reached through front.
func statusIn(observe, more string) string {
	return fmt.Sprintf("data \"iks_strongswan_status\" %q {\n  cluster = \"mine\"\n  name = \"vpn\"\n  observe = %q\n%s\n}\n", observe, observe, more)
}

// TestAccStatus looks at one release in every way: of a tunnel that is up, of one
// that is down, on a worker that does not answer.
func TestAccStatus(t *testing.T) {
	e := acctest.Environment(t)
	var inside atomic.Pointer[insides]
	front := acctest.Interpose(t, e.Cluster(acctest.Classic), func(w http.ResponseWriter, r *http.Request) bool { return inside.Load().serve(w, r) })
	is := func(i insides) { inside.Store(&i) }
	after := "  depends_on = [iks_strongswan_vpn.it]"
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e, fmt.Sprintf("cluster_access = { mine = { host = %q } }", front))+
		built(acctest.Classic, "")+statusIn("none", after)+statusIn("logs", after)+statusIn("exec", after)+`
check "vpn" {
  assert {
    condition     = data.iks_strongswan_status.exec.up == true
    error_message = "The tunnel is down: ${data.iks_strongswan_status.exec.reason}"
  }
}
`)
	is(ofTunnelUp())
	if r := w.MustApply(); len(r.Warnings()) > 0 {
		t.Errorf("of a tunnel that is up: %q", r.Warnings())
	}
	addresses := fmt.Sprint(w.Attributes("iks_strongswan_vpn.it")["load_balancer_ips"])
	for _, way := range []string{"none", "logs", "exec"} {
		got := w.Attributes("data.iks_strongswan_status." + way)
		if got["up"] != true || got["reason"] != "" || got["ready"] != true || got["namespace"] != "default" || fmt.Sprint(got["load_balancer_ips"]) != addresses {
			t.Errorf("%s: %v", way, got)
		}
		if pods := fmt.Sprint(got["pods"]); !strings.Contains(pods, "name:vpn-strongswan-") || !strings.Contains(pods, "phase:Running") || strings.Contains(pods, "node:<nil>") || strings.Contains(pods, "address:<nil>") {
			t.Errorf("%s: pods %s", way, pods)
		}
		counted := map[string]string{"logs": "bytes_in:<nil> bytes_out:<nil>", "exec": "bytes_in:756 bytes_out:1512"}[way]
		want := "[map[" + counted + " local_subnets:[172.21.0.0/16 172.30.0.0/16] name:k8s-conn peer:198.51.100.2 reason: remote_subnets:[10.91.152.128/26] state:installed up:true]]"
		if way == "none" {
			want = "[]"
		}
		if connections := fmt.Sprint(got["connections"]); connections != want {
			t.Errorf("%s: connections %s, want %s", way, connections, want)
		}
	}

	is(ofWrongKey())
	r := w.MustApply()
	if warnings := r.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "The tunnel is down: the remote end refuses the authentication") {
		t.Errorf("of a tunnel that is down: %q", warnings)
	}
	for _, way := range []string{"logs", "exec"} {
		got := w.Attributes("data.iks_strongswan_status." + way)
		if got["up"] != false || !strings.Contains(fmt.Sprint(got["reason"]), "pre-shared key") || !strings.Contains(fmt.Sprint(got["connections"]), "state:down") {
			t.Errorf("%s: %v", way, got)
		}
	}

	// The workers of localiks have no kubelet that answers.
	inside.Store(nil)
	r = w.MustApply()
	if warnings := strings.Join(r.Warnings(), "\n"); strings.Count(warnings, "The VPN pod could not be looked into") != 2 || !strings.Contains(warnings, "could not be read") || !strings.Contains(warnings, "could not be asked") {
		t.Errorf("of workers that do not answer: %q", r.Warnings())
	}
	if got := w.Attributes("data.iks_strongswan_status.exec"); got["up"] != true {
		t.Errorf("the pod is ready, which tells of the tunnel: %v", got)
	}

	// A viewer may read logs, and not exec.
	e.IKS.AddAPIKey("status-viewer-key", fakeiks.Viewer)
	viewer := acctest.NewWorkspace(t, acctest.ProviderBlockFor(e, "status-viewer-key")+strings.Replace(statusIn("exec", ""), "mine", acctest.Classic, 1))
	if errs := viewer.Plan().Errors(); len(errs) != 1 || !strings.Contains(errs[0], "The tunnel may not be observed in this way") || !strings.Contains(errs[0], "`pods/exec` in namespace default") {
		t.Errorf("of a viewer: %q", errs)
	}
	w.MustDestroy()
}

// TestAccStatusOfNothing says what cannot be seen, and why.
func TestAccStatusOfNothing(t *testing.T) {
	e := acctest.Environment(t)
	status := func(arguments string) string {
		return fmt.Sprintf("data \"iks_strongswan_status\" %q {\n%s\n}\n", "x"+fmt.Sprint(len(arguments)), arguments)
	}
	nowhere := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+
		status("  cluster = \"classic\"\n  name = \"nothing\"")+
		status("  cluster = \"nowhere\"\n  name = \"vpn\""))
	r := nowhere.Plan()
	if warnings := r.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "There is no such VPN") {
		t.Errorf("of a release that is not there: %q", warnings)
	}
	if errs := r.Errors(); len(errs) != 1 || !strings.Contains(errs[0], `Cluster "nowhere" does not exist`) {
		t.Errorf("of a cluster that is not there: %q", errs)
	}
	for name, bad := range map[string]struct{ arguments, says string }{
		"name":      {"name = \"a,app=b\"", "must be the name of a Helm release"},
		"namespace": {"name = \"vpn\"\n  namespace = \"a/b\"", "must be the name of a namespace"},
		"observe":   {"name = \"vpn\"\n  observe = \"tcpdump\"", "must be one of"},
	} {
		nowhere.Write(acctest.ProviderBlock(e) + status("  cluster = \"classic\"\n  "+bad.arguments))
		if errs := nowhere.Run("validate", "-json").Output; !strings.Contains(errs, bad.says) {
			t.Errorf("%s: %s", name, errs)
		}
	}
}
