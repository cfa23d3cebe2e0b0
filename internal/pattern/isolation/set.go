package isolation

import (
	"net/netip"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// The networks, as values of `network`.
const (
	networkPrivate = "private"
	networkPublic  = "public"
)

// isolation is what is declared, with nothing left to look up.
type isolation struct {
	network string
	addresses
	// podSubnet and serviceSubnet are the cluster's.
	podSubnet, serviceSubnet netip.Prefix
	// peers may be talked to, and on the private network may talk to the workers.
	peers []string
	// apiPorts are further TCP ports that pods may connect to: those of
	// aggregated APIs, which the API server reaches through a pod.
	apiPorts []uint16
	// vrrp, services, vpn and istio are the optional policies.
	vrrp, services, vpn, istio bool
}

// member is one policy of a set.
type member struct {
	// namespace is empty for a global policy.
	namespace, name string
	spec            calico.Spec
	// cuts tells that something is cut off as soon as the policy is there: it
	// denies, or selects pods, of which Calico drops what no policy allows.
	cuts bool
}

// title names the policy as people and import IDs do.
func (m member) title() string { return strings.TrimPrefix(m.namespace+"/"+m.name, "/") }

// Selectors of the policies.
const (
	podSelector          = "projectcalico.org/orchestrator == 'k8s'"
	konnectivitySelector = "app == 'konnectivity-agent' || k8s-app == 'konnectivity-agent'"
	systemNamespace      = "kube-system"
)

// role is the value of ibm.role that the workers' host endpoints on the network have.
func (i isolation) role() string { return "worker_" + i.network }

func (i isolation) workers() string { return calico.RoleSelector(i.role()) }

// set gives the policies in the order in which they are written: first all that
// allow, then what cuts off, and the denial at the very end. Names, orders and
// rules are those of IBM's policy samples, with what is said at each function.
func (i isolation) set() []member {
	var out []member
	// A policy without rules would allow nothing, and cut off what it selects.
	add := func(name string, order float64, selector string, ingress, egress []v3.Rule) *member {
		if len(ingress)+len(egress) == 0 {
			return &member{}
		}
		out = append(out, member{name: name, spec: policy(order, selector, ingress, egress)})
		return &out[len(out)-1]
	}
	if i.network == networkPrivate {
		add("allow-all-workers-private", 1950, i.workers(), i.fromWorkers(), i.toWorkersAndPods())
		add("allow-icmp-private", 1500, i.workers(), []v3.Rule{allow(named(icmp), v3.EntityRule{})}, nil)
		add("allow-sys-mgmt-private", 1800, i.workers(), fromNets(i.infrastructure), toNets(i.infrastructure))
	}
	add("allow-ibm-ports-"+i.network, 1500, i.workers(), i.ibmIngress(), i.ibmEgress())
	add("allow-"+i.network+"-service-endpoint", i.either(1900, 1500), i.workers(), nil, i.toMaster(masterPorts(), port(443)))
	if i.services {
		ingress, egress := i.toServices()
		add("allow-"+i.network+"-services", i.either(1900, 1800), i.workers(), ingress, egress)
	}
	if i.vrrp {
		any112 := []v3.Rule{allow(numbered(vrrp), v3.EntityRule{})}
		add("allow-vrrp-"+i.network, 1500, i.workers(), any112, any112)
	}
	if i.vpn {
		add("allow-vpn-"+i.network, 1500, i.workers(), nil, toGateways())
	}
	add("allow-peers-"+i.network, 1700, i.workers(), i.fromPeers(), toNets(i.peers))
	if i.network == networkPublic {
		add("allow-konnectivity", 1000, konnectivitySelector, nil, []v3.Rule{{Action: v3.Allow}}).namespace = systemNamespace
	}
	add("allow-egress-pods-"+i.network, i.either(1500, 1400), podSelector, nil, i.fromPods()).cuts = true
	if i.network == networkPublic {
		dashboard := add("allow-k8s-master-to-dashboard-via-vpn", 1000, "kubernetes-dashboard-policy == 'allow'", nil, toDashboard())
		dashboard.namespace, dashboard.cuts = systemNamespace, true
		add("deny-all-outbound-public", 1850, i.workers(), nil, []v3.Rule{{Action: v3.Deny}}).cuts = true
		return out
	}
	all := []v3.Rule{{Action: v3.Deny}}
	add("deny-all-private-default", 99900, i.workers(), all, all).cuts = true
	return out
}

// either gives what holds on the private, or on the public network.
func (i isolation) either(onPrivate, onPublic float64) float64 {
	if i.network == networkPrivate {
		return onPrivate
	}
	return onPublic
}

// policy makes a spec that holds for the directions that it has rules for.
func policy(order float64, selector string, ingress, egress []v3.Rule) calico.Spec {
	spec := calico.Spec{Tier: "default", Order: &order, Selector: selector, Ingress: ingress, Egress: egress}
	if len(ingress) > 0 {
		spec.Types = append(spec.Types, v3.PolicyTypeIngress)
	}
	if len(egress) > 0 {
		spec.Types = append(spec.Types, v3.PolicyTypeEgress)
	}
	return spec
}

// toNets allows what goes to networks, fromNets what comes from them. Without
// any there is no rule, as one without networks would allow everything.
func toNets(cidrs []string) []v3.Rule {
	if len(cidrs) == 0 {
		return nil
	}
	return []v3.Rule{allow(nil, v3.EntityRule{Nets: cidrs})}
}

func fromNets(cidrs []string) []v3.Rule {
	if len(cidrs) == 0 {
		return nil
	}
	return []v3.Rule{from(v3.EntityRule{Nets: cidrs})}
}

func (i isolation) fromWorkers() []v3.Rule {
	return []v3.Rule{from(v3.EntityRule{Selector: i.workers()})}
}

func (i isolation) toWorkersAndPods() []v3.Rule {
	return append([]v3.Rule{allow(nil, v3.EntityRule{Selector: i.workers()})}, toNets([]string{i.podSubnet.String()})...)
}

// ibmIngress is DNS, the kubelet on the private network, and BigFix.
func (i isolation) ibmIngress() []v3.Rule {
	if i.network == networkPrivate {
		return both(v3.EntityRule{Ports: ports(53, 5353, 10250, 52311)})
	}
	return both(v3.EntityRule{Ports: ports(53, 5353, 52311)})
}

// ibmEgress is DNS, NFS, block storage (3260, and 443 over the public network),
// Typha, the master's local proxy and the API server's address in the cluster.
func (i isolation) ibmEgress() []v3.Rule {
	anywhere := ports(53, 5353, 2049, 3260, 5473)
	if i.network == networkPublic {
		anywhere = ports(53, 5353, 443, 2049, 3260, 5473)
	}
	out := rules(
		both(v3.EntityRule{Ports: anywhere}),
		both(v3.EntityRule{Nets: []string{localProxy}, Ports: masterProxy()}),
		both(v3.EntityRule{Nets: []string{i.master().String(), oldMaster}, Ports: ports(443)}),
	)
	if i.network == networkPublic {
		// Workers reach ClusterIPs over the interface of the default route.
		out = append(out, toNets([]string{i.podSubnet.String()})...)
	}
	return out
}

// master is the API server's address in the cluster: the first of the service subnet.
func (i isolation) master() netip.Prefix {
	address := i.serviceSubnet.Masked().Addr().Next()
	return netip.PrefixFrom(address, address.BitLen())
}

// toMaster allows the service endpoints of the region.
func (i isolation) toMaster(to ...numorstring.Port) []v3.Rule {
	if len(i.serviceEndpoints) == 0 {
		return nil
	}
	return both(v3.EntityRule{Nets: i.serviceEndpoints, Ports: to})
}

// toServices is what the registry, monitoring and logging need; each has a rule
// only if there are addresses, as a rule without would allow all.
func (i isolation) toServices() (ingress, egress []v3.Rule) {
	add := func(protocol string, cidrs []string, to ...uint16) {
		if len(cidrs) > 0 {
			egress = append(egress, allow(named(protocol), v3.EntityRule{Nets: cidrs, Ports: ports(to...)}))
		}
	}
	add(tcp, i.registry, 443, 4443)
	add(tcp, i.monitoring, 443, 6443)
	add(tcp, i.logging, 80, 443, 514, 6514)
	add(udp, i.logging, 514)
	if i.istio {
		egress = append(egress, allow(named(tcp), v3.EntityRule{Ports: ports(80, 15443)}))
		ingress = []v3.Rule{allow(named(tcp), v3.EntityRule{Ports: ports(80, 443, 853, 15010, 15012, 15014, 15021, 15443)})}
	}
	return ingress, egress
}

// toGateways allows the ways to a VPN gateway.
func toGateways() []v3.Rule {
	return []v3.Rule{allow(named(udp), v3.EntityRule{Ports: ports(500, 4500)}), allow(numbered(esp), v3.EntityRule{})}
}

// fromPeers lets peers in on the private network alone: on the public one the
// set says nothing about what comes in.
func (i isolation) fromPeers() []v3.Rule {
	if i.network == networkPublic {
		return nil
	}
	return fromNets(i.peers)
}

// fromPods is all that pods may connect to, in one policy: the first policy
// that selects pods cuts off everything that it does not allow, so services, VPN
// gateways and peers are in it and have none of their own. Pods may connect to
// each other under either set. The private set leaves them all that is not
// private; where there are both, the public one comes first and says what of
// that they may.
func (i isolation) fromPods() []v3.Rule {
	out := rules(
		[]v3.Rule{
			allow(named(udp), v3.EntityRule{Ports: ports(podPorts()...)}),
			allow(named(tcp), v3.EntityRule{Ports: ports(i.podTCPPorts()...)}),
		},
		both(v3.EntityRule{Nets: []string{localProxy}, Ports: masterProxy()}),
		[]v3.Rule{allow(nil, v3.EntityRule{Selector: podSelector})},
	)
	if i.network == networkPrivate {
		out = append(out, allow(nil, v3.EntityRule{NotNets: private()}))
	}
	out = append(out, i.toMaster(masterPorts())...)
	if i.services {
		_, egress := i.toServices()
		out = append(out, egress...)
	}
	if i.vpn {
		out = append(out, toGateways()...)
	}
	out = append(out, toNets(i.peers)...)
	if i.network == networkPublic {
		out = append(out, v3.Rule{Action: v3.Deny, Destination: v3.EntityRule{NotNets: notPublic()}})
	}
	return out
}

// podPorts are those that pods may connect to anywhere, over UDP and TCP: DNS,
// HTTPS and block storage, NFS, the kubelet.
func podPorts() []uint16 { return []uint16{53, 5353, 443, 2049, 3260, 10250} }

// podTCPPorts are those that they may connect to over TCP: the metrics server
// and aggregated APIs as well.
func (i isolation) podTCPPorts() []uint16 {
	return append(append(podPorts(), 4443, 6443), i.apiPorts...)
}

// masterProxy are the ports of the local proxy of the API server and of etcd.
func masterProxy() []numorstring.Port { return []numorstring.Port{span(2040, 2041)} }

func toDashboard() []v3.Rule {
	return []v3.Rule{allow(named(tcp), v3.EntityRule{Selector: "k8s-app == 'kubernetes-dashboard'", Ports: ports(443, 8443)})}
}

// possible are all policies that a set of a network can have.
func possible(network string) []member {
	return isolation{
		network: network, addresses: addresses{serviceEndpoints: private(), registry: private(), infrastructure: private()},
		peers: private(), vrrp: network == networkPrivate, services: true, vpn: true,
		podSubnet: defaultPodSubnet(), serviceSubnet: defaultServiceSubnet(),
	}.set()
}

// The subnets that clusters of IKS have unless they were made with others.
func defaultPodSubnet() netip.Prefix     { return netip.MustParsePrefix("172.30.0.0/16") }
func defaultServiceSubnet() netip.Prefix { return netip.MustParsePrefix("172.21.0.0/16") }
