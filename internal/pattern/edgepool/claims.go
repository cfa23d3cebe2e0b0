package edgepool

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// claims are the pools and nodes that resources have applied in this process.
// When one resource takes over the edge nodes of another (create_before_destroy,
// a new name without `moved`), the one that goes must not strip what the one
// that stays relies on. A resource is told by its stamp.
type claims struct {
	mu sync.Mutex
	of map[claimant]holding
}

type claimant struct{ cluster, stamp string }

// holding is what a resource declares: a whole pool, or nodes by name with the
// ID of the pool that each belongs to.
type holding struct {
	pool  string
	nodes map[string]string
}

func newClaims() *claims { return &claims{of: map[claimant]holding{}} }

// take notes what a resource declares now; what it declared before is let go,
// unless back puts it back.
func (c *claims) take(who claimant, s scope, nodes []corev1.Node) (back func()) {
	h := holding{nodes: map[string]string{}}
	if s.pool != nil {
		h.pool = s.pool.ID
	}
	for _, n := range s.nodes(nodes) {
		h.nodes[n.Name] = n.Labels[poolIDLabel]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	earlier, there := c.of[who]
	c.of[who] = h
	return func() {
		if !there {
			c.drop(who)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.of[who] = earlier
	}
}

func (c *claims) drop(who claimant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, who)
}

// others is the view of one resource on what the others claim. The zero value
// sees none.
type others struct {
	claims *claims
	me     claimant
}

func (o others) any(claimed func(holding) bool) bool {
	if o.claims == nil {
		return false
	}
	o.claims.mu.Lock()
	defer o.claims.mu.Unlock()
	for who, h := range o.claims.of {
		if who.cluster == o.me.cluster && who.stamp != o.me.stamp && claimed(h) {
			return true
		}
	}
	return false
}

// pool tells whether another resource claims a pool, or any node of it: what
// goes off a pool goes off all of its nodes.
func (o others) pool(id string) bool {
	return o.any(func(h holding) bool {
		if h.pool == id {
			return true
		}
		for _, of := range h.nodes {
			if of == id {
				return true
			}
		}
		return false
	})
}

// node tells whether another resource claims a node, by name or by its pool.
func (o others) node(n *corev1.Node) bool {
	return o.any(func(h holding) bool {
		_, named := h.nodes[n.Name]
		return named || h.pool != "" && h.pool == n.Labels[poolIDLabel]
	})
}
