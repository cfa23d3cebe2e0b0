package edgepool

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// atOnce bounds the nodes that are written at the same time.
const atOnce = 16

type poolKey struct{ cluster, pool string }

type timestamp struct{ time.Time }

// work is one apply or removal under way.
type work struct {
	part    *part
	cluster *cluster.Cluster
	kube    *kube.Client
	transition
	declared declaration

	// sent takes the outcome of each write, from several goroutines.
	sent func(error) error
	warn func(summary, detail string)
	said map[string]bool
	// start is what the apply began with.
	start *situation

	// broughtLabel says that IKS is bringing the pool's label to the nodes,
	// because it was set on it just now.
	broughtLabel bool
	// wrotePool says that any pool was written, wrote that anything was, or may
	// have been.
	wrotePool, wrote bool
}

// Apply makes nodes edge nodes, in the order that keeps traffic flowing.
func (p *part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	w, err := p.begin(ctx, c, r)
	if err != nil {
		return err
	}
	back := p.claims.take(w.others.me, w.want, nil)
	r.Want.inherit(r.Prior)
	err = w.apply(ctx)
	if err != nil && !w.wrote {
		// Nothing of this has come about: it does not keep the edge nodes of a resource that goes.
		back()
	}
	return err
}

func (p *part) begin(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) (*work, error) {
	w := &work{part: p, cluster: c, warn: r.Warn, said: map[string]bool{}}
	if w.warn == nil {
		w.warn = func(string, string) {}
	}
	var mu sync.Mutex
	w.sent = func(err error) error {
		mu.Lock()
		defer mu.Unlock()
		w.wrote = w.wrote || !framework.Declined(err)
		return r.Sent(err)
	}
	var err error
	if w.declared, err = r.Want.declared(ctx); err != nil {
		return nil, err
	}
	if w.transition, err = transitionOf(ctx, c, w.declared, r.Prior); err != nil {
		return nil, err
	}
	w.others = others{claims: p.claims, me: claimant{c.ID, r.Stamp}}
	w.kube, err = c.Kube(ctx)
	return w, err
}

// transitionOf finds the way from the state to what is declared.
func transitionOf(ctx context.Context, c *cluster.Cluster, d declaration, prior *model) (transition, error) {
	t := transition{effects: d.effects}
	var err error
	if t.want, err = scopeOf(ctx, c, d); iks.IsNotFound(err) {
		return t, framework.Refuse(d.selected(), "The worker pool does not exist",
			fmt.Sprintf("Cluster %s has no worker pool %q: %v. If this run makes the pool, let worker_pool refer to that resource.", c.Name, d.pool, err))
	}
	if err != nil || prior == nil {
		return t, err
	}
	before, err := prior.declared(ctx)
	if err != nil {
		return t, err
	}
	t.priorEffects = before.effects
	if before.pool != "" && before.pool == d.pool {
		t.prior = t.want
		return t, nil
	}
	t.prior, err = priorScope(ctx, c, before)
	return t, err
}

func (w *work) survey(ctx context.Context) (*situation, error) {
	v := &surveyor{cluster: w.cluster, kube: w.kube}
	return v.survey(ctx, w.transition, w.declared)
}

// lookAgain surveys and judges once more, because minutes may have passed since
// the last time and the next step is one that hurts if it is wrong.
func (w *work) lookAgain(ctx context.Context) (*situation, error) {
	if w.want.pool != nil {
		now, err := scopeOf(ctx, w.cluster, declaration{pool: w.want.pool.ID})
		if err != nil {
			return nil, err
		}
		w.want = now
	}
	s, err := w.survey(ctx)
	if err != nil {
		return nil, err
	}
	s.start = w.start
	return s, w.judge(s)
}

func (w *work) apply(ctx context.Context) error {
	s, err := w.survey(ctx)
	if err != nil {
		return err
	}
	w.start = s
	// Also when nothing is to be done: another resource may be about to go that
	// declared the same.
	w.part.claims.take(w.others.me, w.want, s.nodes)
	w.warnOfSpared(s.nodes)
	move := w.relocator()
	if len(s.albs) > 0 {
		if err := move.finishEarlier(ctx); err != nil {
			return err
		}
	}
	w.part.applied.Store(w.cluster.ID, true)
	if !s.pending() {
		return nil
	}
	if err := w.judge(s); err != nil {
		return err
	}
	if err := w.forgetEarlier(ctx, s); err != nil {
		return err
	}
	losses := watchLosses(w.losses(), s.nodes)
	if err := w.labelPool(ctx); err != nil {
		return err
	}
	// Nothing is taken off the nodes of before until those of now have it all.
	moves := s.moves()
	if moves || s.leaves() {
		if err := w.label(ctx, s); err != nil {
			return err
		}
	}
	if err := w.releasePool(ctx); err != nil {
		return err
	}
	if moves {
		lose := func(n *corev1.Node) change {
			if c := w.first(n); c.label == takeAway {
				return c
			}
			return change{}
		}
		if err := w.patch(ctx, s.nodes, lose); err != nil {
			return err
		}
		if err := move.run(ctx); err != nil {
			return err
		}
		if s, err = w.lookAgain(ctx); err != nil {
			return err
		}
	}
	if s, err = w.empty(ctx, s); err != nil {
		return err
	}
	if err := w.taintPool(ctx); err != nil {
		return err
	}
	return w.close(ctx, s.nodes, losses)
}

// close gives the nodes all that is declared, and what IKS is bringing too: they
// are closed now, and not some time later.
func (w *work) close(ctx context.Context, nodes []corev1.Node, losses *lossWatch) error {
	if w.wrotePool {
		// IKS is writing the nodes, too: what was read before would only conflict.
		var err error
		if nodes, err = kube.List(ctx, w.kube, kube.Nodes, kube.ListOptions{}); err != nil {
			return err
		}
	}
	if err := w.patch(ctx, nodes, losses.seeing(w.last)); err != nil {
		return err
	}
	losses.given()
	return w.outlast(ctx, losses)
}

// judge turns findings into a refusal, or into warnings where the user wants that.
func (w *work) judge(s *situation) error {
	refusal := &framework.Refusal{}
	for _, f := range s.check() {
		if f.stops(w.declared.enforce) {
			refusal.Problems = append(refusal.Problems, f.problem())
			continue
		}
		if !w.said[f.summary] {
			w.said[f.summary] = true
			w.warn(f.summary, f.detail)
		}
	}
	if len(refusal.Problems) > 0 {
		return refusal
	}
	return nil
}

// pending tells whether anything is left to do.
func (s *situation) pending() bool {
	if s.want.pool != nil && len(poolDrift(*s.want.pool, s.effects)) > 0 {
		return true
	}
	if released := s.released(); released != nil && (released.Labels[markKey] == markValue || released.Taints[markKey].Value == markValue) {
		return true
	}
	return s.moves() || len(touched(s.nodes, s.last)) > 0 || s.incomplete()
}

// incomplete tells whether what is declared is not as declared, even if nothing
// can be done about it: nodes that do not exist, or belong to somebody else.
func (s *situation) incomplete() bool {
	nodes := s.want.nodes(s.nodes)
	return len(nodes) == 0 || len(absentNames(s.want, nodes)) > 0 ||
		slices.ContainsFunc(nodes, func(n *corev1.Node) bool { return !s.complete(n) })
}

// released gives the pool that is not declared any more.
func (t transition) released() *iks.WorkerPool {
	if t.prior.pool == nil || t.want.pool != nil && t.want.pool.ID == t.prior.pool.ID || t.others.pool(t.prior.pool.ID) {
		return nil
	}
	return t.prior.pool
}

// moves tells whether load balancers or ALBs will be out of place once the
// labels are as declared.
func (s *situation) moves() bool {
	if !s.declared.relocate {
		return false
	}
	return len(misplaced(s.carriers, s.labelled())) > 0
}

// labelled gives the nodes as they are once their labels are as declared.
func (s *situation) labelled() []corev1.Node {
	out := make([]corev1.Node, len(s.nodes))
	for i := range s.nodes {
		out[i] = s.nodes[i]
		if c := s.first(&out[i]); c.differs(&out[i]) {
			out[i] = *out[i].DeepCopy()
			c.on(&out[i])
		}
	}
	return out
}

// leaves tells whether nodes are to lose their label.
func (s *situation) leaves() bool {
	return slices.ContainsFunc(s.nodes, func(n corev1.Node) bool {
		c := s.first(&n)
		return c.label == takeAway && c.differs(&n)
	})
}

// label gives the nodes their labels and waits until all that run have them. No
// node loses its label yet.
func (w *work) label(ctx context.Context, s *situation) error {
	gain := func(n *corev1.Node) change {
		if c := w.first(n); c.label == add && !w.broughtLabel {
			return c
		}
		return change{}
	}
	if err := w.patch(ctx, s.nodes, gain); err != nil {
		return err
	}
	if !w.broughtLabel {
		return nil
	}
	return w.await(ctx, "label "+markKey+"="+markValue, isEdge)
}

// empty closes the nodes to new pods and drains them, and looks again, until no
// pod is there that has to leave: pods come until a node is closed, and nodes
// while others are drained. It gives what it saw last.
func (w *work) empty(ctx context.Context, s *situation) (*situation, error) {
	d := &drainer{kube: w.kube, policy: w.declared.drain, warn: w.warn, givenUp: map[string]bool{}}
	for {
		pods := d.remaining(s.leaving().evict)
		if len(pods) == 0 && !s.closesEarly() {
			return s, nil
		}
		if err := w.patch(ctx, s.nodes, w.hold); err != nil {
			return nil, err
		}
		if err := d.drain(ctx, pods); err != nil {
			return nil, err
		}
		var err error
		if s, err = w.lookAgain(ctx); err != nil {
			return nil, err
		}
	}
}

// closesEarly tells whether nodes that no pod has to leave are still to be
// closed to new ones. That is one more write of each, so it is done only where
// the calls to IKS, which may take minutes, come before NoExecute. Otherwise that
// follows at once: what comes in between has not begun to serve.
func (s *situation) closesEarly() bool {
	return s.taintsPool() && len(touched(s.nodes, s.hold)) > 0
}

// leaving gives the workloads on nodes that NoExecute is still to come to.
func (s *situation) leaving() workloads {
	on := map[string]bool{}
	for _, n := range s.want.nodes(s.nodes) {
		if len(foreignMarks(n)) == 0 && !edgeTaints(n).has(corev1.TaintEffectNoExecute) {
			on[n.Name] = true
		}
	}
	return sortWorkloads(s.pods, on, s.effects)
}

// patch makes a change on the nodes that differ, several at a time, and keeps
// in nodes what they are afterwards.
func (w *work) patch(ctx context.Context, nodes []corev1.Node, of func(*corev1.Node) change) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range nodes {
		n := &nodes[i]
		if !of(n).differs(n) {
			continue
		}
		group.Go(func() error {
			patched, err := kube.PatchNode(groupCtx, w.kube, *n, func(n *corev1.Node) bool { return of(n).on(n) })
			if apierrors.IsNotFound(err) {
				return nil // removed meanwhile, and its mark with it
			}
			if w.sent(err) != nil {
				return fmt.Errorf("marking node %s: %w", n.Name, err)
			}
			*n = patched
			return nil
		})
	}
	return group.Wait()
}

// await waits until IKS has brought something to all nodes that run.
func (w *work) await(ctx context.Context, what string, has func(*corev1.Node) bool) error {
	err := kube.Wait(ctx, kube.WaitOptions{Max: 10 * time.Second}, func(ctx context.Context) (bool, string, error) {
		nodes, err := kube.List(ctx, w.kube, kube.Nodes, w.want.listOptions())
		if err != nil {
			return false, "", err
		}
		var without []string
		for _, n := range w.want.nodes(nodes) {
			if ready(n) && len(foreignMarks(n)) == 0 && !has(n) {
				without = append(without, n.Name)
			}
		}
		return len(without) == 0, fmt.Sprintf("%d nodes still without it: %s", len(without), some(without)), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for IKS to bring %s from worker pool %s to its nodes: %w", what, w.want.pool.Name, err)
	}
	return nil
}
