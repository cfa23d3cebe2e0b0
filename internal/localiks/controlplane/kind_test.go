package controlplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestKindWithoutDocker has a docker command that finds no engine, and none at all.
func TestKindWithoutDocker(t *testing.T) {
	cases := map[string]struct{ script, want string }{
		"no engine":  {script: "#!/bin/sh\necho 'Cannot connect to the Docker daemon.\n' >&2\nexit 1\n", want: "Cannot connect to the Docker daemon."},
		"no command": {want: "executable file not found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(path, "docker"), []byte(c.script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", path)
			t.Setenv(kubernetesVariable, viaKind)
			_, err := Start(t.Context(), Options{Name: "refused", Dir: t.TempDir()})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{"start Docker, or unset LOCALIKS_KUBERNETES", c.want} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// TestKindWithoutImage has a Docker engine that has no image and gets none.
func TestKindWithoutImage(t *testing.T) {
	path := t.TempDir()
	script := "#!/bin/sh\ncase $1 in version) echo 29.0;; *) echo 'no such image' >&2; exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(path, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	t.Setenv(kubernetesVariable, viaKind)
	_, err := Start(t.Context(), Options{Name: "refused", Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "needs the node image "+kindImage) {
		t.Errorf("error is %v", err)
	}
	if !strings.Contains(kindImage, "@sha256:") {
		t.Errorf("image %s is not pinned", kindImage)
	}
}

func TestUnknownKubernetes(t *testing.T) {
	t.Setenv(kubernetesVariable, "minikube")
	_, err := Start(t.Context(), Options{Name: "refused", Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `"minikube" is neither "programs" nor "kind"`) {
		t.Errorf("error is %v", err)
	}
}

func TestKindConfig(t *testing.T) {
	t.Parallel()
	k := &kindCluster{options: Options{Name: "k", Dir: t.TempDir()}}
	config, err := k.config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var patch struct {
		APIVersion, Kind string
		APIServer        struct {
			ExtraArgs    []struct{ Name, Value string }
			ExtraVolumes []struct{ HostPath, MountPath string }
		}
	}
	if err := yaml.Unmarshal([]byte(config.KubeadmConfigPatches[0]), &patch); err != nil {
		t.Fatal(err)
	}
	arguments := map[string]string{}
	for _, argument := range patch.APIServer.ExtraArgs {
		arguments[argument.Name] = argument.Value
	}
	mount := config.Nodes[0].ExtraMounts[0]
	if patch.Kind != "ClusterConfiguration" || patch.APIServer.ExtraVolumes[0].HostPath != mount.ContainerPath {
		t.Errorf("patch is %+v, mount is %+v", patch, mount)
	}
	policy := filepath.Join(mount.HostPath, strings.TrimPrefix(arguments["audit-policy-file"], mount.ContainerPath))
	if content, err := os.ReadFile(policy); err != nil || string(content) != auditPolicy {
		t.Errorf("audit policy: %q, %v", content, err)
	}
}

// TestKindCalicoAPI adapts the manifest that Calico ships.
func TestKindCalicoAPI(t *testing.T) {
	t.Parallel()
	k := &kindCluster{}
	all, err := k.manifest(t.Context(), "apiserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	namespace, rest, err := arrangeCalicoAPI(all, []byte("certificate"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	if namespace.GetName() != calicoNamespace {
		t.Errorf("namespace is %s", namespace.GetName())
	}
	find := func(kind, name string) *unstructured.Unstructured {
		at := slices.IndexFunc(rest, func(o *unstructured.Unstructured) bool { return o.GetKind() == kind && o.GetName() == name })
		if at < 0 {
			return nil
		}
		return rest[at]
	}
	if find("APIService", calicoAPIService) != nil {
		t.Error("the registration is left")
	}
	if find("Service", calicoService) == nil {
		t.Errorf("there is no service %s", calicoService)
	}
	if secret := find("Secret", "calico-apiserver-certs"); secret == nil || secret.GetNamespace() != calicoNamespace {
		t.Errorf("secret is %v", secret)
	}
	selector, _, err := unstructured.NestedStringMap(find("Deployment", "calico-apiserver").Object, "spec", "template", "spec", "nodeSelector")
	if _, ok := selector["node-role.kubernetes.io/control-plane"]; !ok || err != nil {
		t.Errorf("node selector is %v, %v", selector, err)
	}
	if _, _, err := arrangeCalicoAPI(nil, nil, nil); err == nil {
		t.Error("no error for a manifest without namespace")
	}
}

func TestLoadAuthority(t *testing.T) {
	t.Parallel()
	made, err := newAuthority("made")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := made.client("somebody")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loadAuthority(made.bundle(), key) // any key will do for loading
	if err != nil {
		t.Fatal(err)
	}
	if string(loaded.bundle()) != string(made.bundle()) {
		t.Error("another certificate")
	}
	for name, pair := range map[string][2][]byte{
		"no certificate": {nil, key},
		"no key":         {made.bundle(), []byte("x")},
	} {
		if _, err := loadAuthority(pair[0], pair[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
