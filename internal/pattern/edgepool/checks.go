package edgepool

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// finding is a reason not to go on.
type finding struct {
	at              path.Path
	summary, detail string
	// final findings stop also where safety_checks is "warn": there is nothing
	// that could be done instead.
	final bool
	// standing findings are true already, and going on does not worsen them, nor
	// drives anybody off: that is said and stops nothing, or else nothing could be
	// healed.
	standing bool
}

// stops tells whether an apply may not go on.
func (f finding) stops(enforce bool) bool { return f.final || enforce && !f.standing }

func (f finding) problem() framework.Problem {
	return framework.Problem{Path: f.at, Summary: f.summary, Detail: f.detail}
}

// check looks for whatever makes going on harmful: the safety checks. It is
// made before the first write and again right before nodes are closed.
func (s *situation) check() []finding {
	var out []finding
	for _, check := range []func(*situation) []finding{
		checkPoolMarks, checkNodeMarks, checkPresence, checkEnough, checkRoom, checkLocalServices, checkAutoscaling,
	} {
		out = append(out, check(s)...)
	}
	return out
}

// checkPoolMarks finds what somebody else means by our key on the pool.
func checkPoolMarks(s *situation) []finding {
	if s.want.pool == nil {
		return nil
	}
	pool := s.want.pool
	out := foreignOnPool(*pool)
	t, there := pool.Taints[markKey]
	if there && t.Value == markValue && t != poolTaint(s.effects) && !s.effects.has(corev1.TaintEffect(t.Effect)) && !s.ownedBefore() {
		out = append(out, finding{
			at: path.Root("taint_effects"), summary: "The worker pool bears the taint with another effect",
			detail: fmt.Sprintf("Worker pool %s bears the taint %s=%s, and IKS keeps one effect per key, so setting %s would take that one away from whoever set it. Add %s to taint_effects to keep it (on the nodes), or take it away first.",
				pool.Name, markKey, t, taintName(s.effects.onPool()), t.Effect),
		})
	}
	return out
}

// foreignOnPool finds values of somebody else's.
func foreignOnPool(pool iks.WorkerPool) []finding {
	var out []finding
	if v, there := pool.Labels[markKey]; there && v != markValue {
		out = append(out, finding{
			at: path.Root("worker_pool"), final: true, summary: "The worker pool is dedicated to something else",
			detail: fmt.Sprintf("Worker pool %s bears the label %s=%s. It is not overwritten, because whoever set it relies on it. Take it away first if the pool is to be an edge pool, or declare another pool.", pool.Name, markKey, v),
		})
	}
	if t, there := pool.Taints[markKey]; there && t.Value != markValue {
		out = append(out, finding{
			at: path.Root("worker_pool"), final: true, summary: "The worker pool is dedicated to something else",
			detail: fmt.Sprintf("Worker pool %s bears the taint %s=%s. It is not overwritten, because whoever set it relies on it. Take it away first if the pool is to be an edge pool, or declare another pool.", pool.Name, markKey, t),
		})
	}
	return out
}

// ownedBefore tells whether the pool was ours already.
func (s *situation) ownedBefore() bool {
	return s.prior.pool != nil && s.want.pool != nil && s.prior.pool.ID == s.want.pool.ID
}

func checkNodeMarks(s *situation) []finding {
	var names []string
	for _, n := range s.want.nodes(s.nodes) {
		if marks := foreignMarks(n); len(marks) > 0 && !s.complete(n) {
			names = append(names, n.Name+" ("+strings.Join(marks, ", ")+")")
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []finding{{
		at: s.declared.selected(), summary: "Nodes are dedicated to something else",
		detail: fmt.Sprintf("These nodes bear a %q mark of another value, which is not overwritten: %s. Take it away first if they are to be edge nodes, or leave them out.", markKey, some(names)),
	}}
}

// checkPresence finds that what is declared is not there.
func checkPresence(s *situation) []finding {
	nodes := s.want.nodes(s.nodes)
	var out []finding
	if absent := absentNames(s.want, nodes); len(absent) > 0 {
		out = append(out, finding{
			at: path.Root("node_names"), summary: "Nodes do not exist",
			detail: fmt.Sprintf("The cluster has no node named %s. A worker that was replaced has another name; worker_pool follows replacements by itself.", some(absent)),
		})
	}
	if len(nodes) == 0 && len(out) == 0 {
		out = append(out, finding{
			at: s.declared.selected(), summary: "There is no node to become an edge node",
			detail: fmt.Sprintf("The cluster has no node of %s.", s.declared.subject()),
		})
	}
	return out
}

// spot is where edge nodes are needed.
type spot struct{ zone, vlan string }

func (p spot) String() string {
	switch {
	case p.zone == "":
		return "VLAN " + p.vlan
	case p.vlan == "":
		return "zone " + p.zone
	}
	return "zone " + p.zone + ", VLAN " + p.vlan
}

// spots gives where edge nodes are needed, and for what.
func (s *situation) spots() map[spot][]string {
	out := map[spot][]string{}
	if s.want.pool != nil {
		for _, z := range s.want.pool.Zones {
			out[spot{zone: z.ID}] = nil
		}
	}
	for _, n := range s.want.nodes(s.nodes) {
		out[spot{zone: zoneOf(n)}] = nil
	}
	for _, c := range s.carriers {
		if at := (spot{zone: c.zone, vlan: c.vlan}); at != (spot{}) {
			out[at] = append(out[at], c.String())
		}
	}
	return out
}

// serving counts the edge nodes at a spot that can take pods when all is done.
func (s *situation) serving(at spot) int {
	c, count := carrier{zone: at.zone, vlan: at.vlan}, 0
	for i := range s.nodes {
		if n := &s.nodes[i]; s.edgeAfter(n) && serves(n) && c.near(n) {
			count++
		}
	}
	return count
}

func checkEnough(s *situation) []finding {
	short := map[bool][]string{}
	for at, reasons := range s.spots() {
		if count := s.serving(at); count < s.declared.minimum {
			sentence := fmt.Sprintf("%s: %d of %d", at, count, s.declared.minimum)
			if len(reasons) > 0 {
				sentence += " for " + some(reasons)
			}
			standing := (s.emptied() || s.leavesAlone(at)) && s.before().standsAt(at, count)
			short[standing] = append(short[standing], sentence)
		}
	}
	var out []finding
	for _, standing := range []bool{false, true} {
		if len(short[standing]) > 0 {
			out = append(out, s.tooFew(short[standing], standing))
		}
	}
	return out
}

// leavesAlone tells whether a spot is none of the declared nodes' business:
// there, IBM goes on putting ALBs and classic load balancers on any node as long
// as it has no edge node, so that each zone can have an edge pool of its own. A
// VPC load balancer that is bound to a zone is another matter: with edge nodes
// anywhere in the cluster it has no members but those.
func (s *situation) leavesAlone(at spot) bool {
	c := carrier{zone: at.zone, vlan: at.vlan}
	if s.want.pool != nil && slices.ContainsFunc(s.want.pool.Zones, func(z iks.PoolZone) bool { return z.ID == at.zone }) {
		return false
	}
	if slices.ContainsFunc(s.want.nodes(s.nodes), func(n *corev1.Node) bool { return at.zone == "" && c.near(n) || zoneOf(n) == at.zone }) {
		return false
	}
	return !slices.ContainsFunc(s.carriers, func(c carrier) bool {
		return c.alb == nil && c.deployment == nil && c.zone == at.zone && c.vlan == at.vlan
	})
}

func (s *situation) tooFew(short []string, standing bool) finding {
	slices.Sort(short)
	return finding{
		at: path.Root("minimum_nodes_per_zone"), summary: map[bool]string{false: "There would be too few edge nodes", true: "There are too few edge nodes"}[standing], standing: standing,
		detail: fmt.Sprintf("Each zone, and each VLAN, with an enabled ALB or a load balancer needs %d edge nodes that are ready and not cordoned; with fewer than two IBM ignores the label. Too few in %s. Add workers, wait until they are ready, or declare an edge pool there too.",
			s.declared.minimum, strings.Join(short, "; ")),
	}
}

// exactlyTwo names the spots where one ALB pod serves while the other is replaced.
func (s *situation) exactlyTwo() []string {
	var out []string
	for at, reasons := range s.spots() {
		if len(reasons) > 0 && s.serving(at) == minimumForALB {
			out = append(out, at.String())
		}
	}
	slices.Sort(out)
	return out
}

// checkRoom finds that the other workloads would have nowhere to run.
func checkRoom(s *situation) []finding {
	for i := range s.nodes {
		n := &s.nodes[i]
		closed := slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Effect != corev1.TaintEffectPreferNoSchedule && (t.Key != markKey || t.Value != markValue)
		})
		if serves(n) && !closed && !s.edgeAfter(n) {
			return nil
		}
	}
	return []finding{{
		standing: s.emptied() && !s.before().hasRoom(),
		at:       s.declared.selected(), summary: "The other workloads would have nowhere to run",
		detail: "No ready node would be left that is not an edge node and bears no other taint. Add a worker pool for the workloads first.",
	}}
}

// checkLocalServices finds Services that answer only on nodes where their pods
// run, when no such pod is on an edge node and may stay there. What another
// controller than IBM's balances does not follow the edge nodes.
func checkLocalServices(s *situation) []finding {
	if s.podsUnseen {
		return nil
	}
	edge := map[string]bool{}
	for i := range s.nodes {
		edge[s.nodes[i].Name] = s.edgeAfter(&s.nodes[i])
	}
	dark := map[bool][]string{}
	for i := range s.services {
		service := &s.services[i]
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer || service.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal ||
			service.Spec.LoadBalancerClass != nil || len(service.Spec.Selector) == 0 || ofALB(service) {
			continue
		}
		if !s.answersOn(edge, service) {
			standing := !s.fresh() && !s.before().answers(service)
			dark[standing] = append(dark[standing], service.Namespace+"/"+service.Name)
		}
	}
	var out []finding
	for _, standing := range []bool{false, true} {
		if len(dark[standing]) > 0 {
			out = append(out, s.darkness(dark[standing], standing))
		}
	}
	return out
}

func (s *situation) darkness(dark []string, standing bool) finding {
	slices.Sort(dark)
	return finding{
		at: s.declared.selected(), summary: map[bool]string{false: "Services would go dark", true: "Services are dark"}[standing], standing: standing,
		detail: fmt.Sprintf("These Services have externalTrafficPolicy: Local, which answers only on nodes where a pod of theirs runs, and none of their ready pods is on an edge node and tolerates %s: %s. "+
			"Run such pods on the nodes first (a toleration, and an affinity to the nodes), or set externalTrafficPolicy: Cluster.", s.effects, some(dark)),
	}
}

// answersOn tells whether a ready pod of the Service is on one of the nodes and
// may stay there.
func (s *situation) answersOn(nodes map[string]bool, service *corev1.Service) bool {
	selector := labels.SelectorFromSet(service.Spec.Selector)
	for i := range s.pods {
		p := &s.pods[i]
		if p.Namespace == service.Namespace && nodes[p.Spec.NodeName] && selector.Matches(labels.Set(p.Labels)) &&
			podReady(p) && toleratesAll(p, s.effects) {
			return true
		}
	}
	return false
}

// ofALB tells whether a Service is an ALB's own, whose pods move with it. IBM
// names them after the ALB on classic, after the cluster on VPC.
func ofALB(service *corev1.Service) bool {
	if service.Namespace != albNamespace {
		return false
	}
	_, public := service.Annotations[ingressPublicService]
	_, private := service.Annotations[ingressPrivateService]
	return public || private || strings.HasPrefix(service.Name, "public-cr") || strings.HasPrefix(service.Name, "private-cr")
}

// checkAutoscaling finds pools that the autoscaler may make too small, and
// nodes by name that it may remove.
func checkAutoscaling(s *situation) []finding {
	var out []finding
	if pool := s.want.pool; pool != nil && pool.Autoscaled {
		if least, known := s.autoscaler.least(*pool); known && least < minimumForALB {
			out = append(out, finding{
				standing: s.ownedBefore(),
				at:       path.Root("worker_pool"), summary: "The autoscaler may leave too few edge nodes",
				detail: fmt.Sprintf("Worker pool %s is autoscaled with a minimum of %d workers per zone. Set its minSize in the ConfigMap %s/%s to two at least.", pool.Name, least, albNamespace, autoscalerConfig),
			})
		}
	}
	scaled := map[string][]string{}
	for _, pool := range s.pools {
		if !pool.Autoscaled || s.want.names == nil {
			continue
		}
		for _, n := range s.want.nodes(s.nodes) {
			if n.Labels[poolIDLabel] == pool.ID {
				scaled[pool.Name] = append(scaled[pool.Name], n.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(scaled)) {
		out = append(out, finding{
			at: path.Root("node_names"), summary: "The autoscaler adds and removes these nodes",
			detail: fmt.Sprintf("Worker pool %s is autoscaled: its nodes %s come and go, and their names with them. Declare worker_pool = %q instead.", name, some(scaled[name]), name),
		})
	}
	return out
}

// minimums are the autoscaler's least numbers of workers per zone, by the name
// or ID of the pool.
type minimums map[string]int

func (m minimums) least(pool iks.WorkerPool) (int, bool) {
	for _, key := range []string{pool.Name, pool.ID} {
		if least, ok := m[key]; ok {
			return least, true
		}
	}
	return 0, false
}

// some writes a few of many names in one line.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
