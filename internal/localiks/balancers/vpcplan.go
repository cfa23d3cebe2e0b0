package balancers

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The annotations that only VPC clusters know, and a label of their nodes.
const (
	annotationSubnets = prefix + "vpc-subnets"
	annotationName    = prefix + "vpc-lb-name"
	featureNLB        = "nlb"
	labelZone         = "ibm-cloud.kubernetes.io/zone"
)

// vpcPlan is what the Service of a VPC load balancer asks for.
type vpcPlan struct {
	name            string
	public, network bool
	persistent      bool
	zone            string
	subnets         []string // IDs, sorted
	// subnetsGiven says that the Service names them.
	subnetsGiven bool
}

func (p vpcPlan) refuse(problem string) *refusal {
	r := refuse(creatingFailed, "Failed ensuring LoadBalancer: %s", problem)
	r.name = p.name
	return r
}

// planOf reads a Service. Its loadBalancerIP is not looked at.
func planOf(service *corev1.Service, cluster fakeiks.Cluster) (vpcPlan, error) {
	p := vpcPlan{
		name:    service.Annotations[annotationName],
		public:  service.Annotations[annotationIPType] != kindPrivate,
		network: hasFeature(service, featureNLB),
		zone:    service.Annotations[annotationZone],
	}
	p.persistent = p.name != ""
	if p.name == "" {
		name := "kube-" + cluster.ID + "-" + strings.ReplaceAll(string(service.UID), "-", "")
		p.name = name[:min(len(name), 63)]
	}
	where := service.Namespace + "/" + service.Name
	for _, port := range service.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP && !p.network {
			return p, p.refuse("Service " + where + " is a " + string(port.Protocol) + " load balancer. Only TCP is supported")
		}
	}
	if given := service.Annotations[annotationSubnets]; given != "" {
		p.subnetsGiven = true
		for one := range strings.SplitSeq(given, ",") {
			id := subnetNamed(strings.TrimSpace(one), cluster)
			if id == "" {
				return p, p.refuse("The annotation " + annotationSubnets + " on service " + where + " contains invalid VPC subnet " + one)
			}
			p.subnets = append(p.subnets, id)
		}
	} else {
		for _, zone := range cluster.Zones {
			if p.zone == "" || zone.ID == p.zone {
				p.subnets = append(p.subnets, zone.SubnetID)
			}
		}
		if len(p.subnets) == 0 {
			return p, p.refuse("The annotation " + annotationZone + " on service " + where + " contains invalid zone " + p.zone +
				". There are no cluster subnets in that zone")
		}
	}
	slices.Sort(p.subnets)
	p.subnets = slices.Compact(p.subnets)
	if p.network {
		p.subnets = p.subnets[:1]
	}
	return p, nil
}

// subnetNamed finds the ID of a subnet of the cluster's by ID, name or CIDR.
func subnetNamed(text string, cluster fakeiks.Cluster) string {
	for _, zone := range cluster.Zones {
		if text == zone.SubnetID || text == fakeiks.SubnetName(zone) || text == zone.PrivateCIDR {
			return zone.SubnetID
		}
	}
	return ""
}

// conflict says what of a load balancer cannot be changed any more, "" when
// nothing has to. The words about network load balancers are assumed.
func (p vpcPlan) conflict(present fakeiks.LoadBalancer) string {
	kind := kindPrivate
	if present.Public {
		kind = kindPublic
	}
	layer := "application"
	if present.Network {
		layer = "network"
	}
	subnets := slices.Sorted(slices.Values(present.Subnets))
	switch {
	case p.public != present.Public:
		return "The load balancer was created as a " + kind + " load balancer. This setting can not be changed"
	case p.network != present.Network:
		return "The load balancer was created as a " + layer + " load balancer. This setting can not be changed"
	case p.subnetsGiven && !slices.Equal(p.subnets, subnets):
		return "The load balancer was created with subnets " + strings.Join(subnets, ",") + ". This setting can not be changed"
	}
	return ""
}
