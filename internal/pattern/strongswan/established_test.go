package strongswan

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestEstablished(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, log, missing string
		pods               []corev1.Pod
	}{
		{name: "builtin, calls, up", pods: []corev1.Pod{podOf("a", builtinPod("true"))}},
		{name: "builtin, calls, down", pods: []corev1.Pod{podOf("a", builtinPod("true"), unready)}, missing: "no tunnel that carries packets"},
		{name: "builtin, listens, up", pods: []corev1.Pod{podOf("a", builtinPod("false"))}, log: logStart + logCalling + logAgreed + logUp},
		{name: "builtin, listens, down", pods: []corev1.Pod{podOf("a", builtinPod("false"))}, log: logStart, missing: "the remote end does not call"},
		{name: "IBM's, up", pods: []corev1.Pod{podOf("a")}, log: logStart + logCalling + logAgreed + logUp},
		{name: "IBM's, agreed on each other", pods: []corev1.Pod{podOf("a")}, log: logStart + logCalling + logAgreed, missing: "not on what the tunnel carries"},
		{name: "IBM's, refused", pods: []corev1.Pod{podOf("a")}, log: logStart + logCalling + logRefused, missing: "pre-shared key"},
		{name: "IBM's, cut", pods: []corev1.Pod{podOf("a")}, log: logKeyed, missing: "does not reach back"},
		{name: "no pod", missing: "there is no release"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &plane{pods: test.pods, answer: answerLog(test.log)}
			conn, err := p.cluster(t).Kube(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			missing, err := established(t.Context(), conn, "default", "vpn")
			if err != nil || (test.missing == "") != (len(missing) == 0) || !strings.Contains(strings.Join(missing, ""), test.missing) {
				t.Errorf("got %q, %v; want %q", missing, err, test.missing)
			}
			for _, asked := range p.requests() {
				if strings.HasSuffix(asked, "/log") && strings.Contains(test.name, "calls") {
					t.Errorf("the log was read, for which the identity may have no right")
				}
			}
		})
	}
}

func TestEstablishedThatMayNotBeSeen(t *testing.T) {
	t.Parallel()
	p := &plane{pods: []corev1.Pod{podOf("a")}, refuses: []string{"/log"}}
	conn, err := p.cluster(t).Kube(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = established(t.Context(), conn, "default", "vpn")
	refusal, is := framework.AsRefusal(err)
	if !is || !refusal.Problems[0].Path.Equal(path.Root("wait_for")) || !strings.Contains(refusal.Problems[0].Detail, "pods/log") {
		t.Errorf("got %v", err)
	}
}
