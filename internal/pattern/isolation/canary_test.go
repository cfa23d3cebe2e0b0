package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
)

// The canary's script, with programs that do what a letter says in each of the
// rounds: f fails, any other works; the last one stays.
func TestCanaryScript(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nslookup, nc string
		says         string // "" if it ends well
	}{
		"all works":            {nslookup: "w", nc: "w"},
		"packets are lost":     {nslookup: "ffw", nc: "wfw"},
		"no DNS":               {nslookup: "f", nc: "w", says: "DNS does not answer for kubernetes.default.svc.cluster.local. "},
		"no API server":        {nslookup: "w", nc: "f", says: "The API server does not answer at 172.21.0.1:443."},
		"nothing":              {nslookup: "f", nc: "f", says: "DNS does not answer for kubernetes.default.svc.cluster.local. The API server does not answer at 172.21.0.1:443."},
		"it works, and breaks": {nslookup: "fwfff", nc: "fwfff", says: "DNS does not answer for kubernetes.default.svc.cluster.local. The API server does not answer at 172.21.0.1:443."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			write := func(file, content string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write("nslookup.does", c.nslookup)
			write("nc.does", c.nc)
			const does = "#!/bin/sh\nread does <\"$0.does\"\nrest=${does#?}\n[ -z \"$rest\" ] || echo \"$rest\" >\"$0.does\"\ncase $does in f*) exit 1 ;; esac\necho it answers\n"
			write("nslookup", does)
			write("nc", does)
			// Each pause is a second of the clock.
			write("sleep", "#!/bin/sh\necho . >>\"$0.slept\"\n")
			write("sleep.slept", "")
			write("date", "#!/bin/sh\nwc -l <\""+folder+"/sleep.slept\"\n")
			cmd := exec.CommandContext(t.Context(), "sh", "-c", canaryScript)
			cmd.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "CANARY_SECONDS=3", "KUBERNETES_SERVICE_HOST=172.21.0.1", "KUBERNETES_SERVICE_PORT=443"}
			out, err := cmd.Output()
			if (err != nil) != (c.says != "") || strings.TrimSuffix(string(out), "\n") != c.says {
				t.Errorf("it says %q, %v", out, err)
			}
		})
	}
}

// The same script with the real nc and grep of busybox, before an API server,
// and before what is none.
func TestCanaryScriptWithBusybox(t *testing.T) {
	t.Parallel()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed")
	}
	folder := t.TempDir()
	for _, applet := range []string{"sh", "nc", "grep", "timeout", "date"} {
		if err := os.Symlink(busybox, filepath.Join(folder, applet)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"nslookup": "", "sleep": ""} { // DNS is there, and nobody waits
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who ask without TLS
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	go func() { // a proxy whose master is away
		for {
			connection, err := proxy.Accept()
			if err != nil {
				return
			}
			_ = connection.Close()
		}
	}()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	for name, c := range map[string]struct {
		address net.Addr
		works   bool
	}{
		"API server": {server.Listener.Addr(), true}, "proxy without master": {proxy.Addr(), false}, "nobody": {nobody.Addr(), false},
	} {
		t.Run(name, func(t *testing.T) {
			host, port, err := net.SplitHostPort(c.address.String())
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "sh"), "-c", canaryScript)
			cmd.Env = []string{"PATH=" + folder, "CANARY_SECONDS=0", "KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
			if out, err := cmd.CombinedOutput(); (err == nil) != c.works {
				t.Errorf("%v, it says %q", err, out)
			}
		})
	}
}

const canaryNamespace = "canaries"

func withCanary(m *model) {
	m.Canary = types.ObjectValueMust(canaryType(), map[string]attr.Value{
		"image": types.StringValue("registry.example.com/busybox:1"), "namespace": types.StringValue(canaryNamespace), "command": types.ListNull(types.StringType),
	})
}

// Statuses that a kubelet gives a canary.
func ended(exitCode int32, message string) corev1.PodStatus {
	phase := corev1.PodSucceeded
	if exitCode != 0 {
		phase = corev1.PodFailed
	}
	return corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "canary", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: exitCode, Message: message}},
	}}}
}

func waiting(reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "canary", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}}
}

func outOfTime() corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded", Message: "Pod was active on the node longer than the specified deadline"}
}

// sends is a canary of a set, and what the kubelet says of it each time.
type sends struct {
	kubelet  []corev1.PodStatus
	seen     []corev1.Pod
	policies []int // how many there were
}

// play is the kubelet of the namespace until the test ends.
func (s *sends) play(t *testing.T, r *rig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pods := kubernetes.NewForConfigOrDie(r.plane.RESTConfig()).CoreV1().Pods(canaryNamespace)
	watch, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			p, ok := event.Object.(*corev1.Pod)
			if !ok || event.Type != "ADDED" {
				continue
			}
			s.seen, s.policies = append(s.seen, *p), append(s.policies, len(r.titles(t)))
			// The scheduler writes as well.
			patch, err := json.Marshal(map[string]any{"status": s.kubelet[min(len(s.seen), len(s.kubelet))-1]})
			if err == nil {
				_, err = pods.Patch(ctx, p.Name, "application/merge-patch+json", patch, metav1.PatchOptions{}, "status")
			}
			if err != nil && !apierrors.IsNotFound(err) {
				t.Errorf("the kubelet: %v", err)
			}
		}
	}()
	return func() {
		watch.Stop()
		<-done
		cancel()
		left, err := pods.List(context.WithoutCancel(ctx), metav1.ListOptions{})
		if err != nil || len(left.Items) > 0 {
			t.Errorf("%d pods are left, %v", len(left.Items), err)
		}
	}
}

// canaries are sent before and after a change, in a namespace that lets only
// the least privileged in.
func canaries(t *testing.T, r *rig) {
	client := kubernetes.NewForConfigOrDie(r.plane.RESTConfig())
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: canaryNamespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	accountComes(t, client)
	for name, c := range map[string]struct {
		kubelet []corev1.PodStatus
		says    string // "" if the set stays
		sent    int
	}{
		"works":                   {kubelet: []corev1.PodStatus{ended(0, "")}, sent: 2},
		"fails afterwards":        {kubelet: []corev1.PodStatus{ended(0, ""), ended(1, "DNS does not answer")}, sent: 2, says: "exit code 1: DNS does not answer"},
		"runs out of time then":   {kubelet: []corev1.PodStatus{ended(0, ""), outOfTime()}, sent: 2, says: "DeadlineExceeded"},
		"is not pulled then":      {kubelet: []corev1.PodStatus{ended(0, ""), waiting("ImagePullBackOff", "i/o timeout")}, sent: 2, says: "image registry.example.com/busybox:1 cannot be run: ImagePullBackOff: i/o timeout"},
		"never works":             {kubelet: []corev1.PodStatus{ended(127, "nc: not found")}, sent: 1, says: "exit code 127: nc: not found"},
		"is never pulled":         {kubelet: []corev1.PodStatus{waiting("ImagePullBackOff", "no such image")}, sent: 1, says: "no such image"},
		"has a broken image name": {kubelet: []corev1.PodStatus{waiting("InvalidImageName", "")}, sent: 1, says: "InvalidImageName"},
	} {
		t.Run(name, func(t *testing.T) {
			defer r.clear(t)
			s := &sends{kubelet: c.kubelet}
			stop := s.play(t, r)
			h := newHeld(r)
			err := h.Apply(t.Context(), declared(networkPrivate, withCanary))
			stop()
			set := len(mustSet(t, declared(networkPrivate, nil), hints{}))
			if len(s.seen) != c.sent || s.policies[0] != 0 || c.sent > 1 && s.policies[1] != set {
				t.Errorf("%d canaries were sent, while there were %v policies", len(s.seen), s.policies)
			}
			if c.says == "" {
				if err != nil || len(r.titles(t)) != set {
					t.Errorf("there is %q, %v", r.titles(t), err)
				}
				return
			}
			text := parttest.Refusal(t, err)
			if left := r.titles(t); !strings.Contains(text, c.says) || len(left) > 0 || strings.Contains(text, "taken back at once") != (c.sent > 1) {
				t.Errorf("left is %q, refused with %q", left, text)
			}
		})
	}
	t.Run("leftovers", func(t *testing.T) { canaryLeftovers(t, r, client) })
}

// canaryLeftovers: a canary that a killed apply has left is taken away, and a
// pod of somebody else's is not.
func canaryLeftovers(t *testing.T, r *rig, client kubernetes.Interface) {
	pods := client.CoreV1().Pods(canaryNamespace)
	left := canary{image: "x", namespace: canaryNamespace, network: networkPrivate}.pod("", time.Second)
	leave := func() {
		t.Helper()
		if _, err := pods.Create(t.Context(), &left, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	h := newHeld(r)
	// The kubelet first sees the one that is left, and lets it run.
	s := &sends{kubelet: []corev1.PodStatus{{Phase: corev1.PodRunning}, ended(0, "")}}
	stop := s.play(t, r)
	h.MustApply(t, declared(networkPrivate, withCanary))
	stop()
	if len(s.seen) != 3 {
		t.Errorf("%d canaries were seen, want that which was left and two more", len(s.seen))
	}

	// One that never runs is given up and taken away.
	s = &sends{kubelet: []corev1.PodStatus{waiting("ContainerCreating", "")}}
	stop = s.play(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	connection, err := r.cluster.Kube(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = canary{image: "x", namespace: canaryNamespace, network: networkPrivate}.run(ctx, connection, "", 0, func(s string) { t.Error(s) })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it waits: ContainerCreating") {
		t.Errorf("a canary that never runs: %v", err)
	}
	stop()

	left.Labels = nil
	leave()
	text := parttest.Refusal(t, h.Apply(t.Context(), declared(networkPrivate, func(m *model) {
		withCanary(m)
		m.Allow = stringSet([]string{allowVPN})
	})))
	if !strings.Contains(text, "not made") {
		t.Errorf("refused with %q", text)
	}
	if err := pods.Delete(t.Context(), left.Name, metav1.DeleteOptions{}); err != nil {
		t.Errorf("somebody else's pod: %v", err)
	}
}

// accountComes waits for the service account that pods of the namespace have.
func accountComes(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	accounts := client.CoreV1().ServiceAccounts(canaryNamespace)
	watch, err := accounts.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if _, err := accounts.Get(t.Context(), "default", metav1.GetOptions{}); err == nil {
		return
	}
	<-watch.ResultChan()
}

// The pod goes only where its image is, and has a deadline of its own.
func TestCanaryPod(t *testing.T) {
	t.Parallel()
	c := canary{image: "x", namespace: "n", network: networkPublic, command: []string{"/try", "hard"}}
	raw, err := json.Marshal(c.pod("worker-1", 15*time.Second).Spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"values":["worker-1"]`, `"activeDeadlineSeconds":105`, `"command":["/try","hard"]`, `"value":"15"`, `"automountServiceAccountToken":false`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s is not in %s", want, raw)
		}
	}
}
