package strongswan

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// The pods of the builtin chart have the user's Secret itself mounted: they run
// on without its entry, and cannot start anew.
func TestDriftOfTheUsersSecret(t *testing.T) {
	t.Parallel()
	of := onPrem()
	of.preSharedKey, of.keyVersion, of.keySecret, of.keyKey = "", 0, "mine", "psk"
	for name, test := range map[string]struct {
		live  *corev1.Secret
		drift string
	}{
		"as it should be": {live: &corev1.Secret{Data: map[string][]byte{"psk": []byte("correct-horse-battery-staple")}}},
		"gone":            {drift: "Secret mine is gone"},
		"without entry":   {live: &corev1.Secret{Data: map[string][]byte{"key": []byte("correct-horse-battery-staple")}}, drift: `Secret mine has no entry "psk" any more, from which the tunnel has its key`},
	} {
		if got := strings.Join(of.secretDrift(test.live, framework.Owner{}), "; "); got != test.drift {
			t.Errorf("%s: %q, want %q", name, got, test.drift)
		}
	}
}

// What an apply waits for is the pods of the release as it is now.
func TestPodsThatAreWaitedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		vpn     appsv1.DeploymentStatus
		routes  appsv1.DaemonSetStatus
		pods    []corev1.Pod
		missing string
	}{
		"all": {
			vpn:    appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1},
			routes: appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3},
		},
		"VPN pod that starts": {
			vpn:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1},
			routes:  appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3},
			missing: "Deployment default/vpn-strongswan has 0 of 1 pods ready",
		},
		"VPN pod without an image": {
			vpn:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1},
			routes:  appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3},
			pods:    []corev1.Pod{podOf("old", leavingPod), podOf("new", waitingPod("ImagePullBackOff", "no such tag"))},
			missing: "Deployment default/vpn-strongswan has 0 of 1 pods ready: container strongswan: ImagePullBackOff: no such tag",
		},
		"VPN pod that may not be": {
			vpn: appsv1.DeploymentStatus{ObservedGeneration: 2, Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "pods is forbidden: violates PodSecurity"},
			}},
			routes:  appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3},
			missing: "Deployment default/vpn-strongswan has 0 of 0 pods ready: pods is forbidden: violates PodSecurity",
		},
		"routes of before, which end": {
			vpn:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1},
			routes:  appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 3},
			missing: "DaemonSet default/vpn-strongswan-routes has 0 of 3 pods ready",
		},
		"routes that start": {
			vpn:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1},
			routes:  appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 3, NumberReady: 2, UpdatedNumberScheduled: 3},
			missing: "DaemonSet default/vpn-strongswan-routes has 2 of 3 pods ready",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			about := func(name string) metav1.ObjectMeta {
				return metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 2}
			}
			pods := func(app string) *metav1.LabelSelector {
				return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				list := map[string]any{"kind": "ServiceList", "apiVersion": "v1"}
				switch {
				case strings.HasSuffix(r.URL.Path, "/pods") && r.URL.Query().Get("labelSelector") == "app=strongswan":
					list = map[string]any{"kind": "PodList", "apiVersion": "v1", "items": test.pods}
				case strings.HasSuffix(r.URL.Path, "/pods"):
					list = map[string]any{"kind": "PodList", "apiVersion": "v1"}
				case strings.HasSuffix(r.URL.Path, "/deployments"):
					list = map[string]any{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": []any{appsv1.Deployment{ObjectMeta: about("vpn-strongswan"), Spec: appsv1.DeploymentSpec{Selector: pods("strongswan")}, Status: test.vpn}}}
				case strings.HasSuffix(r.URL.Path, "/daemonsets"):
					list = map[string]any{"kind": "DaemonSetList", "apiVersion": "apps/v1", "items": []any{appsv1.DaemonSet{ObjectMeta: about("vpn-strongswan-routes"), Spec: appsv1.DaemonSetSpec{Selector: pods("strongswan-routes")}, Status: test.routes}}}
				}
				answerJSON(w, http.StatusOK, list)
			}))
			t.Cleanup(server.Close)
			conn, err := kube.New(kube.Access{Host: server.URL}, kube.Options{})
			if err != nil {
				t.Fatal(err)
			}
			m := &model{Namespace: types.StringValue("default"), Name: types.StringValue("vpn"), WaitFor: types.StringValue(waitPods)}
			missing, err := ground{conn: conn}.look(t.Context(), m)
			if got := strings.Join(missing, "; "); err != nil || got != test.missing {
				t.Errorf("missing %q, %v; want %q", got, err, test.missing)
			}
		})
	}
}
