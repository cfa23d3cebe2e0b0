package strongswan

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const (
	listedConns = `k8s-conn: IKEv2, reauthentication every 10260s, no rekeying, dpd delay 1s
  local:  %any
  remote: 198.51.100.2
  remote: 0.0.0.0/0
  local pre-shared key authentication:
    id: ibm-cloud
  remote pre-shared key authentication:
    id: on-prem
  k8s-conn: TUNNEL, rekeying every 3060s, dpd action is start
    local:  172.21.0.0/16 172.30.0.0/16
    remote: 10.91.152.128/26
`
	statusall = `Status of IKE charon daemon (strongSwan 5.9.14, Linux 6.8.0, x86_64):
  uptime: 23 seconds, since Nov 22 16:00:44 2026
Listening IP addresses:
  192.0.2.2
Connections:
k8s-conn-dal10:  %any...198.51.100.2,0.0.0.0/0,::/0  IKEv2, dpddelay=30s
k8s-conn-dal10:   local:  [169.60.1.1] uses pre-shared key authentication
k8s-conn-dal10:   remote: [on-premises] uses pre-shared key authentication
k8s-conn-dal10:   child:  172.30.0.0/16 172.21.0.0/16 === 10.91.152.128/26 TUNNEL, dpdaction=start
k8s-conn-dal12:  %any...198.51.100.2,0.0.0.0/0,::/0  IKEv2, dpddelay=30s
k8s-conn-dal12:   child:  172.30.0.0/16 172.21.0.0/16 === 10.91.152.128/26 TUNNEL, dpdaction=start
Routed Connections:
k8s-conn-dal12{9}:  ROUTED, TUNNEL, reqid 9
k8s-conn-dal12{9}:   172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26
Security Associations (1 up, 1 connecting):
  (unnamed)[7]: CONNECTING, 192.0.2.2[%any]...203.0.113.9[x]...198.51.100.2[x]
`
	statusallUp = `k8s-conn-dal10[1]: ESTABLISHED 23 seconds ago, 192.0.2.2[169.60.1.1]...198.51.100.2[on-premises]
k8s-conn-dal10[1]: IKEv2 SPIs: f5928f47d61b56a4_i* f111ecc9721437cc_r, pre-shared key reauthentication in 2 hours
k8s-conn-dal10{1}:  REKEYED, TUNNEL, reqid 1, expires in 50 minutes
k8s-conn-dal10{1}:   172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26
k8s-conn-dal10{2}:  INSTALLED, TUNNEL, reqid 1, ESP in UDP SPIs: d71b0a8e_i 4c44f2c1_o
k8s-conn-dal10{2}:  AES_CBC_256/HMAC_SHA2_256_128, 756 bytes_i (9 pkts, 19s ago), 1512 bytes_o (18 pkts, 19s ago), rekeying in 49 minutes
k8s-conn-dal10{2}:   172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26
`
)

func TestParseStatus(t *testing.T) {
	t.Parallel()
	const networks = "[172.21.0.0/16 172.30.0.0/16] [10.91.152.128/26]"
	for _, test := range []struct{ name, text, want string }{
		{name: "nothing"},
		{name: "loaded", text: listedConns, want: "{k8s-conn DOWN  " + networks + " 0 0}"},
		{name: "up", text: listedConns + listedSAs, want: "{k8s-conn INSTALLED 198.51.100.2 " + networks + " 756 1512}"},
		{name: "calling", text: listedConns + "k8s-conn: #3, CONNECTING, IKEv2, f5_i* 00_r\n  remote '%any' @ 198.51.100.2[500]\n", want: "{k8s-conn CONNECTING 198.51.100.2 " + networks + " 0 0}"},
		{name: "twice", text: listedConns + listedSAs + "k8s-conn: #2, ESTABLISHED, IKEv2, f5_i* f1_r\n  remote 'on-prem' @ 198.51.100.3[4500]\n", want: "{k8s-conn INSTALLED 198.51.100.2 " + networks + " 756 1512}"},
		{name: "a stranger", text: listedConns + "(unnamed): #3, CONNECTING, IKEv2, f5_i* 00_r\n  remote '%any' @ 203.0.113.9[500]\n", want: "{k8s-conn DOWN  " + networks + " 0 0}"},
		{name: "a stranger's name", text: listedConns + "k8s-conn: #3, CONNECTING, IKEv2, f5_i* 00_r\n  remote 'x: #1, reqid 1, INSTALLED, TUNNEL' @ 203.0.113.9[500]\n", want: "{k8s-conn CONNECTING 203.0.113.9 " + networks + " 0 0}"},
		{name: "not loaded any more", text: listedSAs, want: "{k8s-conn INSTALLED 198.51.100.2 " + networks + " 756 1512}"},
		{name: "ipsec, none", text: statusall, want: "{k8s-conn-dal10 DOWN  [172.30.0.0/16 172.21.0.0/16] [10.91.152.128/26] 0 0} {k8s-conn-dal12 DOWN  " + networks + " 0 0}"},
		{name: "ipsec, one", text: statusall + statusallUp, want: "{k8s-conn-dal10 INSTALLED 198.51.100.2 " + networks + " 756 1512} {k8s-conn-dal12 DOWN  " + networks + " 0 0}"},
		{name: "ipsec, calling", text: statusall + "k8s-conn-dal12[2]: CONNECTING, 192.0.2.2[%any]...198.51.100.2[%any]\n", want: "{k8s-conn-dal10 DOWN  [172.30.0.0/16 172.21.0.0/16] [10.91.152.128/26] 0 0} {k8s-conn-dal12 CONNECTING 198.51.100.2 " + networks + " 0 0}"},
		{name: "ipsec, a stranger's name", text: statusall + "k8s-conn-dal12[2]: CONNECTING, 192.0.2.2[%any]...198.51.100.2[x{1}:  INSTALLED, TUNNEL]\n", want: "{k8s-conn-dal10 DOWN  [172.30.0.0/16 172.21.0.0/16] [10.91.152.128/26] 0 0} {k8s-conn-dal12 CONNECTING 198.51.100.2 " + networks + " 0 0}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range parseStatus(test.text) {
				got = append(got, fmt.Sprint(c))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add(listedConns + listedSAs)
	f.Add(statusall + statusallUp)
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		for _, c := range parseStatus(text) {
			if c.name == "" || c.state == "" || c.name == unnamedConnection || seen[c.name] {
				t.Errorf("%+v", c)
			}
			seen[c.name] = true
		}
	})
}

const (
	execWell = `{"metadata":{},"status":"Success"}`
	execExit = `{"metadata":{},"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"1"}]}}`
	execLost = "" // the worker is lost under way
	execGone = `{"metadata":{},"status":"Failure","message":"error dialing backend: no route to host","reason":"InternalError","code":500}`
)

// answerExec lets a command in the pod print that and end so, and serves a log.
func answerExec(printed, end, log string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/exec") {
			return answerLog(log)(w, r)
		}
		if q := r.URL.Query(); !slices.Equal(q["command"], []string{"sh", "-c", askStrongSwan}) || q.Get("container") == "" || q.Has("stdin") || q.Has("tty") {
			http.Error(w, "unexpected query "+r.URL.RawQuery, http.StatusTeapot)
			return true
		}
		upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return true
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{1}, printed...))
		if end != execLost {
			_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{3}, end...))
		}
		return true
	}
}

func TestStatusFromExec(t *testing.T) {
	t.Parallel()
	const networks = "[172.21.0.0/16 172.30.0.0/16] [10.91.152.128/26]"
	for _, test := range []struct {
		name              string
		pod               corev1.Pod
		printed, end, log string
		refuses           []string
		up, reason        string
		connections       string
		requests          string
	}{
		{name: "up", pod: podOf("a"), printed: listedConns + listedSAs, end: execWell, up: "true", connections: "k8s-conn true installed " + networks, requests: "exec"},
		{name: "refused", pod: podOf("a"), printed: listedConns, end: execWell, log: logStart + logCalling + logRefused, up: "false", reason: "pre-shared key", connections: "k8s-conn false down " + networks, requests: "exec log"},
		{name: "the log may not be read", pod: podOf("a"), printed: listedConns, end: execWell, refuses: []string{"/log"}, up: "false", reason: "there is no tunnel, and the log, which may say why, may not be read", connections: "k8s-conn false down " + networks, requests: "exec log"},
		{name: "nobody calls", pod: podOf("a", builtinPod("false")), printed: listedConns, end: execWell, log: logStart, up: "false", reason: "the remote end does not call", connections: "k8s-conn false down " + networks, requests: "exec log"},
		{name: "nothing loaded", pod: podOf("a"), end: execWell, up: "false", reason: "has no connection", requests: "exec log"},
		{name: "no strongSwan", pod: podOf("a"), end: execExit, log: "loading connection 'k8s-conn' failed: invalid value for: proposals, config discarded\n", up: "false", reason: "neither swanctl nor ipsec gets an answer from strongSwan; its log says: strongSwan does not know an algorithm", requests: "exec log"},
		{name: "no kubelet", pod: podOf("a"), end: execGone, up: "unknown", reason: "strongSwan in pod default/a could not be asked: exec in Pod default/a", requests: "exec"},
		{name: "worker is lost", pod: podOf("a"), printed: listedConns, end: execLost, up: "unknown", reason: "strongSwan in pod default/a could not be asked: exec in Pod default/a", requests: "exec"},
		{name: "no kubelet, ready", pod: podOf("a", builtinPod("true")), end: execGone, up: "true", requests: "exec"},
		{name: "ends again and again", pod: podOf("a", waitingPod("CrashLoopBackOff", "back-off"), func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1}
		}), refuses: []string{"/log"}, up: "false", reason: "CrashLoopBackOff", requests: "log"},
		{name: "does not run", pod: podOf("a", waitingPod("ImagePullBackOff", "not found")), up: "false", reason: "ImagePullBackOff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &plane{pods: []corev1.Pod{test.pod}, answer: answerExec(test.printed, test.end, test.log), refuses: test.refuses}
			m, err := p.read(t, statusModel{Observe: types.StringValue(observeExec)})
			if err != nil {
				t.Fatal(err)
			}
			if reason := m.Reason.ValueString(); upness(m) != test.up || !strings.Contains(reason, test.reason) || (test.reason == "") != (reason == "") {
				t.Errorf("up is %s: %q", upness(m), reason)
			}
			if got := shown(m); got != test.connections {
				t.Errorf("connections %s", got)
			}
			if test.name == "up" && (m.Connections[0].BytesIn.ValueInt64() != 756 || m.Connections[0].BytesOut.ValueInt64() != 1512 || m.Connections[0].Peer.ValueString() != "198.51.100.2") {
				t.Errorf("%+v", m.Connections)
			}
			var asked []string
			for _, at := range p.requests() {
				if what, of := strings.CutPrefix(at, "/api/v1/namespaces/default/pods/a/"); of {
					asked = append(asked, what)
				}
			}
			if strings.Join(asked, " ") != test.requests {
				t.Errorf("requests %q", asked)
			}
		})
	}
}

func TestStatusThatMayNotBeAsked(t *testing.T) {
	t.Parallel()
	_, err := (&plane{pods: []corev1.Pod{podOf("a")}, refuses: []string{"/exec"}}).read(t, statusModel{Observe: types.StringValue(observeExec)})
	refusal, ok := framework.AsRefusal(err)
	if !ok || !refusal.Problems[0].Path.Equal(path.Root("observe")) || !strings.Contains(refusal.Problems[0].Detail, "to get and create `pods/exec` in namespace default") {
		t.Errorf("got %v", err)
	}
}
