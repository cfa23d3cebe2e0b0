package edgepool

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// relocatedAnnotation on a Service makes the cloud provider look at its load
// balancer again. Its value tells for which edge nodes that was.
const relocatedAnnotation = "terraform-provider-iks/relocated"

// Where IBM keeps the pods of ALBs and of classic load balancers, how it names
// the latter's deployments, and the Service annotations that say where a load
// balancer is to be.
const (
	albNamespace          = "kube-system"
	balancerNamespace     = "ibm-system"
	balancerNamePrefix    = "ibm-cloud-provider-ip-"
	balancerZone          = "service.kubernetes.io/ibm-load-balancer-cloud-provider-zone"
	balancerVLAN          = "service.kubernetes.io/ibm-load-balancer-cloud-provider-vlan"
	ingressPublicService  = "service.kubernetes.io/ibm-ingress-controller-public"
	ingressPrivateService = "service.kubernetes.io/ibm-ingress-controller-private"
)

// carrier is something that carries traffic into the cluster and follows the
// edge nodes when it is redeployed: an ALB, or the load balancer of a Service.
type carrier struct {
	// alb is set for an ALB, service for a load balancer.
	alb     *iks.ALB
	service *corev1.Service
	// deployment of its pods; nil for VPC load balancers, whose members are
	// outside of the cluster, and for what is not deployed yet.
	deployment *appsv1.Deployment
	// pods of the deployment.
	pods       []*corev1.Pod
	zone, vlan string
}

func (c carrier) String() string {
	if c.alb != nil {
		return "ALB " + c.alb.ID
	}
	return "load balancer " + c.service.Namespace + "/" + c.service.Name
}

// findCarriers joins what IKS and the cluster know. onVPC says that load
// balancers without a deployment are the VPC's.
func findCarriers(albs []iks.ALB, services []corev1.Service, deployments []appsv1.Deployment, pods []corev1.Pod, onVPC bool) []carrier {
	byName := map[string]*appsv1.Deployment{}
	for i := range deployments {
		byName[deployments[i].Namespace+"/"+deployments[i].Name] = &deployments[i]
	}
	var out []carrier
	for i := range albs {
		alb := &albs[i]
		if !alb.Enabled || alb.DisableDeployment {
			continue
		}
		out = append(out, carrier{alb: alb, zone: alb.Zone, vlan: alb.VLANID, deployment: byName[albNamespace+"/"+alb.ID]})
	}
	for i := range services {
		s := &services[i]
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Spec.LoadBalancerClass != nil {
			continue
		}
		c := carrier{service: s, zone: s.Annotations[balancerZone], vlan: s.Annotations[balancerVLAN]}
		for _, at := range s.Status.LoadBalancer.Ingress {
			if d := byName[balancerNamespace+"/"+balancerNamePrefix+strings.ReplaceAll(at.IP, ".", "-")]; at.IP != "" && d != nil {
				c.deployment = d
				c.vlan = cmp.Or(requiredNode(d, publicVLANLabel), requiredNode(d, privateVLANLabel), c.vlan)
			}
		}
		if c.deployment != nil || onVPC {
			out = append(out, c)
		}
	}
	for i := range out {
		out[i].pods = podsOf(out[i].deployment, pods)
	}
	slices.SortStableFunc(out, func(a, b carrier) int { return strings.Compare(a.String(), b.String()) })
	return out
}

func podsOf(d *appsv1.Deployment, pods []corev1.Pod) []*corev1.Pod {
	if d == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil || selector.Empty() {
		return nil
	}
	var out []*corev1.Pod
	for i := range pods {
		if p := &pods[i]; p.Namespace == d.Namespace && selector.Matches(labels.Set(p.Labels)) {
			out = append(out, p)
		}
	}
	return out
}

// requiredNode gives the value that a deployment's pods demand of a node's
// label, "" if they demand none.
func requiredNode(d *appsv1.Deployment, label string) string {
	affinity := d.Spec.Template.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return d.Spec.Template.Spec.NodeSelector[label]
	}
	value := d.Spec.Template.Spec.NodeSelector[label]
	for i, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		demanded := ""
		for _, e := range term.MatchExpressions {
			if e.Key == label && e.Operator == corev1.NodeSelectorOpIn && len(e.Values) == 1 {
				demanded = e.Values[0]
			}
		}
		if i > 0 && demanded != value {
			return "" // one way in that does not demand it is enough
		}
		value = cmp.Or(demanded, value)
	}
	return value
}

// place is where a carrier is to run.
type place int

const (
	anywhere place = iota // no edge node for it: it must not ask for one
	onEdge
	either // so few that IBM decides
)

// minimumForALB is the number of edge nodes in a zone below which IBM ignores
// the label for ALBs.
const minimumForALB = 2

// place tells where IBM puts the carrier when it is redeployed now.
func (c carrier) place(nodes []corev1.Node) place {
	count := 0
	for i := range nodes {
		if n := &nodes[i]; isEdge(n) && c.near(n) {
			count++
		}
	}
	switch {
	case count == 0:
		return anywhere
	case c.alb != nil && count < minimumForALB:
		return either
	}
	return onEdge
}

// near tells whether a node is in the carrier's zone and on its VLAN.
func (c carrier) near(n *corev1.Node) bool {
	return (c.zone == "" || zoneOf(n) == c.zone) && (c.vlan == "" || onVLAN(n, c.vlan))
}

// misplaced tells whether the carrier must be redeployed to be where it
// belongs. mark is what relocatedAnnotation says for the present edge nodes.
func (c carrier) misplaced(nodes []corev1.Node, mark string) bool {
	if c.deployment == nil {
		return c.alb == nil && c.service.Annotations[relocatedAnnotation] != mark
	}
	demanded := requiredNode(c.deployment, markKey)
	if demanded != "" && demanded != markValue {
		return false // gateway nodes come first, and are somebody else's
	}
	switch c.place(nodes) {
	case anywhere:
		return demanded == markValue
	case onEdge:
		return demanded != markValue || c.strays(nodes)
	}
	return false
}

// strays tells whether a pod of the carrier runs beside the edge nodes.
func (c carrier) strays(nodes []corev1.Node) bool {
	edge := map[string]bool{}
	for i := range nodes {
		edge[nodes[i].Name] = isEdge(&nodes[i])
	}
	return slices.ContainsFunc(c.pods, func(p *corev1.Pod) bool { return !edge[p.Spec.NodeName] })
}

// rolledOut tells whether all of the carrier's pods are those of its present
// deployment and one at least is available.
func (c carrier) rolledOut() bool {
	d := c.deployment
	if d == nil {
		return c.alb == nil
	}
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas >= want &&
		d.Status.Replicas <= want && d.Status.AvailableReplicas >= min(want, 1)
}

// edgeMark is the value of relocatedAnnotation for the edge nodes that there
// are, "" if there are none: it differs when other nodes are edge nodes.
func edgeMark(nodes []corev1.Node) string {
	var names []string
	for i := range nodes {
		if isEdge(&nodes[i]) {
			names = append(names, nodes[i].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:6])
}
