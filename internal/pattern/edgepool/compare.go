package edgepool

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// settlingTime is how long IKS may take to bring a pool's labels and taints to
// its nodes, and a new node of a pool to get the taint that the pool cannot hold.
const settlingTime = 10 * time.Minute

// comparison is what is needed to tell whether a declaration is in effect.
type comparison struct {
	declared declaration
	scope    scope
	// nodes of the scope.
	nodes []*corev1.Node
	now   time.Time
	// settling says that the pool was changed moments ago: what IKS has still
	// to bring to the nodes is missing and not wrong.
	settling bool
	// proven says that the declaration has been in effect before. Nodes that
	// are not ready now are then no reason to plan, or to wait, again: that
	// shows in ready_count, and passes without us.
	proven bool
}

// verdict gives the differences in sentences, and what is only still to come.
func (c comparison) verdict() (drift, missing []string) {
	if c.scope.pool != nil {
		drift = append(drift, poolDrift(*c.scope.pool, c.declared.effects)...)
	}
	for _, n := range c.nodes {
		if !c.declared.enforce && len(foreignMarks(n)) > 0 {
			continue // left alone, as safety_checks = "warn" says
		}
		wrong, late := c.node(n)
		drift, missing = append(drift, wrong...), append(missing, late...)
	}
	if !c.declared.enforce {
		return drift, missing
	}
	for _, name := range absentNames(c.scope, c.nodes) {
		drift = append(drift, name+": there is no such node")
	}
	if len(c.nodes) == 0 && len(c.scope.selector) > 0 {
		drift = append(drift, "no node matches node_selector")
	}
	if c.proven {
		return drift, missing
	}
	return drift, append(missing, c.tooFew()...)
}

// node compares one node. What a pool gives its nodes itself may be on its way;
// the second effect, which it cannot, is not expected on a node just born.
func (c comparison) node(n *corev1.Node) (drift, missing []string) {
	say := func(brought bool, format string, a ...any) {
		sentence := n.Name + ": " + fmt.Sprintf(format, a...)
		if brought && c.settling {
			missing = append(missing, sentence)
			return
		}
		drift = append(drift, sentence)
	}
	pooled := c.scope.pool != nil
	switch value, there := n.Labels[markKey]; {
	case !there:
		say(pooled, "label %s=%s missing", markKey, markValue)
	case value != markValue:
		say(false, "label %s=%s instead of %s=%s", markKey, value, markKey, markValue)
	}
	present := edgeTaints(n)
	for _, effect := range c.declared.effects {
		brought := pooled && effect == c.declared.effects.onPool()
		young := pooled && !brought && c.now.Sub(n.CreationTimestamp.Time) < settlingTime
		if !present.has(effect) && !young {
			say(brought, "taint %s missing", taintName(effect))
		}
	}
	if _, held := n.Annotations[heldAnnotation]; held {
		say(false, "still closed for a drain that was not finished")
	}
	return drift, missing
}

// absentNames gives the declared names that no node bears.
func absentNames(s scope, nodes []*corev1.Node) []string {
	there := map[string]bool{}
	for _, n := range nodes {
		there[n.Name] = true
	}
	var out []string
	for name := range s.names {
		if !there[name] {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, compareAddresses)
	return out
}

// tooFew tells which zones have fewer ready nodes than declared. A zone that
// never had that many is a matter of the checks, which know of other edge nodes
// in it.
func (c comparison) tooFew() []string {
	total, up := countZones(c.nodes), map[string]int{}
	for _, n := range c.nodes {
		if ready(n) {
			up[zoneOf(n)]++
		}
	}
	zones := map[string]int{}
	for zone, count := range total {
		zones[zone] = min(count, c.declared.minimum)
	}
	if c.scope.pool != nil {
		for _, zone := range c.scope.pool.Zones {
			zones[zone.ID] = max(zones[zone.ID], 1)
		}
	}
	var out []string
	for zone, need := range zones {
		if up[zone] < need {
			out = append(out, fmt.Sprintf("zone %s: %d of %d edge nodes ready", zone, up[zone], max(need, total[zone])))
		}
	}
	slices.Sort(out)
	return out
}

// poolDrift compares a worker pool's own label and taint.
func poolDrift(pool iks.WorkerPool, declared effects) []string {
	var out []string
	switch value, there := pool.Labels[markKey]; {
	case !there:
		out = append(out, fmt.Sprintf("worker pool %s: label %s=%s missing", pool.Name, markKey, markValue))
	case value != markValue:
		out = append(out, fmt.Sprintf("worker pool %s: label %s=%s instead of %s=%s", pool.Name, markKey, value, markKey, markValue))
	}
	switch taint, there := pool.Taints[markKey]; {
	case !there:
		out = append(out, fmt.Sprintf("worker pool %s: taint %s missing", pool.Name, taintName(declared.onPool())))
	case taint != poolTaint(declared):
		out = append(out, fmt.Sprintf("worker pool %s: taint %s=%s instead of %s", pool.Name, markKey, taint, taintName(declared.onPool())))
	}
	return out
}

func poolTaint(declared effects) iks.PoolTaint {
	return iks.PoolTaint{Value: markValue, Effect: string(declared.onPool())}
}
