package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/cluster"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// kindImage is the node image, with its digest, that this version of kind was
// released with; so go.mod pins it.
const kindImage = defaults.Image

// kindMount is where the API server in the container sees the folder Dir/kind.
const kindMount = "/localiks"

// kindCluster is a control plane in a container of its own, made by kind, with
// Calico from its manifests. Only kwok runs outside.
type kindCluster struct {
	options   Options
	provider  *cluster.Provider
	processes *process.Group // kwok
	tokens    *relay         // nil without TokenReviewURL
	access    access
	created   bool
}

func newKind(ctx context.Context, o Options) (plane, error) {
	if err := dockerUsable(ctx); err != nil {
		return nil, err
	}
	processes, err := process.New(o.Dir, func(name string, err error) {
		_, _ = fmt.Fprintf(o.Log, "control plane %s: %s ended unasked: %v\n", o.Name, name, err)
	})
	if err != nil {
		return nil, err
	}
	return &kindCluster{options: o, processes: processes, provider: cluster.NewProvider(cluster.ProviderWithDocker())}, nil
}

// dockerUsable is no error when there is a Docker engine that takes orders.
func dockerUsable(ctx context.Context) error {
	if _, err := docker(ctx, "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("%s=%s needs a running Docker engine: start Docker, or unset %s to run without containers (%w)",
			kubernetesVariable, viaKind, kubernetesVariable, err)
	}
	return nil
}

// docker runs the docker command and gives its output without surrounding space.
func docker(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		message := strings.Join(strings.Fields(stderr.String()), " ")
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, message)
	}
	return strings.TrimSpace(string(out)), nil
}

func (k *kindCluster) serve(ctx context.Context, s *steps) (access, error) {
	err := s.run("node image", func() error { return k.pull(ctx) })
	if err != nil {
		return access{}, err
	}
	err = s.run("kind cluster", func() error {
		config, err := k.config(ctx)
		if err != nil {
			return err
		}
		k.created = true // also what failed half-way must be deleted
		return k.provider.Create(k.options.Name,
			cluster.CreateWithV1Alpha4Config(config),
			cluster.CreateWithNodeImage(kindImage),
			cluster.CreateWithKubeconfigPath(k.kubeconfig()),
			// Ready it can only be with a network, which Calico brings.
			cluster.CreateWithWaitForReady(0),
			cluster.CreateWithDisplayUsage(false),
			cluster.CreateWithDisplaySalutation(false))
	})
	if err != nil {
		return access{}, err
	}
	k.access, err = k.findAccess()
	if err != nil {
		return access{}, err
	}
	who, err := k.access.authority.identity("localiks-start", masters)
	if err != nil {
		return access{}, err
	}
	return k.access, readyz(ctx, restConfig(k.access, who, "localiks"), k.check)
}

func (k *kindCluster) kubeconfig() string { return filepath.Join(k.options.Dir, "kubeconfig-kind") }

// pull gets the node image where it is missing.
func (k *kindCluster) pull(ctx context.Context) error {
	if _, err := docker(ctx, "image", "inspect", "--format", "{{.Id}}", kindImage); err == nil {
		return nil
	}
	if _, err := docker(ctx, "pull", "--quiet", kindImage); err != nil {
		return fmt.Errorf("%s=%s needs the node image %s: load it into Docker, or unset %s to run without containers (%w)",
			kubernetesVariable, viaKind, kindImage, kubernetesVariable, err)
	}
	return nil
}

// config describes the cluster, and writes the files that its API server reads
// into the folder that the container mounts.
func (k *kindCluster) config(ctx context.Context) (*v1alpha4.Cluster, error) {
	folder := filepath.Join(k.options.Dir, viaKind)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	arguments := [][2]string{
		{"audit-policy-file", kindMount + "/audit-policy.yaml"},
		{"audit-log-path", kindMount + "/audit.log"},
		{"audit-log-maxsize", "100000"},
	}
	files := map[string]string{"audit-policy.yaml": auditPolicy}
	if k.options.TokenReviewURL != "" {
		url, err := k.relayTokens(ctx)
		if err != nil {
			return nil, err
		}
		files["token-review"] = fmt.Sprintf(tokenReviewConfig, url)
		arguments = append(arguments,
			[2]string{"authentication-token-webhook-config-file", kindMount + "/token-review"},
			[2]string{"authentication-token-webhook-version", "v1"},
			[2]string{"authentication-token-webhook-cache-ttl", "1s"})
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	patch := strings.Builder{}
	patch.WriteString("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n")
	for _, argument := range arguments {
		fmt.Fprintf(&patch, "  - {name: %q, value: %q}\n", argument[0], argument[1])
	}
	fmt.Fprintf(&patch, "  extraVolumes:\n  - {name: localiks, hostPath: %q, mountPath: %q}\n", kindMount, kindMount)
	return &v1alpha4.Cluster{
		Networking: v1alpha4.Networking{
			APIServerAddress: "127.0.0.1", DisableDefaultCNI: true,
			PodSubnet: "172.30.0.0/16", ServiceSubnet: "172.21.0.0/16",
		},
		Nodes: []v1alpha4.Node{{
			Role:        v1alpha4.ControlPlaneRole,
			ExtraMounts: []v1alpha4.Mount{{HostPath: folder, ContainerPath: kindMount}},
		}},
		KubeadmConfigPatches: []string{patch.String()},
	}, nil
}

// relayTokens makes the address at which the container reaches TokenReviewURL.
// Its own loopback interface is another one.
func (k *kindCluster) relayTokens(ctx context.Context) (string, error) {
	gateway, err := docker(ctx, "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
	if err != nil {
		return "", err
	}
	if k.tokens, err = newRelay(ctx, gateway, k.options.TokenReviewURL); err != nil {
		return "", fmt.Errorf("token reviews for the container, on Docker's bridge: %w", err)
	}
	return k.tokens.url, nil
}

// findAccess takes the address from kind, and the authority from the container.
func (k *kindCluster) findAccess() (access, error) {
	config, err := clientcmd.BuildConfigFromFlags("", k.kubeconfig())
	if err != nil {
		return access{}, fmt.Errorf("kind's kubeconfig: %w", err)
	}
	certificate, err := k.read("/etc/kubernetes/pki/ca.crt")
	if err != nil {
		return access{}, err
	}
	key, err := k.read("/etc/kubernetes/pki/ca.key")
	if err != nil {
		return access{}, err
	}
	authority, err := loadAuthority(certificate, key)
	return access{
		server: config.Host, authority: authority,
		audit: filepath.Join(k.options.Dir, viaKind, "audit.log"),
	}, err
}

// read gives a file's content from the container.
func (k *kindCluster) read(file string) ([]byte, error) {
	nodes, err := k.provider.ListInternalNodes(k.options.Name)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("kind cluster %s has no node", k.options.Name)
	}
	var content bytes.Buffer
	if err := nodes[0].Command("cat", file).SetStdout(&content).Run(); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", file, nodes[0], err)
	}
	return content.Bytes(), nil
}

// control runs kwok. It plays the nodes that bear its annotation, the
// container is a real one. The other controllers came with the cluster.
func (k *kindCluster) control(ctx context.Context, s *steps) error {
	path, err := build.Path(ctx, kwok)
	if err != nil {
		return err
	}
	return s.run(kwok, func() error {
		return startKwok(k.processes, path, k.options, k.access,
			"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector", kwokAnnotation+"="+kwokValue)
	})
}

// container is the one node's name, as kind gives it.
func (k *kindCluster) container() string { return k.options.Name + "-control-plane" }

// pause freezes the whole container; the port stays open on the host.
func (k *kindCluster) pause(ctx context.Context) error {
	_, err := docker(ctx, "pause", k.container())
	return err
}

func (k *kindCluster) resume(ctx context.Context) error {
	_, err := docker(ctx, "unpause", k.container())
	return err
}

// The API server is a static pod: it runs while kubelet finds its manifest.
const (
	staticPod = "/etc/kubernetes/manifests/kube-apiserver.yaml"
	setAside  = "/etc/kubernetes/kube-apiserver.yaml"
)

func (k *kindCluster) stopAPI(ctx context.Context) error {
	if _, err := docker(ctx, "exec", k.container(), "mv", staticPod, setAside); err != nil {
		return err
	}
	return until(ctx, func(ctx context.Context) error {
		running, err := docker(ctx, "exec", k.container(), "crictl", "ps", "--quiet", "--name", kubeAPIServer)
		if err == nil && running != "" {
			err = errors.New("kubelet has not stopped it")
		}
		return err
	})
}

func (k *kindCluster) startAPI(ctx context.Context) error {
	_, err := docker(ctx, "exec", k.container(), "mv", setAside, staticPod)
	return err
}

func (k *kindCluster) started(context.Context) error { return nil }

func (k *kindCluster) rewind(context.Context) ([]string, error) {
	return nil, fmt.Errorf("a kind cluster: %w", errors.ErrUnsupported)
}

func (k *kindCluster) stored(context.Context) (map[string]string, error) {
	return nil, fmt.Errorf("a kind cluster: %w", errors.ErrUnsupported)
}

func (k *kindCluster) check() error { return k.processes.Check() }

func (k *kindCluster) stop() error {
	k.processes.Close()
	var failures []error
	if k.created {
		failures = append(failures, k.provider.Delete(k.options.Name, k.kubeconfig()))
	}
	if k.tokens != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		failures = append(failures, k.tokens.close(ctx))
	}
	return errors.Join(failures...)
}
