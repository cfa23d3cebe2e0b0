package remoteservice

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// within refuses addresses in the consuming cluster's own subnets, given by what they are for.
func (r remote) within(where string, subnets map[string]string) error {
	var refusal framework.Refusal
	for _, a := range r.addresses {
		for _, of := range []string{"pod", "service"} {
			subnet, err := netip.ParsePrefix(subnets[of])
			if err != nil || !subnet.Contains(a) {
				continue
			}
			refusal.Problems = append(refusal.Problems, framework.Problem{
				Path: path.Root("endpoints").AtSetValue(types.StringValue(a.String())), Summary: "The address is this cluster's own",
				Detail: fmt.Sprintf("%s lies in the %s subnet %s of %s, so packets to it never leave the cluster. If the other cluster's load balancer has this address, one of the two clusters needs other subnets.", a, of, subnet, where),
			})
		}
	}
	if len(refusal.Problems) > 0 {
		return &refusal
	}
	return nil
}

// publicWarnings names the addresses that look public, but for those that were declared before.
func (r remote) publicWarnings(before []netip.Addr) []string {
	known := map[netip.Addr]bool{}
	for _, a := range before {
		known[a] = true
	}
	var out []string
	for _, a := range r.addresses {
		if looksPublic(a) && !known[a] {
			out = append(out, fmt.Sprintf("endpoint %s is outside the ranges that are private by standard; make sure that it is a private address of yours, or clients of %s leave the private network", a, dnsName(r.namespace, r.name)))
		}
	}
	return out
}

// refuseUnlike refuses a Service that nobody made as a remote one, an app's for
// example: its ports may be those that are declared, and where it leads is not
// among what is compared.
func (g ground) refuseUnlike(service *corev1.Service, in ownership.Intent) error {
	if service == nil || in.Force || in.Held || g.services.Stamp(*service) != "" {
		return nil
	}
	wrong := unlike(*service)
	if wrong == "" {
		return nil
	}
	return framework.Refuse(path.Root("name"), "The Service is not a remote service",
		fmt.Sprintf("Service %s/%s is there already and %s. Its clients would be led elsewhere. Choose another `name`, or take it over with `force_conflicts = true`.",
			service.Namespace, service.Name, wrong))
}

// refuseStrangers refuses to share a Service with EndpointSlices of others.
func refuseStrangers(strangers []discoveryv1.EndpointSlice) error {
	if len(strangers) == 0 {
		return nil
	}
	var lines []string
	for _, slice := range strangers {
		lines = append(lines, describe(slice))
	}
	return framework.Refuse(path.Root("name"), "Somebody else adds addresses to the Service",
		strings.Join(lines, "; ")+". Part of its clients would end up there. Delete them (and, where they mirror an Endpoints object of the Service's name, that), or let this resource remove them with `force_conflicts = true`.")
}
