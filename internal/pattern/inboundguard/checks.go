package inboundguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// onVPC is what does a guard's work on VPC clusters.
const onVPC = "there, workers have no public interface. What comes in comes through VPC load balancers, and their security group closes it (`ibm_is_security_group_rule`)."

// aboutWorkers refuses a guard of the private network that does not let the
// workers reach each other.
func aboutWorkers(o *hostguard.Objections, s hostguard.Scene, want settings) {
	var lost []string
	for _, endpoint := range calico.WithRoles(s.Endpoints, want.guard.roles...) {
		if !strings.HasSuffix(endpoint.Role(), "_private") {
			continue
		}
		for _, text := range endpoint.ExpectedIPs {
			address, err := netip.ParseAddr(text)
			if err == nil && !slices.ContainsFunc(want.guard.sources, func(n netip.Prefix) bool { return n.Contains(address) }) {
				lost = append(lost, text)
			}
		}
	}
	if len(lost) == 0 {
		return
	}
	slices.Sort(lost)
	shown := strings.Join(lost[:min(len(lost), 5)], ", ")
	if more := len(lost) - 5; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	o.Add(framework.Problem{
		Path: path.Root("host_endpoint_roles"), Summary: "The guard would cut workers off from each other",
		Detail: "The cluster runs over the workers' private interfaces, and these of their addresses are not in `pass_source_cidrs`: " + shown + ". Pass the workers' private subnets, or guard the public interfaces alone. `iks_network_isolation` closes the private network but for what a cluster needs.",
	}, want.demoted() || want.doubt.passes)
}

// demoted tells whether refusals that safety_checks is about are warnings.
func (s settings) demoted() bool { return s.warnOnly || s.doubt.checks }

// place is where the guard stands.
func (g guard) place() hostguard.Place {
	return hostguard.Place{Name: g.key(), Order: g.order, Roles: g.roles}
}

// aboutOrder refuses a guard that passes something and is evaluated before a
// NodePort guard.
func aboutOrder(o *hostguard.Objections, policies []calico.Policy, want settings) {
	if want.doubt.place || !want.doubt.passes && len(want.guard.passed()) == 0 {
		return
	}
	for _, problem := range hostguard.BehindInbound(policies, want.guard.place()) {
		o.Add(problem, want.demoted())
	}
}

// letInBefore names the policies that let something past the guard before it gets
// to see it, but for its own under the name that it had before (nil for none).
func letInBefore(policies []calico.Policy, g guard, before *guard) []string {
	others := slices.DeleteFunc(slices.Clone(policies), func(p calico.Policy) bool { return before != nil && p.Name == before.key() })
	return hostguard.LetInBefore(others, g.place(), g.ipvsKey(), func(r v3.Rule) bool {
		return r.Protocol == nil || hostguard.ProtocolName(*r.Protocol) != ""
	})
}

// ibmsAreFirst names the policies of IBM's for load balancers of version 2.0 that
// are evaluated before ours.
func ibmsAreFirst(policies []calico.Policy, g guard) []string {
	var out []string
	for _, p := range policies {
		if len(g.balancers) > 0 && p.Spec.DoNotTrack && calico.IsIBMs(p.Name) && p.Spec.Order != nil && *p.Spec.Order <= ipvsOrder {
			out = append(out, fmt.Sprintf("policy %s (order %s) is evaluated before %s (order %d), so load balancers of version 2.0 may stay open", p.Name, hostguard.OrderText(p.Spec.Order), g.ipvsKey(), ipvsOrder))
		}
	}
	slices.Sort(out)
	return out
}

// aboutServices judges what the guard does to the services of the cluster.
func aboutServices(o *hostguard.Objections, s hostguard.Scene, services []corev1.Service, want settings) {
	if s.Idle(want.guard.roles) {
		return
	}
	if open := hostguard.LeftOpen(services, s.FailsafeAmong(closes), want.guard.roles); len(open) > 0 {
		o.Add(framework.Problem{
			Path: path.Root("host_endpoint_roles"), Summary: "The guard cannot close a port that is in use",
			Detail: "Calico's failsafe ports pass every policy before DNAT, and these services answer on one: " + strings.Join(open, "; ") + ". Move them to other ports, or take the ports out of failsafeInboundHostPorts of the cluster's FelixConfiguration.",
		}, want.demoted())
	}
	if open := want.guard.unlisted(services); len(open) > 0 {
		o.Add(framework.Problem{
			Path: path.Root("ipvs_load_balancers"), Summary: "The guard does not close load balancers of version 2.0",
			Detail: "No policy before DNAT sees their packets, and these are not listed: " + strings.Join(open, "; ") + ". List their addresses and ports in `ipvs_load_balancers`.",
		}, want.demoted() || want.doubt.passes)
	}
}

// unlisted names the ports of load balancers of version 2.0 that come in at the
// guarded interfaces and are neither listed nor passed from everywhere.
func (g guard) unlisted(services []corev1.Service) []string {
	var out []string
	for _, service := range services {
		if !hostguard.IPVS(service) || !hostguard.ComesInAt(service, g.roles) {
			continue
		}
		for _, point := range service.Status.LoadBalancer.Ingress {
			address, err := netip.ParseAddr(point.IP)
			if err != nil {
				continue
			}
			for _, p := range service.Spec.Ports {
				b := balancer{address: address, protocol: hostguard.ProtocolOf(p.Protocol)}
				if _, anybody := g.admitted(b, uint16(p.Port)); !anybody && !g.lists(b, uint16(p.Port)) {
					out = append(out, fmt.Sprintf("%s (%s)", hostguard.BalancerPort(service, p), address))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func (g guard) lists(b balancer, port uint16) bool {
	return slices.ContainsFunc(g.balancers, func(o balancer) bool {
		return o.address == b.address && o.protocol == b.protocol && o.ports.Contains(port)
	})
}

// answering names the load balancers that answer, behind the guard, only to what
// it passes.
func (g guard) answering(services []corev1.Service) []string {
	var out []string
	for _, service := range services {
		if hostguard.Balanced(service) && !hostguard.IPVS(service) && hostguard.ComesInAt(service, g.roles) {
			out = append(out, service.Namespace+"/"+service.Name)
		}
	}
	slices.Sort(out)
	return out
}
