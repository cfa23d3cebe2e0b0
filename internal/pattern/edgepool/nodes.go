package edgepool

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Labels that IBM puts on every worker node.
const (
	poolIDLabel      = "ibm-cloud.kubernetes.io/worker-pool-id"
	poolNameLabel    = "ibm-cloud.kubernetes.io/worker-pool-name"
	ibmZoneLabel     = "ibm-cloud.kubernetes.io/zone"
	publicVLANLabel  = "publicVLAN"
	privateVLANLabel = "privateVLAN"
)

// noZone stands for the zone of a node that bears no zone label.
const noZone = "none"

// scope tells which nodes a declaration means. The zero scope means none.
type scope struct {
	// pool is set for a worker pool that exists.
	pool     *iks.WorkerPool
	names    map[string]bool
	selector map[string]string
}

func (s scope) holds(n *corev1.Node) bool {
	switch {
	case s.pool != nil:
		return n.Labels[poolIDLabel] == s.pool.ID
	case s.names != nil:
		return s.names[n.Name]
	}
	for key, value := range s.selector {
		if found, there := n.Labels[key]; !there || found != value {
			return false
		}
	}
	return len(s.selector) > 0
}

// nodes gives those that the scope means, by name.
func (s scope) nodes(all []corev1.Node) []*corev1.Node {
	var out []*corev1.Node
	for i := range all {
		if s.holds(&all[i]) {
			out = append(out, &all[i])
		}
	}
	slices.SortFunc(out, func(a, b *corev1.Node) int { return compareAddresses(a.Name, b.Name) })
	return out
}

// listOptions narrow a list of nodes to the scope as far as the API can.
func (s scope) listOptions() kube.ListOptions {
	switch {
	case s.pool != nil:
		return kube.ListOptions{Labels: poolIDLabel + "=" + s.pool.ID}
	case s.names != nil:
		return kube.ListOptions{}
	}
	return kube.ListOptions{Labels: labels.SelectorFromSet(s.selector).String()}
}

// ready tells whether a node runs pods.
func ready(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// serves tells whether a node can take new pods: ready, not cordoned, not
// about to go.
func serves(n *corev1.Node) bool {
	return ready(n) && !n.Spec.Unschedulable && n.DeletionTimestamp == nil
}

func zoneOf(n *corev1.Node) string {
	return cmp.Or(n.Labels[corev1.LabelTopologyZone], n.Labels[ibmZoneLabel], noZone)
}

func onVLAN(n *corev1.Node, vlan string) bool {
	return n.Labels[publicVLANLabel] == vlan || n.Labels[privateVLANLabel] == vlan
}

func addressOf(n *corev1.Node, kind corev1.NodeAddressType) string {
	for _, a := range n.Status.Addresses {
		if a.Type == kind {
			return a.Address
		}
	}
	return ""
}

// addressesOf gives the private addresses of nodes in their numeric order.
func addressesOf(nodes []*corev1.Node) []string {
	var out []string
	for _, n := range nodes {
		if a := addressOf(n, corev1.NodeInternalIP); a != "" {
			out = append(out, a)
		}
	}
	return sortAddresses(out)
}

// sortAddresses sorts numerically and leaves each address once.
func sortAddresses(addresses []string) []string {
	slices.SortFunc(addresses, compareAddresses)
	return slices.Compact(addresses)
}

// compareAddresses orders IP addresses as numbers and everything else, which
// comes after them, as text. IBM names nodes by their private address.
func compareAddresses(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	switch {
	case errX == nil && errY == nil:
		return x.Compare(y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// countZones counts nodes per zone.
func countZones(nodes []*corev1.Node) map[string]int {
	out := map[string]int{}
	for _, n := range nodes {
		out[zoneOf(n)]++
	}
	return out
}

func countReady(nodes []*corev1.Node) int {
	count := 0
	for _, n := range nodes {
		if ready(n) {
			count++
		}
	}
	return count
}
