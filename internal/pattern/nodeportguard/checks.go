package nodeportguard

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// notCovered lists the failsafe ports among those that a guard means to close,
// as "TCP 6443".
func (s scene) notCovered(g guard) []string {
	return hostguard.Texts(s.FailsafeAmong(g.closes))
}

// closes tells whether the guard closes a port.
func (g guard) closes(protocol string, port uint16) bool {
	return slices.Contains(g.protocols, protocol) && g.ports.Contains(port)
}

// onVPC is what does a guard's work on VPC clusters.
const onVPC = "there, security groups keep node ports closed. From version 1.30 on the group `kube-<cluster ID>` admits node ports from the cluster's load balancers only; for older clusters, give the workers a group that does (`ibm_is_security_group_rule`)."

// cutOff names the load balancer services whose own port the guard closes and
// nobody has acknowledged.
func cutOff(services []corev1.Service, g guard, acknowledged map[uint16]bool) []string {
	var out []string
	for _, service := range services {
		if !hostguard.Balanced(service) || !reached(service, g) {
			continue
		}
		for _, p := range service.Spec.Ports {
			if port := uint16(p.Port); g.closes(hostguard.ProtocolOf(p.Protocol), port) && !acknowledged[port] {
				out = append(out, hostguard.BalancerPort(service, p))
			}
		}
	}
	slices.Sort(out)
	return out
}

// reached tells whether a guard sees a load balancer's packets. In doubt it does;
// those of version 2.0 no policy before DNAT sees.
func reached(service corev1.Service, g guard) bool {
	if hostguard.IPVS(service) || !hostguard.ComesInAt(service, g.roles) {
		return false
	}
	ingress := service.Status.LoadBalancer.Ingress
	for _, point := range ingress {
		address, err := netip.ParseAddr(point.IP)
		open := err == nil && slices.ContainsFunc(g.open(), func(n netip.Prefix) bool { return n.Contains(address) })
		if !open {
			return true
		}
	}
	return len(ingress) == 0
}

// aboutOrder refuses a guard behind an inbound guard, whose sources it would
// never see.
func aboutOrder(o *hostguard.Objections, policies []calico.Policy, want settings) {
	if want.doubt.place {
		return
	}
	for _, problem := range hostguard.BeforeNodePorts(policies, want.guard.place()) {
		o.Add(problem, want.warnOnly || want.doubt.services)
	}
}

// aboutServices judges what the guard does to the services of the cluster.
func aboutServices(o *hostguard.Objections, s scene, services []corev1.Service, want settings) {
	if s.Idle(want.guard.roles) {
		return
	}
	if open := hostguard.LeftOpen(services, s.FailsafeAmong(want.guard.closes), want.guard.roles); len(open) > 0 {
		o.Add(framework.Problem{
			Path: path.Root("port_ranges"), Summary: "The guard cannot close a port that is in use",
			Detail: "Calico's failsafe ports pass every policy before DNAT, and these services answer on one: " + strings.Join(open, "; ") + ". Move them to other ports, take the ports out of `port_ranges`, or out of failsafeInboundHostPorts of the cluster's FelixConfiguration.",
		}, want.warnOnly || want.doubt.services)
	}
	if cut := cutOff(services, want.guard, want.acknowledged); len(cut) > 0 {
		o.Add(framework.Problem{
			Path: path.Root("port_ranges"), Summary: "The guard would cut off load balancers",
			Detail: "Before DNAT a load balancer's packets bear its own port, and these lie in `port_ranges`: " + strings.Join(cut, "; ") + ". Narrow `port_ranges`, let the load balancers' addresses through with `allowed_destination_cidrs`, or, if they may go dark, list the ports in `acknowledged_load_balancer_ports`.",
		}, want.warnOnly || want.doubt.services || want.doubt.openings)
	}
}
