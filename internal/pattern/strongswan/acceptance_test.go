package strongswan_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/strongswan"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources:   framework.Resources{strongswan.NewResource},
		DataSources: framework.DataSources{strongswan.NewDataSource},
	}))
}

const (
	firstKey  = "first-horse-battery-staple-correct"
	secondKey = "second-horse-battery-staple-correct"

	ends = `
  name     = "vpn"
  chart    = { source = "builtin" }
  image    = "registry.example.com/strongswan:1"
  initiate = true
  remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.128/26"] }
  local    = { subnets = ["172.30.0.0/16", "172.21.0.0/16"] }
`
)

func key(key, version string) string {
	return "  preshared_key_wo = \"" + key + "\"\n  preshared_key_wo_version = " + version + "\n"
}

func in(c *localiks.Cluster) kubernetes.Interface {
	return kubernetes.NewForConfigOrDie(c.RESTConfig())
}

// secretEdit patches a Secret of the release behind Terraform's back.
func secretEdit(patch string) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		_, err := in(c).CoreV1().Secrets("default").Patch(context.Background(), "vpn-strongswan-key", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ofFolder is a tunnel of the chart that stands in for IBM's, from a folder.
func ofFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "..", "localiks", "charts", "strongswan"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`source = "builtin"`, fmt.Sprintf("source = %q", folder), `image    = "registry.example.com/strongswan:1"`, "").Replace(ends)
}

// Each chart lives under one of the command lines.
func TestAccLifecycle(t *testing.T) {
	ofIBM := life("IBM's chart", ofFolder(t), "ipsec.secrets")
	// Where a chart came from stands in no release.
	ofIBM.ImportUpdates = true
	acctest.Lifecycle(t, life("builtin chart", ends, "key"), ofIBM)
}

// life of a tunnel between these ends, whose key is in this entry of its Secret.
func life(variant, ends, entry string) acctest.Resource {
	return acctest.Resource{
		Variant: variant,
		Type:    "iks_strongswan_vpn", Cluster: acctest.Classic,
		Arguments: ends + key(firstKey, "1"),
		Changed:   ends + "  esp = { lifetime = \"2h\" }\n" + key(secondKey, "2"),
		Key:       "default,vpn",
		Identity:  "namespace = \"default\"\n    name = \"vpn\"",
		Keeps:     []string{"load_balancer_ips"}, RestoresOnDestroy: true,
		Vanish: func(t *testing.T, c *localiks.Cluster) {
			t.Helper()
			options := helm.UninstallOptions{Namespace: "default", Name: "vpn", SkipHooks: true}
			if _, err := releases(t, c).Uninstall(context.WithoutCancel(t.Context()), options); err != nil {
				t.Fatal(err)
			}
			if err := in(c).CoreV1().Secrets("default").Delete(context.Background(), "vpn-strongswan-key", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		},
		Breaks: []acctest.Break{
			{Name: "key edited", Do: secretEdit(fmt.Sprintf(`{"stringData":{%q:"mallory"}}`, entry)), Sentence: "somebody else has written"},
			{Name: "key version", Do: secretEdit(`{"metadata":{"annotations":{"terraform-provider-iks/key-version":"7"}}}`), Sentence: "has version \"7\""},
			{Name: "key deleted", Do: func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
				t.Helper()
				if err := in(c).CoreV1().Secrets("default").Delete(context.Background(), "vpn-strongswan-key", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				noKeyElsewhere(t, c)
			}, Sentence: "Secret vpn-strongswan-key is gone"},
			{Name: "deployment", Do: func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
				t.Helper()
				_, err := in(c).AppsV1().Deployments("default").Patch(context.Background(), "vpn-strongswan", types.MergePatchType, []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
				if err != nil {
					t.Fatal(err)
				}
			}, Sentence: "replicas"},
			{Name: "selector", Do: func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
				t.Helper()
				_, err := in(c).CoreV1().Services("default").Patch(context.Background(), "vpn-strongswan", types.MergePatchType, []byte(`{"spec":{"selector":{"tier":"none"}}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
				if err != nil {
					t.Fatal(err)
				}
			}, Sentence: "spec.selector"},
		},
	}
}

// noKeyElsewhere looks for the keys in every ConfigMap and every Secret but their own, inside Helm's records too.
func noKeyElsewhere(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	maps, err := in(c).CoreV1().ConfigMaps("").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps.Items {
		if text := m.String(); strings.Contains(text, firstKey) || strings.Contains(text, secondKey) {
			t.Errorf("ConfigMap %s/%s holds the pre-shared key", m.Namespace, m.Name)
		}
	}
	secrets, err := in(c).CoreV1().Secrets("").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for _, s := range secrets.Items {
		if s.Name == "vpn-strongswan-key" {
			continue
		}
		for name, data := range s.Data {
			if name == "release" {
				data = record(t, data)
				records++
			}
			if bytes.Contains(data, []byte(firstKey)) || bytes.Contains(data, []byte(secondKey)) {
				t.Errorf("Secret %s/%s holds the pre-shared key in %s", s.Namespace, s.Name, name)
			}
		}
	}
	if records == 0 {
		t.Error("there is no record of Helm's to look into")
	}
}

// record unpacks Helm's record of a release.
func record(t *testing.T, data []byte) []byte {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
