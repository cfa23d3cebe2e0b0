package controlplane

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	calicoGroup     = "projectcalico.org"
	calicoNamespace = "calico-apiserver"
	calicoService   = "calico-api"
	// calicoAPIService is the name that Kubernetes wants for this group and version.
	calicoAPIService = "v3." + calicoGroup
)

// SetCalicoAPI opens or shuts the door projectcalico.org/v3 of a running
// cluster, and returns when requests and discovery say the same. What is
// stored stays, it is the objects of crd.projectcalico.org/v1.
func (c *ControlPlane) SetCalicoAPI(ctx context.Context, open bool) error {
	c.calico.Lock()
	defer c.calico.Unlock()
	if open {
		if err := c.openCalicoAPI(ctx); err != nil {
			return fmt.Errorf("opening the Calico API of %s: %w", c.options.Name, err)
		}
		return nil
	}
	if err := c.shutCalicoAPI(ctx); err != nil {
		return fmt.Errorf("shutting the Calico API of %s: %w", c.options.Name, err)
	}
	return nil
}

func (c *ControlPlane) openCalicoAPI(ctx context.Context) error {
	service, bundle, err := c.plane.serveCalico(ctx, c.objects)
	if err != nil {
		return err
	}
	registration := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   map[string]any{"name": calicoAPIService},
		"spec": map[string]any{
			"group": calicoGroup, "version": "v3", "groupPriorityMinimum": int64(1500), "versionPriority": int64(200),
			"service": service, "caBundle": base64.StdEncoding.EncodeToString(bundle),
		},
	}}
	if err := c.objects.create(ctx, registration); err != nil {
		return err
	}
	if err := until(ctx, c.calicoServed); err != nil {
		return err
	}
	c.calicoV3.Store(true)
	return nil
}

// calicoServed is no error when the door is open.
func (c *ControlPlane) calicoServed(ctx context.Context) error {
	if err := c.plane.check(); err != nil {
		return err
	}
	if err := c.listCalicoPolicies(ctx); err != nil {
		return err
	}
	return c.calicoDiscovered(true)
}

func (c *ControlPlane) listCalicoPolicies(ctx context.Context) error {
	policies := schema.GroupVersionResource{Group: calicoGroup, Version: "v3", Resource: "globalnetworkpolicies"}
	_, err := c.objects.dynamic.Resource(policies).List(ctx, metav1.ListOptions{Limit: 1})
	return err
}

func (c *ControlPlane) shutCalicoAPI(ctx context.Context) error {
	registrations := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	err := c.objects.dynamic.Resource(registrations).Delete(ctx, calicoAPIService, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	c.calicoV3.Store(false)
	return until(ctx, func(ctx context.Context) error {
		err := c.listCalicoPolicies(ctx)
		switch {
		case apierrors.IsNotFound(err):
			return c.calicoDiscovered(false)
		case err != nil:
			return err
		default:
			return fmt.Errorf("%s is still served", calicoGroup)
		}
	})
}

// calicoDiscovered is no error when discovery shows the group, or does not, as wanted.
func (c *ControlPlane) calicoDiscovered(wanted bool) error {
	groups, err := c.client.Discovery().ServerGroups()
	if err != nil {
		return err
	}
	found := false
	for _, group := range groups.Groups {
		found = found || group.Name == calicoGroup
	}
	if found != wanted {
		return fmt.Errorf("discovery shows %s: %t", calicoGroup, found)
	}
	return nil
}

// installCalico makes Calico's resources, and the objects that every Calico
// installation makes for itself.
func (l *local) installCalico(ctx context.Context, o *objects) error {
	files, err := filepath.Glob(filepath.Join(l.programs[calicoFiles], "crd", "*.yaml"))
	if err != nil {
		return err
	}
	definitions, err := readObjects(files...)
	if err != nil {
		return err
	}
	if err := o.createResources(ctx, definitions...); err != nil {
		return err
	}
	tier := func(name string, order int64, action string) *unstructured.Unstructured {
		return calicoObject("Tier", name, map[string]any{"order": order, "defaultAction": action})
	}
	return o.create(ctx,
		calicoObject("ClusterInformation", "default", map[string]any{"datastoreReady": true, "clusterType": "k8s,kdd"}),
		tier("default", 1_000_000, "Deny"),
		tier("adminnetworkpolicy", 1_000, "Pass"),
		tier("baselineadminnetworkpolicy", 10_000_000, "Pass"),
	)
}

func calicoObject(kind, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": kind,
		"metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

// serveCalico runs the Calico API server on a port of its own. The API server
// finds it through a Service that is nothing but a name for this machine.
func (l *local) serveCalico(ctx context.Context, o *objects) (service map[string]any, caBundle []byte, err error) {
	if l.calico == nil {
		if err := l.startCalico(); err != nil {
			return nil, nil, err
		}
	}
	port := int64(l.calico.number)
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": calicoNamespace},
	}}
	alias := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{"name": calicoService, "namespace": calicoNamespace},
		"spec": map[string]any{
			"type": "ExternalName", "externalName": "localhost",
			"ports": []any{map[string]any{"port": port, "protocol": "TCP"}},
		},
	}}
	for _, object := range []*unstructured.Unstructured{namespace, alias} { // in this order
		if err := o.create(ctx, object); err != nil {
			return nil, nil, err
		}
	}
	service = map[string]any{"name": calicoService, "namespace": calicoNamespace, "port": port}
	return service, l.access.authority.bundle(), nil
}

func (l *local) startCalico() error {
	reserved, err := reservePort()
	if err != nil {
		return err
	}
	certificate, key, err := l.access.authority.server(calicoAPIServer, calicoService+"."+calicoNamespace+".svc")
	if err == nil {
		err = writePair(l.options.Dir, calicoAPIServer, certificate, key)
	}
	var config string
	if err == nil {
		config, err = writeKubeconfig(l.options.Dir, l.options.Name, l.access, "localiks-calico", masters)
	}
	if err == nil {
		err = l.processes.Start(calicoAPIServer, l.programs[calicoAPIServer],
			[]string{oneProcessor, "DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + config},
			"--bind-address", "127.0.0.1", "--secure-port", fmt.Sprint(reserved.number), "--permit-port-sharing",
			"--tls-cert-file", calicoAPIServer+".crt", "--tls-private-key-file", calicoAPIServer+".key",
			"--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config)
	}
	if err != nil {
		reserved.release()
		return err
	}
	l.calico = reserved
	return nil
}
