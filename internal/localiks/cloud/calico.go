package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	calicoGroup   = "crd.projectcalico.org"
	calicoVersion = "v1"

	// metadataAnnotation is where Calico keeps what Kubernetes' own metadata
	// of the stored object does not hold: labels and, for policies, the name.
	metadataAnnotation = "projectcalico.org/metadata"
	tierLabel          = "projectcalico.org/tier"
	roleLabel          = "ibm.role"

	rolePublic  = "worker_public"
	rolePrivate = "worker_private"
)

// hasCalico says whether the cluster gets IBM's Calico objects. VPC workers
// have no host endpoints.
func (c *Controllers) hasCalico(cluster fakeiks.Cluster) bool {
	return c.options.Calico && cluster.Provider == fakeiks.Classic
}

func calicoResource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: calicoGroup, Version: calicoVersion, Resource: plural}
}

// stored is a Calico object in the form in which Calico itself stores it.
// Labels go into the annotation, but for Calico's own.
func stored(kind, storedName, name string, labels map[string]string, spec any) (*unstructured.Unstructured, error) {
	hidden := metav1.ObjectMeta{Name: name, Labels: labels, CreationTimestamp: metav1.Now()}
	metadata, err := json.Marshal(hidden)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, storedName, err)
	}
	body, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, storedName, err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": body}}
	object.SetAPIVersion(calicoGroup + "/" + calicoVersion)
	object.SetKind(kind)
	object.SetName(storedName)
	object.SetAnnotations(map[string]string{metadataAnnotation: string(metadata)})
	if tier, found := labels[tierLabel]; found {
		object.SetLabels(map[string]string{tierLabel: tier})
	}
	return object, nil
}

// StoredPolicies are the GlobalNetworkPolicies as Calico stores them.
func StoredPolicies() schema.GroupVersionResource { return calicoResource("globalnetworkpolicies") }

// StoredName is the name under which a policy of the default tier is stored.
func StoredName(policy string) string { return "default." + policy }

// StoredPolicy is a GlobalNetworkPolicy of the default tier as Calico stores it.
func StoredPolicy(name string, spec *apiv3.GlobalNetworkPolicySpec) (*unstructured.Unstructured, error) {
	return stored("GlobalNetworkPolicy", StoredName(name), name, map[string]string{tierLabel: "default"}, spec)
}

// create makes an object that is not there yet.
func (c *Controllers) create(ctx context.Context, plural string, object *unstructured.Unstructured) error {
	_, err := c.dynamic.Resource(calicoResource(plural)).Create(ctx, object, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// bearHostEndpoints makes the host endpoints of a worker: eth1 is the public
// interface, eth0 the private one.
func (c *Controllers) bearHostEndpoints(ctx context.Context, cluster fakeiks.Cluster, w fakeiks.Worker) error {
	if !c.hasCalico(cluster) {
		return nil
	}
	type side struct{ suffix, role, device, address string }
	sides := []side{{"-worker-private", rolePrivate, "eth0", w.PrivateIP}}
	if w.PublicIP != "" {
		sides = append(sides, side{"-worker-public", rolePublic, "eth1", w.PublicIP})
	}
	for _, s := range sides {
		labels := map[string]string{roleLabel: s.role}
		maps.Copy(labels, map[string]string{"arch": "amd64", "ibm-cloud.kubernetes.io/worker-id": w.ID})
		object, err := stored("HostEndpoint", w.PrivateIP+s.suffix, "", labels, &apiv3.HostEndpointSpec{
			Node: w.PrivateIP, InterfaceName: s.device, ExpectedIPs: []string{s.address},
		})
		if err != nil {
			return err
		}
		if err := c.create(ctx, "hostendpoints", object); err != nil {
			return err
		}
	}
	return nil
}

// removeHostEndpoints takes a worker's host endpoints away.
func (c *Controllers) removeHostEndpoints(ctx context.Context, node string) error {
	cluster, found := c.options.Server.Cluster(c.options.ClusterID)
	if !found || !c.hasCalico(cluster) {
		return nil
	}
	for _, suffix := range []string{"-worker-private", "-worker-public"} {
		err := c.dynamic.Resource(calicoResource("hostendpoints")).Delete(ctx, node+suffix, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("host endpoint %s%s: %w", node, suffix, err)
		}
	}
	return nil
}

// defaultPolicies makes those of IBM's default policies that are missing.
func (c *Controllers) defaultPolicies(ctx context.Context, cluster fakeiks.Cluster) error {
	if !c.hasCalico(cluster) {
		return nil
	}
	for name, spec := range ibmPolicies() {
		spec.Tier = "default"
		object, err := StoredPolicy(name, &spec)
		if err != nil {
			return err
		}
		if err := c.create(ctx, "globalnetworkpolicies", object); err != nil {
			return err
		}
	}
	return nil
}
