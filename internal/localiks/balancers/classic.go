package balancers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// classic makes load balancers with portable IPs.
type classic struct {
	server    *fakeiks.Server
	clusterID string
	kube      kubernetes.Interface
	dynamic   dynamic.Interface
}

func (c *classic) ensure(ctx context.Context, s subject) (corev1.LoadBalancerIngress, error) {
	if err := checkSupported(s.Service, false); err != nil {
		return corev1.LoadBalancerIngress{}, err
	}
	present, found := c.present(s.owner)
	if !found {
		return c.create(ctx, s)
	}
	at := corev1.LoadBalancerIngress{IP: present.Address}
	if wanted := s.Spec.LoadBalancerIP; wanted != "" && wanted != present.Address {
		return at, refuse(updatingFailed, "Updating cloud provider IP to %s is not supported", wanted)
	}
	if problem := checkIPVS(s.Service); problem != "" {
		return at, refuse(updatingFailed, "Failed to update deployment: %s", problem)
	}
	return c.deploy(ctx, s, present)
}

// create finds an address for a Service that has none.
func (c *classic) create(ctx context.Context, s subject) (corev1.LoadBalancerIngress, error) {
	if !s.may() {
		return corev1.LoadBalancerIngress{}, errNotYet
	}
	publicNodes, err := c.anyNode(ctx, labelPublicVLAN)
	if err != nil {
		return corev1.LoadBalancerIngress{}, err
	}
	w, err := wishOf(s.Service, publicNodes)
	if err != nil {
		return corev1.LoadBalancerIngress{}, err
	}
	if s.wrong {
		w.public, w.address, w.vlan = !w.public, "", ""
	}
	if problem := checkIPVS(s.Service); problem != "" {
		return corev1.LoadBalancerIngress{}, refuse(creatingFailed, "%s", problem)
	}
	return c.assign(ctx, s, w)
}

// assign takes an address that is wished for and deploys the load balancer.
func (c *classic) assign(ctx context.Context, s subject, w wish) (corev1.LoadBalancerIngress, error) {
	all := c.server.PortableAddresses(c.clusterID)
	populated := map[string]bool{}
	for _, vlan := range w.vlans(all) {
		found, err := c.anyNode(ctx, vlanLabel(w.public)+"="+vlan)
		if err != nil {
			return corev1.LoadBalancerIngress{}, err
		}
		populated[vlan] = found
	}
	chosen, err := w.choose(all, populated)
	if err != nil {
		return corev1.LoadBalancerIngress{}, err
	}
	if err := c.server.TakeAddress(c.clusterID, chosen.Address, s.owner); err != nil {
		return corev1.LoadBalancerIngress{}, err // an ALB was faster
	}
	return c.deploy(ctx, s, chosen)
}

func (c *classic) move(ctx context.Context, s subject, public bool) (corev1.LoadBalancerIngress, error) {
	former, found := c.present(s.owner)
	at, err := c.assign(ctx, s, wish{public: public})
	if err != nil || !found {
		return at, err
	}
	return at, c.end(ctx, former.Address)
}

// present is the address that an owner has.
func (c *classic) present(owner string) (fakeiks.PortableAddress, bool) {
	all := c.server.PortableAddresses(c.clusterID)
	index := slices.IndexFunc(all, func(a fakeiks.PortableAddress) bool { return a.Owner == owner })
	if index < 0 {
		return fakeiks.PortableAddress{}, false
	}
	return all[index], true
}

func (c *classic) anyNode(ctx context.Context, selector string) (bool, error) {
	list, err := c.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("nodes with %s: %w", selector, err)
	}
	return len(list.Items) > 0, nil
}

// deploy applies the Deployment, and the policy of a version 2.0 load balancer.
func (c *classic) deploy(ctx context.Context, s subject, at fakeiks.PortableAddress) (corev1.LoadBalancerIngress, error) {
	selector := fmt.Sprintf("%s=%s,%s in (%s,%s)", vlanLabel(at.Public), at.VLAN, labelDedicated, edgeValue, gatewayValue)
	nodes, err := c.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return corev1.LoadBalancerIngress{}, fmt.Errorf("nodes with %s: %w", selector, err)
	}
	wanted := deployment(s, at, dedication(nodes.Items))
	deployments := c.kube.AppsV1().Deployments(systemNamespace)
	_, err = deployments.Create(ctx, wanted, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = deployments.Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if err != nil {
		return corev1.LoadBalancerIngress{}, fmt.Errorf("deployment %s: %w", wanted.Name, err)
	}
	if hasFeature(s.Service, featureIPVS) {
		err = c.applyPolicy(ctx, s, at)
	} else {
		err = c.removePolicy(ctx, s.owner)
	}
	return corev1.LoadBalancerIngress{IP: at.Address}, err
}

func (c *classic) remove(ctx context.Context, owner string) error {
	if err := c.removePolicy(ctx, owner); err != nil {
		return err
	}
	for _, a := range c.server.PortableAddresses(c.clusterID) {
		if a.Owner != owner {
			continue
		}
		if err := c.end(ctx, a.Address); err != nil {
			return err
		}
	}
	return nil
}

// end takes the Deployment of an address away and gives the address back.
func (c *classic) end(ctx context.Context, address string) error {
	propagation := metav1.DeletePropagationBackground
	name := deploymentName(address)
	err := c.kube.AppsV1().Deployments(systemNamespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &propagation})
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("deployment %s: %w", name, err)
	}
	c.server.ReleaseAddress(c.clusterID, address)
	return nil
}
