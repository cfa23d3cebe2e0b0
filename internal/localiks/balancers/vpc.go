package balancers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// vpc makes load balancers of the cluster's VPC.
type vpc struct {
	server    *fakeiks.Server
	clusterID string
	kube      kubernetes.Interface
}

func (v *vpc) ensure(ctx context.Context, s subject) (corev1.LoadBalancerIngress, error) {
	none := corev1.LoadBalancerIngress{}
	if err := checkSupported(s.Service, true); err != nil {
		return none, err
	}
	cluster, found := v.server.Cluster(v.clusterID)
	if !found {
		return none, fmt.Errorf("there is no cluster %q", v.clusterID)
	}
	plan, err := planOf(s.Service, cluster)
	if err != nil {
		return none, err
	}
	present, found := v.present(s.owner, plan.name)
	if found {
		at := corev1.LoadBalancerIngress{Hostname: present.Hostname}
		if problem := plan.conflict(present); problem != "" {
			return at, plan.refuse(problem)
		}
		v.leaveOthers(s.owner, plan.name)
		return at, nil
	}
	if !s.may() {
		return none, errNotYet
	}
	if nodes, err := v.anyNode(ctx, plan.zone); err != nil || !nodes {
		if err == nil {
			err = plan.refuse("There are no available nodes for this service")
		}
		return none, err
	}
	if s.wrong {
		plan.public = !plan.public
	}
	made, err := v.make(s, plan)
	if err != nil {
		return none, plan.refuse(err.Error())
	}
	v.leaveOthers(s.owner, plan.name)
	return corev1.LoadBalancerIngress{Hostname: made.Hostname}, nil
}

// make creates the load balancer, or takes one over that has the name that the
// Service gives and belongs to nobody.
func (v *vpc) make(s subject, plan vpcPlan) (fakeiks.LoadBalancer, error) {
	if plan.persistent {
		attached, found := v.server.AttachLoadBalancer(v.clusterID, plan.name, s.owner)
		problem := plan.conflict(attached)
		switch {
		case found && problem == "":
			return attached, nil
		case found:
			v.server.DetachLoadBalancer(attached.ID)
			return fakeiks.LoadBalancer{}, errors.New(problem)
		}
	}
	return v.server.CreateLoadBalancer(v.clusterID, fakeiks.LoadBalancer{
		Name: plan.name, Owner: s.owner, Public: plan.public, Network: plan.network, Subnets: plan.subnets, Persistent: plan.persistent,
	})
}

func (v *vpc) owned(owner string) []fakeiks.LoadBalancer {
	return slices.DeleteFunc(v.server.LoadBalancers(v.clusterID), func(b fakeiks.LoadBalancer) bool { return b.Owner != owner })
}

func (v *vpc) present(owner, name string) (fakeiks.LoadBalancer, bool) {
	for _, b := range v.owned(owner) {
		if b.Name == name {
			return b, true
		}
	}
	return fakeiks.LoadBalancer{}, false
}

// leaveOthers parts from the load balancers of other names that the Service had
// before: persistent ones stay, without an owner.
func (v *vpc) leaveOthers(owner, name string) {
	for _, b := range v.owned(owner) {
		switch {
		case b.Name == name:
		case b.Persistent:
			v.server.DetachLoadBalancer(b.ID)
		default:
			v.server.DeleteLoadBalancer(b.ID)
		}
	}
}

func (v *vpc) anyNode(ctx context.Context, zone string) (bool, error) {
	selector := ""
	if zone != "" {
		selector = labelZone + "=" + zone
	}
	list, err := v.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("nodes of zone %q: %w", zone, err)
	}
	return len(list.Items) > 0, nil
}

func (v *vpc) move(_ context.Context, s subject, public bool) (corev1.LoadBalancerIngress, error) {
	cluster, found := v.server.Cluster(v.clusterID)
	if !found {
		return corev1.LoadBalancerIngress{}, fmt.Errorf("there is no cluster %q", v.clusterID)
	}
	plan, err := planOf(s.Service, cluster)
	if err != nil {
		return corev1.LoadBalancerIngress{}, err
	}
	for _, b := range v.owned(s.owner) {
		v.server.DeleteLoadBalancer(b.ID)
	}
	plan.public = public
	made, err := v.make(s, plan)
	return corev1.LoadBalancerIngress{Hostname: made.Hostname}, err
}

// remove takes a persistent one away, too: it outlives its cluster, not its Service.
func (v *vpc) remove(_ context.Context, owner string) error {
	for _, b := range v.owned(owner) {
		v.server.DeleteLoadBalancer(b.ID)
	}
	return nil
}
