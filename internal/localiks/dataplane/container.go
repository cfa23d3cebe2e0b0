package dataplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// What every pod finds: the API server and the DNS of its cluster.
const (
	apiService = "172.21.0.1"
	dnsService = "172.21.0.10"
)

// usual are the capabilities that container engines leave a root without
// further privileges.
var usual = strings.Fields("audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid setpcap setuid sys_chroot")

// commandOf is how a container of a pod is run.
func commandOf(p *corev1.Pod, c corev1.Container, argv []string, worker *Worker) sandbox.Command {
	out := sandbox.Command{Argv: argv, Capabilities: usual, Env: []string{
		"HOSTNAME=" + p.Name, "KUBERNETES_SERVICE_HOST=" + apiService, "KUBERNETES_SERVICE_PORT=443",
	}}
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
			value = fieldOf(p, e.ValueFrom.FieldRef.FieldPath, worker)
		}
		out.Env = append(out.Env, e.Name+"="+value)
	}
	if all := p.Spec.SecurityContext; all != nil && all.RunAsUser != nil {
		out.User = *all.RunAsUser
	}
	own := c.SecurityContext
	if own == nil {
		return out
	}
	if own.RunAsUser != nil {
		out.User = *own.RunAsUser
	}
	if own.Privileged != nil && *own.Privileged {
		out.Capabilities = nil
		return out
	}
	out.NoNew = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation
	if own.Capabilities == nil {
		return out
	}
	if slices.Contains(own.Capabilities.Drop, "ALL") {
		out.Capabilities = []string{}
	}
	for _, added := range own.Capabilities.Add {
		out.Capabilities = append(slices.Clone(out.Capabilities), strings.ToLower(string(added)))
	}
	return out
}

// fieldOf is a field of a pod as its environment may have it.
func fieldOf(p *corev1.Pod, path string, worker *Worker) string {
	switch path {
	case "status.hostIP":
		return worker.Address.String()
	case "status.podIP":
		return p.Status.PodIP
	case "metadata.name":
		return p.Name
	case "metadata.namespace":
		return p.Namespace
	case "spec.nodeName":
		return p.Spec.NodeName
	}
	return ""
}

// layoutOf is what the pod's containers find, all of them the same.
func layoutOf(ctx context.Context, client kubernetes.Interface, p *corev1.Pod, images map[string]sandbox.Image) (sandbox.Layout, error) {
	files, empty, err := volumesOf(ctx, client, p)
	if err != nil {
		return sandbox.Layout{}, err
	}
	out := sandbox.Layout{Files: sandbox.Files{}, Image: sandbox.Image{Links: map[string]string{}, Scripts: map[string]string{}}}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		maps.Copy(out.Image.Links, images[c.Image].Links)
		maps.Copy(out.Image.Scripts, images[c.Image].Scripts)
		if c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem {
			out.ReadOnly = true
		}
		for _, m := range c.VolumeMounts {
			switch {
			case files[m.Name] != nil:
				out.Files[m.MountPath] = files[m.Name]
			case empty[m.Name]:
				out.Empty = append(out.Empty, m.MountPath)
			default:
				return sandbox.Layout{}, fmt.Errorf("volume %s is of a kind that a lab does not have", m.Name)
			}
		}
	}
	return out, nil
}

// argvOf is what a container runs.
func (o Options) argvOf(c corev1.Container) []string {
	if len(c.Command) == 0 {
		return slices.Concat(o.Images[c.Image].Entrypoint, c.Args)
	}
	return slices.Concat(c.Command, c.Args)
}

// volumesOf reads the pod's volumes, by name: files, or which are empty.
func volumesOf(ctx context.Context, client kubernetes.Interface, p *corev1.Pod) (files sandbox.Files, empty map[string]bool, err error) {
	files, empty = sandbox.Files{}, map[string]bool{}
	for _, v := range p.Spec.Volumes {
		var sources []corev1.VolumeProjection
		switch {
		case v.EmptyDir != nil:
			empty[v.Name] = true
			continue
		case v.ConfigMap != nil:
			sources = []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: v.ConfigMap.LocalObjectReference, Items: v.ConfigMap.Items}}}
		case v.Secret != nil:
			named := corev1.LocalObjectReference{Name: v.Secret.SecretName}
			sources = []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{LocalObjectReference: named, Items: v.Secret.Items}}}
		case v.Projected != nil:
			sources = v.Projected.Sources
		default:
			continue
		}
		files[v.Name] = map[string][]byte{}
		for _, source := range sources {
			projected, err := projectedFrom(ctx, client, p.Namespace, source)
			if err != nil {
				return nil, nil, err
			}
			maps.Copy(files[v.Name], projected)
		}
	}
	return files, empty, nil
}

// projectedFrom reads what one source gives to a volume.
func projectedFrom(ctx context.Context, client kubernetes.Interface, namespace string, source corev1.VolumeProjection) (map[string][]byte, error) {
	switch {
	case source.ConfigMap != nil:
		held, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, source.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		data := map[string][]byte{}
		maps.Copy(data, held.BinaryData)
		for name, text := range held.Data {
			data[name] = []byte(text)
		}
		return chosen(data, source.ConfigMap.Items), nil
	case source.Secret != nil:
		held, err := client.CoreV1().Secrets(namespace).Get(ctx, source.Secret.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return chosen(held.Data, source.Secret.Items), nil
	}
	return nil, errors.New("a projected volume has a source of a kind that a lab does not have")
}

// accountFolder is where a pod finds what its service account may come to the
// API server with; /var/run leads here.
const accountFolder = "/run/secrets/kubernetes.io/serviceaccount"

// account is what is in that folder, for a pod that names an account.
func (r *realised) account(ctx context.Context) (sandbox.Files, error) {
	name, mounts := r.pod.Spec.ServiceAccountName, r.pod.Spec.AutomountServiceAccountToken
	if name == "" || mounts != nil && !*mounts {
		return nil, nil
	}
	token, err := r.client.CoreV1().ServiceAccounts(r.pod.Namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("token of service account %s: %w", name, err)
	}
	return sandbox.Files{accountFolder: {
		"ca.crt": r.worker.cluster.RESTConfig().CAData, "namespace": []byte(r.pod.Namespace), "token": []byte(token.Status.Token),
	}}, nil
}

// chosen are the entries that a volume has, under the names that it gives them.
func chosen(data map[string][]byte, items []corev1.KeyToPath) map[string][]byte {
	if len(items) == 0 {
		return data
	}
	out := map[string][]byte{}
	for _, item := range items {
		if content, there := data[item.Key]; there {
			out[item.Path] = content
		}
	}
	return out
}
