package dataplane

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
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
func commandOf(p *corev1.Pod, c corev1.Container, argv []string, worker *Worker) command {
	out := command{argv: argv, capabilities: usual, env: []string{"KUBERNETES_SERVICE_HOST=" + apiService, "KUBERNETES_SERVICE_PORT=443"}}
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
			value = fieldOf(p, e.ValueFrom.FieldRef.FieldPath, worker)
		}
		out.env = append(out.env, e.Name+"="+value)
	}
	if all := p.Spec.SecurityContext; all != nil && all.RunAsUser != nil {
		out.user = *all.RunAsUser
	}
	own := c.SecurityContext
	if own == nil {
		return out
	}
	if own.RunAsUser != nil {
		out.user = *own.RunAsUser
	}
	if own.Privileged != nil && *own.Privileged {
		out.capabilities = nil
		return out
	}
	out.noNew = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation
	if own.Capabilities == nil {
		return out
	}
	if slices.Contains(own.Capabilities.Drop, "ALL") {
		out.capabilities = []string{}
	}
	for _, added := range own.Capabilities.Add {
		out.capabilities = append(slices.Clone(out.capabilities), strings.ToLower(string(added)))
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
func layoutOf(ctx context.Context, client kubernetes.Interface, p *corev1.Pod, images map[string]Image) (layout, error) {
	files, empty, err := volumesOf(ctx, client, p)
	if err != nil {
		return layout{}, err
	}
	out := layout{files: Files{}, image: Image{Links: map[string]string{}}}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		maps.Copy(out.image.Links, images[c.Image].Links)
		if c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem {
			out.readOnly = true
		}
		for _, m := range c.VolumeMounts {
			switch {
			case files[m.Name] != nil:
				out.files[m.MountPath] = files[m.Name]
			case empty[m.Name]:
				out.empty = append(out.empty, m.MountPath)
			default:
				return layout{}, fmt.Errorf("volume %s is of a kind that a lab does not have", m.Name)
			}
		}
	}
	return out, nil
}

// volumesOf reads the pod's volumes, by name: files, or which are empty.
func volumesOf(ctx context.Context, client kubernetes.Interface, p *corev1.Pod) (files Files, empty map[string]bool, err error) {
	files, empty = Files{}, map[string]bool{}
	for _, v := range p.Spec.Volumes {
		switch {
		case v.EmptyDir != nil:
			empty[v.Name] = true
		case v.ConfigMap != nil:
			held, err := client.CoreV1().ConfigMaps(p.Namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
			if err != nil {
				return nil, nil, err
			}
			data := maps.Clone(held.BinaryData)
			if data == nil {
				data = map[string][]byte{}
			}
			for name, text := range held.Data {
				data[name] = []byte(text)
			}
			files[v.Name] = chosen(data, v.ConfigMap.Items)
		case v.Secret != nil:
			held, err := client.CoreV1().Secrets(p.Namespace).Get(ctx, v.Secret.SecretName, metav1.GetOptions{})
			if err != nil {
				return nil, nil, err
			}
			files[v.Name] = chosen(held.Data, v.Secret.Items)
		}
	}
	return files, empty, nil
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
