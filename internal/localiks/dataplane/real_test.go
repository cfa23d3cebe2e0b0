package dataplane_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

// realImage is one that the lab has.
const realImage = "registry.example.com/real:1"

// byName are probes from a pod that look names up first.
func byName(pod *dataplane.Host) []dataplane.Expectation {
	expect := func(name string, port uint16, want dataplane.Verdict, by string) dataplane.Expectation {
		return dataplane.Expectation{
			Probe: dataplane.Probe{From: pod, Protocol: dataplane.TCP, Name: name, To: netip.AddrPortFrom(netip.Addr{}, port)}, Want: want, By: by,
		}
	}
	return []dataplane.Expectation{
		expect("web.default.svc.cluster.local", 80, dataplane.Open, "web-"),
		expect("web.default.svc.cluster.local", 81, dataplane.Dropped, ""),
		expect("nobody.default.svc.cluster.local", 80, dataplane.Unnamed, ""),
	}
}

// podsThatRun shows that pods with an image that the lab has run for real: with
// their files, their network, their rights and what their probes say.
func podsThatRun(t *testing.T, cluster *dataplane.Cluster, client kubernetes.Interface) {
	t.Helper()
	pods, no, yes, nobody := client.CoreV1().Pods("default"), false, true, int64(65534)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "real"}, Data: map[string]string{"text": "from the map"}}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "real"}, StringData: map[string]string{"key": ", and from the Secret"}}
	if _, err := client.CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	named := corev1.LocalObjectReference{Name: "real"}
	run := func(name string, policy corev1.RestartPolicy, script string, change func(*corev1.Container)) {
		t.Helper()
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{
			NodeName: cluster.Pool("default")[0].Name, RestartPolicy: policy, ServiceAccountName: "default",
			Containers: []corev1.Container{{
				Name: "it", Image: realImage, Command: []string{"/bin/sh", "-ec", script}, TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
				Env:          []corev1.EnvVar{{Name: "WHO", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}},
				VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/real"}, {Name: "run", MountPath: "/run"}},
			}},
			Volumes: []corev1.Volume{
				{Name: "config", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
					{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named}}, {Secret: &corev1.SecretProjection{LocalObjectReference: named}},
				}}}},
				{Name: "run", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			},
		}}
		if change != nil {
			change(&p.Spec.Containers[0])
		}
		if _, err := pods.Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	becomes := func(name, want string, say func(*corev1.Pod) string) {
		t.Helper()
		last := ""
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			p, err := pods.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if last = say(p); last == want {
				return
			}
		}
		t.Fatalf("pod %s: %q, want %q; there are %+v", name, last, want, cluster.Real("default"))
	}
	ready := func(p *corev1.Pod) string {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady {
				return string(c.Status)
			}
		}
		return ""
	}
	ended := func(p *corev1.Pod) string {
		if len(p.Status.ContainerStatuses) == 0 || p.Status.ContainerStatuses[0].State.Terminated == nil {
			return ""
		}
		end := p.Status.ContainerStatuses[0].State.Terminated
		return fmt.Sprintf("%s %d %s", p.Status.Phase, end.ExitCode, strings.TrimSpace(end.Message))
	}

	run("works", corev1.RestartPolicyNever, `[ "$(cat /etc/real/text)" = "from the map" ]; [ "$WHO" = works ]; [ $$ = 1 ]; touch /run/x /x; getent ahostsv4 web; [ "$(/hello you)" = you ]; setpriv --dump | grep -q 'Capability bounding set:.*sys_admin'`,
		func(c *corev1.Container) { c.SecurityContext = &corev1.SecurityContext{Privileged: &yes} })
	run("fails", corev1.RestartPolicyNever, "echo it does not work; exit 3", nil)
	run("least", corev1.RestartPolicyNever, `[ "$(id -u)" = 65534 ]; grep -q '^CapEff:.0*$' /proc/self/status; grep -q '^NoNewPrivs:.1$' /proc/self/status; ! touch /x 2>/dev/null; touch /run/x`,
		func(c *corev1.Container) {
			c.SecurityContext = &corev1.SecurityContext{
				RunAsUser: &nobody, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			}
		})
	becomes("works", "Succeeded 0 ", ended)
	becomes("fails", "Failed 3 it does not work", ended)
	becomes("least", "Succeeded 0 ", ended)
	run("asks", corev1.RestartPolicyNever, `[ "$HOSTNAME" = asks ]; [ "$(cat /etc/real/text /etc/real/key)" = "from the map, and from the Secret" ]; account=/var/run/secrets/kubernetes.io/serviceaccount; [ "$(cat $account/namespace)" = default ]; curl --fail --silent --output /dev/null --cacert $account/ca.crt --header "Authorization: Bearer $(cat $account/token)" --connect-to "::$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT" https://kubernetes/api`, nil)
	becomes("asks", "Succeeded 0 ", ended)

	run("probed", corev1.RestartPolicyAlways, "trap 'exit 0' TERM; while :; do [ -e /etc/real/go ] && touch /run/ready; sleep 0.1; done", func(c *corev1.Container) {
		c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "[ -e /run/ready ] && grep -q 'tra[p]' /proc/1/cmdline"}}}}
	})
	becomes("probed", "False", ready)
	config.Data["go"] = ""
	if _, err := client.CoreV1().ConfigMaps("default").Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	becomes("probed", "True", ready)
	// It stays until its programs have said good-bye.
	p, err := pods.Get(t.Context(), "probed", metav1.GetOptions{})
	if err != nil || len(p.Finalizers) != 1 {
		t.Fatalf("the finalizers of a pod that runs: %q, %v", p.Finalizers, err)
	}
	if err := pods.Delete(t.Context(), "probed", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := pods.Get(t.Context(), "probed", metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the pod was deleted and does not go")
		}
	}
}
