package privateservice

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Annotations of IBM's cloud controller, as its documentation and source name
// them. Each of these is set by an attribute; its others are the user's to set.
const (
	balancerPrefix = "service.kubernetes.io/ibm-load-balancer-cloud-provider-"
	ingressPrefix  = "service.kubernetes.io/ibm-ingress-controller-"

	ipTypeNote    = balancerPrefix + "ip-type"
	zoneNote      = balancerPrefix + "zone"
	vlanNote      = balancerPrefix + "vlan"
	featuresNote  = balancerPrefix + "enable-features"
	schedulerNote = balancerPrefix + "ipvs-scheduler"

	subnetsNote        = balancerPrefix + "vpc-subnets"
	nameNote           = balancerPrefix + "vpc-lb-name"
	securityGroupsNote = balancerPrefix + "vpc-security-group"
	idleTimeoutNote    = balancerPrefix + "vpc-idle-connection-timeout"

	healthProtocolNote = balancerPrefix + "vpc-health-check-protocol"
	healthPortNote     = balancerPrefix + "vpc-health-check-port"
	healthPathNote     = balancerPrefix + "vpc-health-check-path"
	healthDelayNote    = balancerPrefix + "vpc-health-check-delay"
	healthTimeoutNote  = balancerPrefix + "vpc-health-check-timeout"
	healthRetriesNote  = balancerPrefix + "vpc-health-check-retries"
	healthUDPNote      = balancerPrefix + "vpc-health-check-udp"
)

// Values of those annotations.
const (
	ipTypePrivate = "private"

	featureIPVS  = "ipvs"
	featureALB   = "alb"
	featureNLB   = "nlb"
	featureProxy = "proxy-protocol"
)

// Versions of a classic NLB.
const (
	nlbOne = "1.0"
	nlbTwo = "2.0"
)

// declaration is what a resource declares of its Service.
type declaration struct {
	namespace, name string
	selector        map[string]string
	ports           []port
	// loadBalancerIP, zone, vlan, nlbVersion and scheduler are "" where nothing
	// is declared. The last three, and the address, are for classic clusters.
	loadBalancerIP, zone, vlan string
	nlbVersion, scheduler      string
	// vpc is nil where nothing is declared. It is for VPC clusters.
	vpc *vpcSettings

	externalPolicy, internalPolicy string
	sessionAffinity                string
	sourceRanges                   []string
	labels, annotations            map[string]string

	wait, force bool
}

// port of a Service. name and appProtocol may be "", nodePort 0 (the server's choice).
type port struct {
	name        string
	port        int32
	target      intstr.IntOrString
	protocol    corev1.Protocol
	nodePort    int32
	appProtocol string
}

// vpcSettings are for the load balancer of a VPC cluster. What is "", 0 or nil is not declared.
type vpcSettings struct {
	features, subnets, securityGroups []string
	name                              string
	idleTimeout                       int64 // seconds
	health                            healthCheck
}

// healthCheck of a VPC load balancer; delay and timeout in seconds.
type healthCheck struct {
	protocol, path                         string
	port, delay, timeout, retries, udpPort int64
}

// service is the Service that a declaration stands for, with what is declared
// and nothing else.
func (d declaration) service() corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.namespace, Name: d.name,
			Labels: maps.Clone(d.labels), Annotations: d.notes(),
		},
		Spec: corev1.ServiceSpec{
			Type:                     corev1.ServiceTypeLoadBalancer,
			Selector:                 d.selector,
			Ports:                    d.servicePorts(),
			LoadBalancerIP:           d.loadBalancerIP,
			LoadBalancerSourceRanges: d.sourceRanges,
			ExternalTrafficPolicy:    corev1.ServiceExternalTrafficPolicy(d.externalPolicy),
			InternalTrafficPolicy:    policyOrNil(d.internalPolicy),
			SessionAffinity:          corev1.ServiceAffinity(d.sessionAffinity),
		},
	}
}

func policyOrNil(policy string) *corev1.ServiceInternalTrafficPolicy {
	if policy == "" {
		return nil
	}
	out := corev1.ServiceInternalTrafficPolicy(policy)
	return &out
}

func (d declaration) servicePorts() []corev1.ServicePort {
	out := make([]corev1.ServicePort, len(d.ports))
	for i, p := range d.ports {
		out[i] = corev1.ServicePort{Name: p.name, Port: p.port, TargetPort: p.target, Protocol: p.protocol, NodePort: p.nodePort}
		if p.appProtocol != "" {
			out[i].AppProtocol = &p.appProtocol
		}
	}
	return out
}

// notes are the annotations: the user's, and over them what makes the load
// balancer private and what else IBM's controller is told.
func (d declaration) notes() map[string]string {
	out := map[string]string{}
	maps.Copy(out, d.annotations)
	note := func(key, value string) {
		if value != "" {
			out[key] = value
		}
	}
	note(ipTypeNote, ipTypePrivate)
	note(zoneNote, d.zone)
	note(vlanNote, d.vlan)
	if d.nlbVersion == nlbTwo {
		note(featuresNote, featureIPVS)
	}
	note(schedulerNote, d.scheduler)
	if v := d.vpc; v != nil {
		note(featuresNote, strings.Join(slices.Sorted(slices.Values(v.features)), ","))
		note(subnetsNote, strings.Join(v.subnets, ","))
		note(nameNote, v.name)
		note(securityGroupsNote, strings.Join(v.securityGroups, ","))
		note(idleTimeoutNote, number(v.idleTimeout))
		note(healthProtocolNote, v.health.protocol)
		note(healthPathNote, v.health.path)
		note(healthPortNote, number(v.health.port))
		note(healthDelayNote, number(v.health.delay))
		note(healthTimeoutNote, number(v.health.timeout))
		note(healthRetriesNote, number(v.health.retries))
		note(healthUDPNote, number(v.health.udpPort))
	}
	return out
}

// number writes a number for an annotation, "" for none.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// addresses are what a Service's load balancer has been given: on classic
// clusters an IP, on VPC a hostname, and nothing while it is pending.
type addresses struct{ ips, hostnames []string }

func addressesOf(live corev1.Service) addresses {
	var out addresses
	for _, point := range live.Status.LoadBalancer.Ingress {
		if point.IP != "" {
			out.ips = append(out.ips, point.IP)
		}
		if point.Hostname != "" {
			out.hostnames = append(out.hostnames, point.Hostname)
		}
	}
	return out
}

func (a addresses) pending() bool { return len(a.ips)+len(a.hostnames) == 0 }

func (a addresses) ip() string { return firstOf(a.ips) }

func (a addresses) hostname() string { return firstOf(a.hostnames) }

func (a addresses) String() string {
	return strings.Join(slices.Concat(a.ips, a.hostnames), ", ")
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
