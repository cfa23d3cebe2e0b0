package strongswan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// upness is `up` as a word.
func upness(m statusModel) string {
	if m.Up.IsNull() {
		return "unknown"
	}
	return fmt.Sprint(m.Up.ValueBool())
}

func TestStatusFromOutside(t *testing.T) {
	t.Parallel()
	services := []corev1.Service{balancer("169.60.1.2", "169.60.1.1")}
	older := func(p *corev1.Pod) { p.CreationTimestamp.Time = p.CreationTimestamp.Add(-time.Hour) }
	for _, test := range []struct {
		name     string
		pods     []corev1.Pod
		services []corev1.Service
		up       string
		reason   string
		ready    bool
		first    string // pod
		podSays  string
	}{
		{name: "no release", up: "false", reason: "there is no release vpn in namespace default"},
		{name: "no pod", services: services, up: "false", reason: "release default/vpn has no VPN pod"},
		{name: "IBM's", pods: []corev1.Pod{podOf("a")}, services: services, up: "unknown", reason: "nobody can tell", ready: true, first: "a"},
		{name: "calls", pods: []corev1.Pod{podOf("a", builtinPod("true"))}, up: "true", ready: true, first: "a"},
		{name: "calls in vain", pods: []corev1.Pod{podOf("a", builtinPod("true"), unready)}, up: "false", reason: "pod default/a is not ready: it has no tunnel", first: "a", podSays: "it has no tunnel that carries packets"},
		{name: "listens", pods: []corev1.Pod{podOf("a", builtinPod("false"))}, up: "unknown", reason: "nobody can tell", ready: true, first: "a"},
		{name: "not loaded", pods: []corev1.Pod{podOf("a", builtinPod("false"), unready)}, up: "unknown", reason: "nobody can tell", first: "a", podSays: "it is not ready: ContainersNotReady: containers with unready status: [strongswan]"},
		{name: "replaced", pods: []corev1.Pod{podOf("a", leavingPod), podOf("b", older)}, up: "unknown", reason: "nobody can tell", ready: true, first: "b"},
		{name: "two", pods: []corev1.Pod{podOf("a", older, builtinPod("true"), unready), podOf("b", builtinPod("true"))}, up: "true", ready: true, first: "b"},
		{name: "leaves", pods: []corev1.Pod{podOf("a", leavingPod)}, up: "false", reason: "pod default/a does not run: it is being removed", first: "a", podSays: "it is being removed"},
		{name: "not scheduled", pods: []corev1.Pod{podOf("a", func(p *corev1.Pod) {
			p.Spec.NodeName, p.Status = "", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"}}}
		})}, up: "false", reason: "no worker takes it: Unschedulable: 0/3 nodes are available", first: "a", podSays: "no worker takes it"},
		{name: "just made", pods: []corev1.Pod{podOf("a", func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodPending} })}, up: "false", reason: "it has not been started yet", first: "a", podSays: "it has not been started yet"},
		{name: "no image", pods: []corev1.Pod{podOf("a", waitingPod("ImagePullBackOff", strings.Repeat("é", 400)))}, up: "false", reason: "container strongswan: ImagePullBackOff: éé", first: "a", podSays: "ImagePullBackOff"},
		{name: "ends again and again", pods: []corev1.Pod{podOf("a", waitingPod("CrashLoopBackOff", "back-off"), func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
		})}, up: "false", reason: "container strongswan: CrashLoopBackOff: back-off; it ended with exit code 7", first: "a", podSays: "CrashLoopBackOff"},
		{name: "init container", pods: []corev1.Pod{podOf("a", waitingPod("PodInitializing", ""), func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "forwarding", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}}}
		})}, up: "false", reason: "container forwarding ended with exit code 2 (Error)", first: "a", podSays: "container forwarding"},
		{name: "evicted", pods: []corev1.Pod{podOf("a", unready, func(p *corev1.Pod) {
			p.Status.Phase, p.Status.Reason, p.Status.Message, p.Status.ContainerStatuses = corev1.PodFailed, "Evicted", "low on memory", nil
		})}, up: "false", reason: "it has failed: Evicted: low on memory", first: "a", podSays: "it has failed"},
		{name: "worker is lost", pods: []corev1.Pod{podOf("a", builtinPod("true"), func(p *corev1.Pod) {
			p.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "NodeNotReady"}
		})}, up: "false", reason: "is not ready", first: "a", podSays: "no tunnel"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := (&plane{pods: test.pods, services: test.services}).read(t, statusModel{})
			if err != nil {
				t.Fatal(err)
			}
			if reason := m.Reason.ValueString(); upness(m) != test.up || !strings.Contains(reason, test.reason) || (test.reason == "") != (reason == "") || len(reason) > 500 {
				t.Errorf("up is %s: %q", upness(m), reason)
			}
			if m.Ready.ValueBool() != test.ready {
				t.Errorf("ready is %v", m.Ready)
			}
			if m.Namespace.ValueString() != "default" || len(m.Pods) != len(test.pods) {
				t.Errorf("namespace %s, pods %+v", m.Namespace, m.Pods)
			}
			if len(m.Pods) > 0 {
				if p := m.Pods[0]; p.Name != test.first || !strings.Contains(p.Reason, test.podSays) || p.Ready != (p.Reason == "") {
					t.Errorf("first pod %+v", p)
				}
			}
			if len(test.services) > 0 && !slices.Equal(m.LoadBalancerIPs, []string{"169.60.1.1", "169.60.1.2"}) {
				t.Errorf("load balancers %v", m.LoadBalancerIPs)
			}
		})
	}
}

func TestStatusOnVPC(t *testing.T) {
	t.Parallel()
	m, err := (&plane{pods: []corev1.Pod{podOf("a")}, services: []corev1.Service{balancer("vpn.example.com")}}).read(t, statusModel{})
	if err != nil || !slices.Equal(m.LoadBalancerIPs, []string{"vpn.example.com"}) {
		t.Errorf("%v, %v", m.LoadBalancerIPs, err)
	}
}

// What may not be read is an error: a check that sees nothing must not pass, nor blame the tunnel.
func TestStatusThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"/pods", "/services"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, err := (&plane{pods: []corev1.Pod{podOf("a")}, refuses: []string{kind}}).read(t, statusModel{})
			if !apierrors.IsForbidden(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
