package albstate

import (
	"context"
	"fmt"
	"sync"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// claims are the ALBs that resources have brought about in this run. When one
// resource takes over the ALBs of another (create_before_destroy, a new name
// without `moved`), the one that goes must not undo what the one that stays has done.
type claims struct {
	mu sync.Mutex
	// albs counts the applies that claim each of them.
	albs map[claim]int
}

type claim struct{ cluster, alb string }

func newClaims() *claims { return &claims{albs: map[claim]int{}} }

// add claims ALBs, until back takes that back.
func (c *claims) add(cluster string, albs []iks.ALB) (back func()) {
	count := func(by int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, a := range albs {
			c.albs[claim{cluster, a.ID}] += by
		}
	}
	count(1)
	return func() { count(-1) }
}

// of tells, for one cluster, which ALBs are claimed.
func (c *claims) of(cluster string) func(id string) bool {
	return func(id string) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.albs[claim{cluster, id}] > 0
	}
}

// closings let one resource at a time close ALBs of a cluster. Two that looked
// at once would each find the ALB of the other standing in.
type closings struct {
	turns *iks.KeyedLocks

	mu sync.Mutex
	// closed are the ALBs that were closed in this run and that IKS's list has
	// not been seen to show as disabled yet.
	closed map[claim]bool
}

func newClosings() *closings {
	return &closings{turns: iks.NewKeyedLocks(), closed: map[claim]bool{}}
}

// turn waits until no other resource closes ALBs of the cluster.
func (c *closings) turn(ctx context.Context, cluster iks.Cluster) (over func(), err error) {
	over, err = c.turns.Lock(ctx, cluster.ID)
	if err != nil {
		return nil, fmt.Errorf("waiting for other resources that disable ALBs of cluster %s: %w", cluster.Name, err)
	}
	return over, nil
}

// note remembers that an ALB was closed, or was opened again.
func (c *closings) note(cluster string, s step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.enable {
		delete(c.closed, claim{cluster, s.alb.ID})
		return
	}
	c.closed[claim{cluster, s.alb.ID}] = true
}

// correct marks in IKS's list what is closed already, in case the list lags.
func (c *closings) correct(cluster string, albs []iks.ALB) []iks.ALB {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range albs {
		key := claim{cluster, albs[i].ID}
		if !albs[i].Enabled {
			delete(c.closed, key) // the list has caught up
		}
		albs[i].Enabled = albs[i].Enabled && !c.closed[key]
	}
	return albs
}
