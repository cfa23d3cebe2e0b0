package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// bear gives the addresses of load balancers to the workers that keepalived's
// pods run on, or where an ALB has none of its own, its pods.
func (f *follower) bear(ctx context.Context, pods []*corev1.Pod, services []*corev1.Service) error {
	wanted := map[netip.Addr]*Worker{}
	for _, s := range services {
		for _, ingress := range s.Status.LoadBalancer.Ingress {
			address, err := netip.ParseAddr(ingress.IP)
			if err != nil {
				continue // a host name: the load balancer is not on a worker
			}
			if worker := f.bearer(address, s, pods); worker != nil {
				wanted[address] = worker
			}
		}
	}
	var failures []error
	for address, worker := range f.borne {
		if wanted[address] != worker {
			failures = append(failures, worker.IP(ctx, fmt.Sprintf("addr del %s/32 dev %s", address, f.sideOf(address))))
			f.note(address, nil)
		}
	}
	for address, worker := range wanted {
		if f.borne[address] == worker {
			continue
		}
		if err := worker.IP(ctx, fmt.Sprintf("addr add %s/32 dev %s", address, f.sideOf(address))); err != nil {
			failures = append(failures, err)
			continue
		}
		f.note(address, worker)
		// Keepalived would tell the routers; here they are made to ask.
		for _, network := range []*router{f.cluster.lab.internet, f.cluster.lab.private} {
			failures = append(failures, network.IP(ctx, fmt.Sprintf("neigh flush to %s", address)))
		}
	}
	return errors.Join(failures...)
}

// note remembers who bears an address.
func (f *follower) note(address netip.Addr, worker *Worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if worker == nil {
		delete(f.borne, address)
		return
	}
	f.borne[address] = worker
}

// bearer is the worker that bears a load balancer's address: of several, the
// one that bears it already, else the first by name of its pod.
func (f *follower) bearer(address netip.Addr, service *corev1.Service, pods []*corev1.Pod) *Worker {
	keepalived := labels.SelectorFromSet(labels.Set{"ibm-cloud-provider-ip": dashes(address)})
	apps := labels.SelectorFromSet(service.Spec.Selector)
	for _, candidates := range []func(*corev1.Pod) bool{
		func(p *corev1.Pod) bool {
			return p.Namespace == "ibm-system" && keepalived.Matches(labels.Set(p.Labels))
		},
		func(p *corev1.Pod) bool {
			return p.Namespace == service.Namespace && apps.Matches(labels.Set(p.Labels))
		},
	} {
		var first *corev1.Pod
		for _, p := range pods {
			if !runs(p) || !candidates(p) {
				continue
			}
			if f.borne[address] != nil && f.borne[address].Address == parse(p.Spec.NodeName) {
				return f.borne[address]
			}
			if first == nil || p.Name < first.Name {
				first = p
			}
		}
		if first != nil {
			return f.cluster.Workers[parse(first.Spec.NodeName)]
		}
	}
	return nil
}

// sideOf is the interface that a load balancer's address belongs to.
func (f *follower) sideOf(address netip.Addr) string {
	if _, public := in(f.cluster.subnets.portablePublic, address); public {
		return publicDevice
	}
	return privateDevice
}

func dashes(address netip.Addr) string { return strings.ReplaceAll(address.String(), ".", "-") }
