package controlplane

import (
	"context"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// installCalico applies Calico's own manifest: resources and the node agent.
func (k *kindCluster) installCalico(ctx context.Context, o *objects) error {
	all, err := k.manifest(ctx, "calico.yaml")
	if err != nil {
		return err
	}
	var definitions, others []*unstructured.Unstructured
	for _, object := range all {
		if object.GetKind() == "CustomResourceDefinition" {
			definitions = append(definitions, object)
		} else {
			others = append(others, object)
		}
	}
	if err := o.createResources(ctx, definitions...); err != nil {
		return err
	}
	return o.create(ctx, others...)
}

// manifest reads one of Calico's manifests.
func (k *kindCluster) manifest(ctx context.Context, name string) ([]*unstructured.Unstructured, error) {
	folder, err := build.Path(ctx, calicoFiles)
	if err != nil {
		return nil, err
	}
	return readObjects(filepath.Join(folder, "manifests", name))
}

// serveCalico applies the manifest of the Calico API server, with a
// certificate of the cluster's authority.
func (k *kindCluster) serveCalico(ctx context.Context, o *objects) (service map[string]any, caBundle []byte, err error) {
	all, err := k.manifest(ctx, "apiserver.yaml")
	if err != nil {
		return nil, nil, err
	}
	certificate, key, err := k.access.authority.server(calicoAPIServer, calicoService+"."+calicoNamespace+".svc")
	if err != nil {
		return nil, nil, err
	}
	first, rest, err := arrangeCalicoAPI(all, certificate, key)
	if err != nil {
		return nil, nil, err
	}
	if err := o.create(ctx, first); err != nil {
		return nil, nil, err
	}
	if err := o.create(ctx, rest...); err != nil {
		return nil, nil, err
	}
	service = map[string]any{"name": calicoService, "namespace": calicoNamespace, "port": int64(443)}
	return service, k.access.authority.bundle(), nil
}

// arrangeCalicoAPI adapts the manifest of the Calico API server: the namespace
// comes first, its registration is left to SetCalicoAPI, the certificate is
// added, and the pod stays on the one node that is real.
func arrangeCalicoAPI(all []*unstructured.Unstructured, certificate, key []byte) (namespace *unstructured.Unstructured, rest []*unstructured.Unstructured, err error) {
	for _, object := range all {
		switch object.GetKind() {
		case "Namespace":
			namespace = object
			continue
		case "APIService":
			continue
		case "Deployment":
			err := unstructured.SetNestedField(object.Object, "", "spec", "template", "spec", "nodeSelector", "node-role.kubernetes.io/control-plane")
			if err != nil {
				return nil, nil, fmt.Errorf("deployment %s: %w", object.GetName(), err)
			}
		}
		rest = append(rest, object)
	}
	if namespace == nil {
		return nil, nil, fmt.Errorf("the Calico API server's manifest has no namespace %s", calicoNamespace)
	}
	return namespace, append(rest, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": string(corev1.SecretTypeOpaque),
		"metadata":   map[string]any{"name": "calico-apiserver-certs", "namespace": calicoNamespace},
		"stringData": map[string]any{"apiserver.crt": string(certificate), "apiserver.key": string(key)},
	}}), nil
}
