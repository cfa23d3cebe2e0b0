package nodeportguard

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// matching counts the host endpoints that a guard applies to.
func (s scene) matching(g guard) int { return len(calico.WithRoles(s.endpoints, g.roles...)) }

// notCovered lists the failsafe ports among those that a guard means to close,
// as "TCP 6443".
func (s scene) notCovered(g guard) []string {
	return texts(s.failsafeOf(g))
}

func (s scene) failsafeOf(g guard) []calico.FailsafePort {
	return slices.DeleteFunc(slices.Clone(s.failsafe), func(f calico.FailsafePort) bool {
		return !slices.Contains(g.protocols, f.Protocol) || !g.ports.contains(f.Port)
	})
}

// noEndpoints refuses a guard that would close nothing.
func (s scene) noEndpoints(g guard, vpc bool) framework.Problem {
	detail := fmt.Sprintf("No host endpoint of the cluster has the role %s, so the guard would close nothing.", strings.Join(g.roles, " or "))
	switch {
	case vpc:
		detail += " Workers of VPC clusters have no host endpoints: there, security groups keep node ports closed. From version 1.30 on the group `kube-<cluster ID>` admits node ports from the cluster's load balancers only; for older clusters, give the workers a group that does (`ibm_is_security_group_rule`)."
	case len(s.endpoints) == 0:
		detail += " It has no host endpoints at all: are its workers deployed, and is it a classic cluster?"
	default:
		count := map[string]int{}
		for _, e := range s.endpoints {
			count[e.Role()]++
		}
		var there []string
		for _, role := range slices.Sorted(maps.Keys(count)) {
			there = append(there, fmt.Sprintf("%q (%d)", role, count[role]))
		}
		detail += " The roles that it has are " + strings.Join(there, ", ") + "."
	}
	return framework.Problem{
		Path: path.Root("host_endpoint_roles"), Summary: "The guard matches no host endpoint",
		Detail: detail + " With `when_no_host_endpoints = \"warn\"` the policy is made all the same.",
	}
}

// cutOff names the load balancer services whose own port the guard closes and
// nobody has acknowledged.
func cutOff(services []corev1.Service, g guard, acknowledged map[uint16]bool) []string {
	var out []string
	for _, service := range services {
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer || !reached(service, g) {
			continue
		}
		for _, p := range service.Spec.Ports {
			port := uint16(p.Port)
			if closes(g, p.Protocol, port) && !acknowledged[port] {
				out = append(out, fmt.Sprintf("load balancer %s/%s, port %s %d", service.Namespace, service.Name, protocolOf(p.Protocol), port))
			}
		}
	}
	slices.Sort(out)
	return out
}

// leftOpen names the services that answer on a port which the guard means to
// close and Calico's failsafe ports keep open.
func (s scene) leftOpen(services []corev1.Service, g guard) []string {
	failsafe := s.failsafeOf(g)
	open := func(protocol corev1.Protocol, port int32) bool {
		for _, f := range failsafe {
			if f.Protocol == protocolOf(protocol) && int32(f.Port) == port {
				return true
			}
		}
		return false
	}
	var out []string
	for _, service := range services {
		balanced := service.Spec.Type == corev1.ServiceTypeLoadBalancer
		for _, p := range service.Spec.Ports {
			if balanced && open(p.Protocol, p.Port) {
				out = append(out, fmt.Sprintf("load balancer %s/%s, port %s %d", service.Namespace, service.Name, protocolOf(p.Protocol), p.Port))
			}
			if p.NodePort != 0 && open(p.Protocol, p.NodePort) {
				out = append(out, fmt.Sprintf("service %s/%s, node port %s %d", service.Namespace, service.Name, protocolOf(p.Protocol), p.NodePort))
			}
		}
	}
	slices.Sort(out)
	return out
}

func closes(g guard, protocol corev1.Protocol, port uint16) bool {
	return slices.Contains(g.protocols, protocolOf(protocol)) && g.ports.contains(port)
}

func protocolOf(p corev1.Protocol) string {
	if p == "" {
		return string(corev1.ProtocolTCP)
	}
	return string(p)
}

// ipTypeAnnotation says whether a classic load balancer has a public or a
// private address.
const ipTypeAnnotation = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"

// reached tells whether a guard sees a load balancer's packets. In doubt it does.
func reached(service corev1.Service, g guard) bool {
	var away string // the roles that its packets never come in at
	switch service.Annotations[ipTypeAnnotation] {
	case "private":
		away = "_public"
	case "public":
		away = "_private"
	}
	if away != "" && !slices.ContainsFunc(g.roles, func(role string) bool { return !strings.HasSuffix(role, away) }) {
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

// objections are what stands against a guard: warnings that are only said, and
// problems that forbid it.
type objections struct {
	warnings []string
	problems []framework.Problem
}

// add takes a problem as a refusal or, demoted, as a warning.
func (o *objections) add(p framework.Problem, demoted bool) {
	if demoted {
		o.warnings = append(o.warnings, p.Summary+": "+p.Detail)
		return
	}
	o.problems = append(o.problems, p)
}

// refusal is the error of the problems, nil if there are none.
func (o *objections) refusal() error {
	if len(o.problems) == 0 {
		return nil
	}
	return &framework.Refusal{Problems: o.problems}
}

// aboutServices judges what the guard does to the services of the cluster.
func (o *objections) aboutServices(s scene, services []corev1.Service, want settings) {
	if open := s.leftOpen(services, want.guard); len(open) > 0 {
		o.add(framework.Problem{
			Path: path.Root("port_ranges"), Summary: "The guard cannot close a port that is in use",
			Detail: "Calico's failsafe ports pass every policy before DNAT, and these services answer on one: " + strings.Join(open, "; ") + ". Move them to other ports, take the ports out of `port_ranges`, or out of failsafeInboundHostPorts of the cluster's FelixConfiguration.",
		}, want.warnOnly || want.doubt.services)
	}
	if cut := cutOff(services, want.guard, want.acknowledged); len(cut) > 0 {
		o.add(framework.Problem{
			Path: path.Root("port_ranges"), Summary: "The guard would cut off load balancers",
			Detail: "Before DNAT a load balancer's packets bear its own port, and these lie in `port_ranges`: " + strings.Join(cut, "; ") + ". Narrow `port_ranges`, let the load balancers' addresses through with `allowed_destination_cidrs`, or, if they may go dark, list the ports in `acknowledged_load_balancer_ports`.",
		}, want.warnOnly || want.doubt.services || want.doubt.openings)
	}
}
