package strongswan

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

const placeholderKey = "the-key-is-in-the-secret"

// standIn renders the chart that stands in for IBM's.
func standIn(t *testing.T, values map[string]any, post helm.PostRender) (helm.Rendered, error) {
	t.Helper()
	files, err := charts.StrongSwan()
	if err != nil {
		t.Fatal(err)
	}
	chart, err := helm.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"preshared": map[string]any{"secret": placeholderKey}}
	for name, value := range values {
		all[name] = value
	}
	return helm.Render(t.Context(), chart, helm.RenderOptions{
		Namespace: "vpn", Name: "office", Values: all, PostRender: post,
		Capabilities: helm.Capabilities{KubernetesVersion: "v1.33.4+IKS", APIVersions: []string{"v1", "apps/v1", "crd.projectcalico.org/v1"}},
	})
}

func officeMove() keyMove {
	return keyMove{secret: "office-key", placeholder: placeholderKey, annotations: map[string]string{"key-version": "3"}}
}

// decodeOne reads the document of a kind and name.
func decodeOne[T any](t *testing.T, manifest, kind, name string) T {
	t.Helper()
	var out T
	documents, err := parseManifest([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		if d.kind() != kind || d.name() != name {
			continue
		}
		text, err := yaml.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Fatalf("there is no %s %s in\n%s", kind, name, manifest)
	return out
}

func TestKeyIsMoved(t *testing.T) {
	t.Parallel()
	before, err := standIn(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := standIn(t, nil, officeMove().postRender)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(before.Manifest, placeholderKey) || strings.Contains(after.Manifest, placeholderKey) {
		t.Error("the key is not where it should be")
	}
	if was, is := len(helm.Documents(before.Manifest)), len(helm.Documents(after.Manifest)); was != is || was < 10 {
		t.Errorf("%d documents became %d", was, is)
	}
	was := decodeOne[corev1.ConfigMap](t, before.Manifest, "ConfigMap", "office-strongswan-config")
	is := decodeOne[corev1.ConfigMap](t, after.Manifest, "ConfigMap", "office-strongswan-config")
	delete(was.Data, secretsFile)
	if len(is.Data) != 3 {
		t.Errorf("%d entries are left", len(is.Data))
	}
	for name, text := range was.Data {
		if is.Data[name] != text {
			t.Errorf("%s has changed: %q", name, is.Data[name])
		}
	}

	whole := decodeOne[appsv1.Deployment](t, after.Manifest, "Deployment", "office-strongswan")
	old := decodeOne[appsv1.Deployment](t, before.Manifest, "Deployment", "office-strongswan")
	volumes := whole.Spec.Template.Spec.Volumes
	if len(volumes) != 1 || volumes[0].Name != "strongswan-config" || volumes[0].ConfigMap != nil || volumes[0].Projected == nil {
		t.Fatalf("volumes %+v", volumes)
	}
	sources := volumes[0].Projected.Sources
	if len(sources) != 2 || sources[0].ConfigMap.Name != "office-strongswan-config" || sources[1].Secret.Name != "office-key" ||
		len(sources[1].Secret.Items) != 1 || sources[1].Secret.Items[0] != (corev1.KeyToPath{Key: secretsFile, Path: secretsFile}) {
		t.Errorf("sources %+v", sources)
	}
	if mounts := whole.Spec.Template.Spec.Containers[0].VolumeMounts; !reflect.DeepEqual(mounts, old.Spec.Template.Spec.Containers[0].VolumeMounts) {
		t.Errorf("mounts %+v", mounts)
	}
	if whole.Spec.Template.Annotations["key-version"] != "3" || whole.Spec.Template.Annotations["checksum/config"] == "" {
		t.Errorf("annotations %v", whole.Spec.Template.Annotations)
	}
	routes := decodeOne[appsv1.DaemonSet](t, after.Manifest, "DaemonSet", "office-strongswan-routes")
	if routes.Spec.Template.Annotations["key-version"] != "" || routes.Spec.Template.Spec.Volumes[0].ConfigMap == nil {
		t.Error("the routes' pods were changed, which have nothing to do with the key")
	}
}

func TestKeyIsMovedFromOneFile(t *testing.T) {
	t.Parallel()
	const manifest = `
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {ipsec.secrets: secret, ipsec.conf: conf}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: vpn}
spec:
  template:
    spec:
      containers:
      - name: vpn
        volumeMounts:
        - {name: files, mountPath: /etc/ipsec.secrets, subPath: ipsec.d/secrets}
      volumes:
      - name: files
        configMap:
          name: config
          defaultMode: 256
          items:
          - {key: ipsec.conf, path: ipsec.conf}
          - {key: ipsec.secrets, path: ipsec.d/secrets, mode: 384}
`
	out, err := officeMove().postRender([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	volume := decodeOne[appsv1.Deployment](t, string(out), "Deployment", "vpn").Spec.Template.Spec.Volumes[0].Projected
	if *volume.DefaultMode != 256 || len(volume.Sources[0].ConfigMap.Items) != 1 || volume.Sources[0].ConfigMap.Items[0].Key != "ipsec.conf" {
		t.Errorf("got %+v", volume)
	}
	if item := volume.Sources[1].Secret.Items[0]; item.Path != "ipsec.d/secrets" || *item.Mode != 384 {
		t.Errorf("got %+v", item)
	}
}

func TestChartsOfAnotherShape(t *testing.T) {
	t.Parallel()
	const (
		config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {ipsec.secrets: '" + placeholderKey + "'}\n---\n"
		pods   = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vpn}\nspec: {template: {spec: {containers: [%s], volumes: [%s]}}}\n"
		volume = "{name: files, configMap: {name: config}}"
	)
	workload := func(container, volume string) string {
		return strings.Replace(strings.Replace(pods, "%s", container, 1), "%s", volume, 1)
	}
	for name, c := range map[string]struct{ manifest, why string }{
		"nothing of it":      {workload("{name: vpn}", volume), "no ConfigMap has an entry ipsec.secrets"},
		"two ConfigMaps":     {config + strings.Replace(config, "config", "second", 1), "ConfigMaps config and second both"},
		"no Deployment":      {config + strings.Replace(workload("{name: vpn}", volume), "Deployment", "DaemonSet", 1), "no Deployment mounts"},
		"another volume":     {config + workload("{name: vpn}", "{name: files, configMap: {name: other}}"), "no Deployment mounts"},
		"environment":        {config + workload("{name: vpn, env: [{name: A, valueFrom: {configMapKeyRef: {name: config, key: ipsec.secrets}}}]}", volume), "has the key in its environment"},
		"whole environment":  {config + workload("{name: vpn, envFrom: [{configMapRef: {name: config}}]}", volume), "as its environment"},
		"projected":          {config + workload("{name: vpn}", "{name: files, projected: {sources: [{configMap: {name: config}}]}}"), "projected volume already"},
		"the key elsewhere":  {config + workload("{name: vpn, args: ["+placeholderKey+"]}", volume), "uses the key elsewhere"},
		"no YAML":            {config + "a: [", "no YAML"},
		"an override of all": {"", "no ConfigMap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := officeMove().postRender([]byte(c.manifest))
			var wrong *unexpectedChart
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.why) || out != nil {
				t.Fatalf("got %q, %v", out, err)
			}
			if strings.Contains(err.Error(), placeholderKey) {
				t.Error("the key is shown")
			}
		})
	}
}

// TestChartIsRefused sees that a refusal ends the rendering, as itself.
func TestChartIsRefused(t *testing.T) {
	t.Parallel()
	move := officeMove()
	_, err := standIn(t, map[string]any{"monitoring": map[string]any{"slackWebhook": placeholderKey}}, move.postRender)
	var wrong *unexpectedChart
	if !errors.As(err, &wrong) {
		t.Fatalf("got %v", err)
	}
}

func TestSecretsFile(t *testing.T) {
	t.Parallel()
	rendered, err := standIn(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := secretsText([]byte(rendered.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, key, want string }{
		"plain":      {text, "correct horse battery", "ibm-cloud on-prem : PSK 0sY29ycmVjdCBob3JzZSBiYXR0ZXJ5\n"},
		"awkward":    {text, "a\"b\n\\", "ibm-cloud on-prem : PSK 0sYSJiClw=\n"},
		"no key":     {text, "", ""},
		"overridden": {": PSK \"another\"", "key", ""},
		"twice":      {text + text, "key", ""},
		"unquoted":   {": PSK " + placeholderKey, "key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := withKey(c.text, placeholderKey, c.key)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
