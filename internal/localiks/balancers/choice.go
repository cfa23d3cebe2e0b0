package balancers

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The annotations that only classic clusters know.
const (
	annotationVLAN      = prefix + "vlan"
	annotationScheduler = prefix + "ipvs-scheduler"
	featureIPVS         = "ipvs"
)

const noneFree = "No cloud provider IPs are available to fulfill the load balancer service request. Add a portable subnet to the cluster and try again. " +
	"See https://ibm.biz/lb-debug(IKS) or https://ibm.biz/oc-lb-debug (Openshift) for more details."

// wish is what the Service of a classic load balancer asks for.
type wish struct {
	public     bool
	zone, vlan string // "" for any
	address    string // "" for any
}

// wishOf reads a Service. publicNodes says whether the cluster has a node on a
// public VLAN: then public is the default.
func wishOf(service *corev1.Service, publicNodes bool) (wish, error) {
	w := wish{
		public: publicNodes, zone: service.Annotations[annotationZone], vlan: service.Annotations[annotationVLAN],
		address: service.Spec.LoadBalancerIP,
	}
	switch kind, given := service.Annotations[annotationIPType]; {
	case !given:
	case kind == kindPublic, kind == kindPrivate:
		w.public = kind == kindPublic
	default:
		return wish{}, refuse(creatingFailed, "Failed to determine cloud provider IPs to request for load balancer services: "+
			"Value for service annotation %s must be 'public' or 'private'", annotationIPType)
	}
	return w, nil
}

// fits says whether an address is of the kind, zone and VLAN that are wished for.
func (w wish) fits(a fakeiks.PortableAddress) bool {
	return a.Public == w.public && (w.zone == "" || a.Zone == w.zone) && (w.vlan == "" || a.VLAN == w.vlan)
}

// vlans are those whose addresses fit.
func (w wish) vlans(all []fakeiks.PortableAddress) []string {
	vlans := map[string]bool{}
	for _, a := range all {
		if w.fits(a) {
			vlans[a.VLAN] = true
		}
	}
	return slices.Sorted(maps.Keys(vlans))
}

// choose picks the address: the one that is asked for by name, or the first
// free one that fits. populated are the VLANs that nodes are on.
func (w wish) choose(all []fakeiks.PortableAddress, populated map[string]bool) (fakeiks.PortableAddress, error) {
	fitting := slices.DeleteFunc(slices.Clone(all), func(a fakeiks.PortableAddress) bool { return !w.fits(a) })
	if len(fitting) == 0 {
		return fakeiks.PortableAddress{}, refuse(creatingFailed, "%s", noneFree)
	}
	fitting = slices.DeleteFunc(fitting, func(a fakeiks.PortableAddress) bool { return !populated[a.VLAN] })
	if len(fitting) == 0 {
		return fakeiks.PortableAddress{}, refuse(creatingFailed, "No available nodes for load balancer services")
	}
	free := slices.DeleteFunc(fitting, func(a fakeiks.PortableAddress) bool { return a.Owner != "" })
	switch {
	case len(free) == 0:
		return fakeiks.PortableAddress{}, refuse(creatingFailed, "%s", noneFree)
	case w.address == "":
		return free[0], nil
	}
	var others []string
	for _, a := range free {
		if a.Address == w.address {
			return a, nil
		}
		others = append(others, a.Address)
	}
	slices.Sort(others)
	return fakeiks.PortableAddress{}, refuse(creatingFailed,
		"Requested cloud provider IP %s is not available. The following cloud provider IPs are available: %s", w.address, strings.Join(others, ","))
}

// checkSupported refuses what no load balancer of the infrastructure can do.
func checkSupported(service *corev1.Service, onVPC bool) error {
	if ports := service.Spec.AllocateLoadBalancerNodePorts; onVPC && ports != nil && !*ports {
		return refuse(creatingFailed, "Service configuration is not supported: NodePort allocation is required")
	}
	for _, port := range service.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP && port.Protocol != corev1.ProtocolUDP {
			return refuse(creatingFailed, "Service configuration is not supported: %s protocol", port.Protocol)
		}
	}
	return nil
}

// checkIPVS holds the rules of version 2.0. Kubernetes' own default of the
// traffic policy, Cluster, is refused.
func checkIPVS(service *corev1.Service) string {
	if !hasFeature(service, featureIPVS) {
		return ""
	}
	if service.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
		return "Cluster networking is not supported for IPVS-based load balancers. Set 'externalTrafficPolicy' to 'Local', and try again."
	}
	if scheduler := service.Annotations[annotationScheduler]; scheduler != "" && scheduler != "rr" && scheduler != "sh" {
		return "You have specified an unsupported scheduler: " + scheduler + ". Supported schedulers are: rr, sh. " +
			"For more information read the supported scheduler doc: https://ibm.biz/lbv2-scheduling"
	}
	return ""
}

// dedication is the value of the label "dedicated" that a load balancer's pods
// must find on their nodes, "" for none: gateway nodes come before edge nodes,
// and one is enough. nodes are those on its VLAN.
func dedication(nodes []corev1.Node) string {
	edge := ""
	for i := range nodes {
		switch nodes[i].Labels[labelDedicated] {
		case gatewayValue:
			return gatewayValue
		case edgeValue:
			edge = edgeValue
		}
	}
	return edge
}
