package helm_test

import (
	"bytes"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// rig is a real API server with one node, and the client under test.
type rig struct {
	*helm.Client
	kube  *kube.Client
	plane *controlplane.ControlPlane
	chart *helm.Chart
	// program is the path of the helm program.
	program string
}

// ours are the labels of the releases of these tests.
var ours = map[string]string{"terraform-provider-iks-owner": "a1b2"}

const secretValue = "s3cr3t-that-nobody-may-see"

// TestRealServer holds the releases against a real API server. Whatever happens, nothing is written to disk or to the
// log, and the variables of the helm program have no effect.
func TestRealServer(t *testing.T) {
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "helm", Dir: t.TempDir(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := plane.AddNode(t.Context(), controlplane.Node{Name: "worker"}); err != nil {
		t.Fatal(err)
	}
	program, err := build.Path(t.Context(), "helm")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := alone(t)
	said := listen(t)

	certificate, key := plane.AdminCertificate()
	c, err := kube.New(kube.Access{
		Host: plane.Server(), CACertificate: plane.CACertificate(), ClientCertificate: certificate, ClientKey: key,
	}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	chart, err := helm.LoadFS(os.DirFS("testdata/app"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Client: helm.New(c), kube: c, plane: plane, chart: chart, program: program}
	t.Run("parts", func(t *testing.T) {
		for name, part := range map[string]func(*testing.T){
			"life":                 r.life,
			"names of the chart":   r.customResources,
			"foreign object":       r.foreignObject,
			"refused record":       r.refusedRecord,
			"failed install":       r.failedInstall,
			"failed upgrades":      r.failedUpgrades,
			"killed":               r.killed,
			"history":              r.history,
			"forgotten":            r.forgotten,
			"drift":                r.drift,
			"drift of metadata":    r.driftOfMetadata,
			"hooks":                r.hooks,
			"cancelled":            r.cancelled,
			"cut off":              r.cut,
			"changed by a person":  r.changedByPerson,
			"uninstall unfinished": r.uninstallUnfinished,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				part(t)
			})
		}
	})
	if left := readDir(t, nowhere); len(left) > 0 {
		t.Errorf("files were left: %q", left)
	}
	if text := said(); text != "" {
		t.Errorf("the log says %q", text)
	}
}

// alone gives the test a home and a temporary folder that are empty, and variables that would lead the helm program astray.
func alone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "DOCKER_CONFIG",
	} {
		t.Setenv(name, dir)
	}
	for name, value := range map[string]string{
		"HELM_NAMESPACE": "elsewhere", "HELM_DRIVER": "configmap", "HELM_DEBUG": "true", "HELM_KUBEAPISERVER": "https://127.0.0.1:1",
		"HELM_MAX_HISTORY": "1", "HELM_KUBETOKEN": "x", "KUBECONFIG": dir + "/none",
	} {
		t.Setenv(name, value)
	}
	return dir
}

// listen takes what is written to the program's logs until it is asked for.
func listen(t *testing.T) func() string {
	t.Helper()
	var text bytes.Buffer
	before, writer := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.SetOutput(&text)
	restore := func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
	}
	t.Cleanup(restore)
	return func() string {
		restore()
		return text.String()
	}
}

func readDir(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, entry := range entries {
		out = append(out, entry.Name())
	}
	return out
}

// namespace makes one of the test's own.
func (r *rig) namespace(t *testing.T, name string) string {
	t.Helper()
	if _, err := kube.Create(t.Context(), r.kube, kube.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

func (r *rig) options(namespace string, values map[string]any) helm.ApplyOptions {
	all := map[string]any{"password": secretValue, "nested": map[string]any{"table": "a text where the chart has a table"}}
	for key, value := range values {
		all[key] = value
	}
	return helm.ApplyOptions{Namespace: namespace, Name: "app", Chart: r.chart, Values: all, Labels: ours, Timeout: time.Minute}
}

func (r *rig) install(t *testing.T, namespace string, values map[string]any) *helm.Release {
	t.Helper()
	release, err := r.Install(t.Context(), r.options(namespace, values))
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func (r *rig) upgrade(t *testing.T, namespace string, values map[string]any) *helm.Release {
	t.Helper()
	release, err := r.Upgrade(t.Context(), r.options(namespace, values))
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// data of a ConfigMap, nil if it is not there.
func (r *rig) data(t *testing.T, namespace, name string) map[string]string {
	t.Helper()
	live, err := kube.Get(t.Context(), r.kube, kube.ConfigMaps, namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		t.Fatal(err)
	case live.Data == nil:
		return map[string]string{}
	}
	return live.Data
}

// left are the objects and records that are in a namespace.
func (r *rig) left(t *testing.T, namespace string) []string {
	t.Helper()
	var out []string
	maps, err := kube.List(t.Context(), r.kube, kube.ConfigMaps, kube.ListOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range maps {
		if o.Name != "kube-root-ca.crt" {
			out = append(out, "ConfigMap "+o.Name)
		}
	}
	secrets, err := kube.List(t.Context(), r.kube, kube.Secrets, kube.ListOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range secrets {
		out = append(out, "Secret "+o.Name)
	}
	deployments, err := kube.List(t.Context(), r.kube, kube.Deployments, kube.ListOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range deployments {
		out = append(out, "Deployment "+o.Name)
	}
	jobs := kube.Kind[batchv1.Job]{Group: "batch", Version: "v1", Resource: "jobs", Name: "Job", Namespaced: true}
	hooks, err := kube.List(t.Context(), r.kube, jobs, kube.ListOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range hooks {
		out = append(out, "Job "+o.Name)
	}
	pods, err := kube.List(t.Context(), r.kube, kube.Pods, kube.ListOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range pods {
		if o.DeletionTimestamp == nil && o.Labels["hook"] == "" {
			out = append(out, "Pod "+o.Name)
		}
	}
	return out
}

func (r *rig) statuses(t *testing.T, namespace string) []string {
	t.Helper()
	history, err := r.History(t.Context(), namespace, "app")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, release := range history {
		out = append(out, fmt.Sprintf("%d %s", release.Revision, release.Status))
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// hidden fails if a text shows the value that nobody may see.
func hidden(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, secretValue) {
		t.Errorf("a value is shown: %s", text)
	}
}
