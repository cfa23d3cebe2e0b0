package strongswan

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const (
	logStart   = "00[DMN] Starting IKE charon daemon (strongSwan 5.9.14, Linux 6.8.0, x86_64)\n00[CFG]   loaded IKE secret for ibm-cloud on-prem\n08[CFG] added configuration 'k8s-conn'\n"
	logCalling = "13[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2\n"
	logAgreed  = "12[IKE] IKE_SA k8s-conn[1] established between 192.0.2.2[ibm-cloud]...198.51.100.2[on-prem]\n"
	logUp      = "12[IKE] CHILD_SA k8s-conn{1} established with SPIs 626617f3_i fbb3e612_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
	logKeyed   = "12[IKE] IKE_SA k8s-conn[2] rekeyed between 192.0.2.2[ibm-cloud]...198.51.100.2[on-prem]\n"
	logRefused = "15[IKE] received AUTHENTICATION_FAILED notify error\n"
)

// answerLog serves the log of a pod, if that is what it is asked for.
func answerLog(text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		if q := r.URL.Query(); q.Get("tailLines") != "10000" || q.Get("limitBytes") != "1048576" || q.Get("container") == "" {
			http.Error(w, "unexpected query "+r.URL.RawQuery, http.StatusTeapot)
			return true
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(text))
		return true
	}
}

func answerFailure(code int, reason metav1.StatusReason) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		answerRefusal(w, code, reason, "dial tcp 10.1.1.1:10250: connect: no route to host")
		return true
	}
}

// shown is what a data source says of the connections, in short.
func shown(m statusModel) string {
	var out []string
	for _, c := range m.Connections {
		up := "unknown"
		if !c.Up.IsNull() {
			up = fmt.Sprint(c.Up.ValueBool())
		}
		out = append(out, fmt.Sprintf("%s %s %s %v %v", c.Name, up, c.State, c.LocalSubnets, c.RemoteSubnets))
	}
	return strings.Join(out, "; ")
}

func TestStatusFromLogs(t *testing.T) {
	t.Parallel()
	crashes := func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1}
	}
	for _, test := range []struct {
		name        string
		pod         corev1.Pod
		log         string
		answer      func(http.ResponseWriter, *http.Request) bool
		up, reason  string
		connections string
	}{
		{name: "up", pod: podOf("a"), log: logStart + logCalling + logAgreed + logUp, up: "true", connections: "k8s-conn true installed [172.30.0.0/16] [10.91.152.128/26]"},
		{name: "refused", pod: podOf("a"), log: logStart + logCalling + logRefused, up: "false", reason: "pre-shared key", connections: "k8s-conn false down [] []"},
		{name: "calling", pod: podOf("a"), log: logStart + logCalling, up: "false", reason: "has not answered yet", connections: "k8s-conn false connecting [] []"},
		{name: "agreed on each other", pod: podOf("a"), log: logStart + logCalling + logAgreed, up: "false", reason: "not on what the tunnel carries", connections: "k8s-conn false established [] []"},
		{name: "other subnets", pod: podOf("a"), log: logStart + logCalling + logAgreed + "05[IKE] received TS_UNACCEPTABLE notify, no CHILD_SA built\n", up: "false", reason: "compare local.subnets", connections: "k8s-conn false established [] []"},
		{name: "nobody calls", pod: podOf("a"), log: logStart, up: "false", reason: "the log does not say why", connections: "k8s-conn false down [] []"},
		{name: "nobody calls the builtin chart's", pod: podOf("a", builtinPod("false")), log: logStart, up: "false", reason: "the remote end does not call", connections: "k8s-conn false down [] []"},
		{name: "one of two zones", pod: podOf("a"), log: logStart + strings.ReplaceAll(logStart[strings.Index(logStart, "08"):]+logAgreed+logUp, "k8s-conn", "a-conn"), up: "true", connections: "a-conn true installed [172.30.0.0/16] [10.91.152.128/26]; k8s-conn false down [] []"},
		{name: "cut", pod: podOf("a"), log: logKeyed, up: "unknown", reason: "does not reach back", connections: "k8s-conn unknown unknown [] []"},
		{name: "cut, ready", pod: podOf("a", builtinPod("true")), log: logKeyed, up: "true", connections: "k8s-conn unknown unknown [] []"},
		{name: "cut, not ready", pod: podOf("a", builtinPod("true"), unready), log: logKeyed, up: "false", reason: "no tunnel that carries packets", connections: "k8s-conn unknown unknown [] []"},
		{name: "silent", pod: podOf("a"), log: "12[IKE] sending DPD request\n", up: "unknown", reason: "tells of no connection"},
		{name: "ends again and again", pod: podOf("a", waitingPod("CrashLoopBackOff", "back-off"), crashes), log: "loading connection 'k8s-conn' failed: invalid value for: proposals, config discarded\n", up: "false", reason: "CrashLoopBackOff: back-off; it ended with exit code 1; its log says: strongSwan does not know an algorithm in ike.proposals"},
		{name: "never started", pod: podOf("a", waitingPod("ImagePullBackOff", "not found")), answer: answerFailure(400, metav1.StatusReasonBadRequest), up: "false", reason: "ImagePullBackOff"},
		{name: "worker is gone", pod: podOf("a"), answer: answerFailure(500, metav1.StatusReasonInternalError), up: "unknown", reason: "no route to host"},
		{name: "worker is gone, builtin", pod: podOf("a", builtinPod("true"), unready), answer: answerFailure(500, metav1.StatusReasonInternalError), up: "false", reason: "is not ready"},
		{name: "pod is gone", pod: podOf("a"), answer: answerFailure(404, metav1.StatusReasonNotFound), up: "unknown", reason: "could not be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.answer == nil {
				test.answer = answerLog(test.log)
			}
			p := &plane{pods: []corev1.Pod{test.pod}, answer: test.answer}
			m, err := p.read(t, statusModel{Observe: types.StringValue(observeLogs)})
			if err != nil {
				t.Fatal(err)
			}
			if reason := m.Reason.ValueString(); upness(m) != test.up || !strings.Contains(reason, test.reason) || (test.reason == "") != (reason == "") {
				t.Errorf("up is %s: %q", upness(m), reason)
			}
			if got := shown(m); got != test.connections {
				t.Errorf("connections %s", got)
			}
			for _, c := range m.Connections {
				if c.Up.ValueBool() != (c.Reason == "") || !c.BytesIn.IsNull() {
					t.Errorf("connection %+v", c)
				}
			}
			if asked := slices.Contains(p.requests(), "/api/v1/namespaces/default/pods/a/log"); asked != (test.name != "never started") {
				t.Errorf("requests %q", p.requests())
			}
		})
	}
}

// TestStatusShowsNothingOfTheLog lets nothing through but what a tunnel is known by.
func TestStatusShowsNothingOfTheLog(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	log := strings.ReplaceAll(logStart, "for ibm-cloud", secret) + logCalling + logAgreed + "12[IKE] " + secret + "\n" + secret + "\n" + logRefused
	m, err := (&plane{pods: []corev1.Pod{podOf("a")}, answer: answerLog(log)}).read(t, statusModel{Observe: types.StringValue(observeLogs)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text)+m.Reason.ValueString()+fmt.Sprintf("%+v", m), secret) || !strings.Contains(fmt.Sprintf("%+v", m), "k8s-conn") {
		t.Errorf("%+v", m)
	}
}

// What may not be read is an error at `observe`, and says what is needed.
func TestStatusThatMayNotBeObserved(t *testing.T) {
	t.Parallel()
	_, err := (&plane{pods: []corev1.Pod{podOf("a")}, refuses: []string{"/log"}}).read(t, statusModel{Observe: types.StringValue(observeLogs)})
	refusal, ok := framework.AsRefusal(err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	p := refusal.Problems[0]
	if !p.Path.Equal(path.Root("observe")) || p.Warning || !strings.Contains(p.Detail, "to get `pods/log` in namespace default") || !strings.Contains(p.Detail, `observe = "none"`) {
		t.Errorf("got %+v", p)
	}
	_, err = (&plane{pods: []corev1.Pod{podOf("a")}, answer: answerFailure(401, metav1.StatusReasonUnauthorized)}).read(t, statusModel{Observe: types.StringValue(observeLogs)})
	if !apierrors.IsUnauthorized(err) {
		t.Errorf("with credentials that expire: %v", err)
	}
}
