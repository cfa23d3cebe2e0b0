package strongswan

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// manifest is what the builtin chart makes of a tunnel.
func manifest(t *testing.T, of tunnel) string {
	t.Helper()
	chart, err := loadBuiltin()
	if err != nil {
		t.Fatal(err)
	}
	out, err := helm.Render(t.Context(), chart, helm.RenderOptions{
		Namespace: of.namespace, Name: of.name, Revision: 1, Values: of.builtinValues(facts{podSubnet: "172.30.0.0/16"}),
		Capabilities: helm.Capabilities{KubernetesVersion: "v1.33.4"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Hooks) > 0 {
		t.Errorf("the chart has hooks, which need more than the API server to end")
	}
	return out.Manifest
}

// objects are the documents of a manifest.
func objects(manifest string) []string {
	var out []string
	for _, document := range strings.Split("\n"+manifest, "\n---") {
		if strings.TrimSpace(document) != "" {
			out = append(out, document)
		}
	}
	return out
}

// kindOf reads the objects of a kind in a manifest.
func kindOf[T any](t *testing.T, manifest, kind string) []T {
	t.Helper()
	var out []T
	for _, document := range objects(manifest) {
		var about struct{ Kind string }
		if err := yaml.Unmarshal([]byte(document), &about); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if about.Kind != kind {
			continue
		}
		var object T
		if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		out = append(out, object)
	}
	return out
}

// configuration is what the pods of a tunnel have mounted.
func configuration(t *testing.T, of tunnel) map[string]string {
	t.Helper()
	configs := kindOf[corev1.ConfigMap](t, manifest(t, of), "ConfigMap")
	if len(configs) != 1 {
		t.Fatalf("there are %d ConfigMaps", len(configs))
	}
	return configs[0].Data
}
