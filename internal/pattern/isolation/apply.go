package isolation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/sync/errgroup"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply brings the set about: what allows first, what cuts off last, and proves
// that new connections work then. If they do not, what was changed is taken back.
func (p part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	if c.OnVPC() {
		return onVPC(c)
	}
	r.Want.stillHolds(r.Prior)
	s, err := r.Want.read()
	if err != nil {
		return err
	}
	i, err := s.resolve(hintsOf(c, s.network))
	if err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	w := work{ground: g, prove: p.prove, lasting: s.confirmFor, canary: s.canary, request: r, set: i.set(), policies: map[string]ownership.Policy{}}
	w.intent = ownership.Intent{Owner: r.Owner, Stamp: r.Stamp, Force: s.force, Sent: r.Sent}
	steps, err := w.decide(ctx)
	if err != nil || len(steps) == 0 {
		return err
	}
	warnings, err := g.check(ctx, c, i)
	if err != nil {
		return err
	}
	for _, warning := range warnings {
		w.warn(warning)
	}
	return w.do(ctx, steps)
}

// work is one apply under way.
type work struct {
	ground
	prove   prove
	lasting time.Duration
	canary  *canary // nil for none
	request framework.ApplyRequest[model]
	intent  ownership.Intent
	set     []member
	// policies are what the resource wants of the set's policies, and live what
	// was there of them.
	policies map[string]ownership.Policy
	live     standing
	// earlier is what was there before anything was written, and touched are the
	// policies that were written or removed since, in that order.
	earlier standing
	touched []member
	// fresh tells that nothing of the set was there before, stood that it cut
	// off and was confirmed, and unproven that it was there unconfirmed.
	fresh, stood, unproven bool
}

func (w *work) warn(detail string) {
	w.request.Warn("The isolation of cluster "+w.request.Want.Cluster.ValueString(), detail)
}

// decide looks at what is there and gives the steps, or refuses, before
// anything is written, because of policies that are somebody else's.
func (w *work) decide(ctx context.Context) ([]step, error) {
	network := w.request.Want.Network.ValueString()
	live, err := w.look(ctx, possible(network), false)
	if err != nil {
		return nil, err
	}
	w.live, w.earlier = live, maps.Clone(live)
	there, err := sort(w.set, live, w.request.Prior, w.intent, w.policies)
	if err != nil {
		return nil, err
	}
	there.stale = stale(network, w.set, live, w.intent.Owner, w.intent.Stamp)
	_, there.unconfirmed = unconfirmed(w.set, live)
	is := func(m member) bool { _, is := live[m.title()]; return is }
	w.fresh, w.unproven = !slices.ContainsFunc(w.set, is), there.unconfirmed
	w.stood = !w.unproven && slices.ContainsFunc(cutting(w.set), is)
	return bring(w.set, there), nil
}

// sort finds which policies of the set are what they should be, and says in
// policies what is wanted of each. Strangers' are refused, all at once.
func sort(set []member, live standing, prior *model, in ownership.Intent, policies map[string]ownership.Policy) (present, error) {
	there := present{right: map[string]bool{}}
	held := prior.holds()
	var refused []framework.Problem
	for _, m := range set {
		in.Held = held[m.title()]
		policy := ownership.Policy{Name: m.name, Spec: m.spec, At: path.Root("network"), Intent: in}
		policies[m.title()] = policy
		found, is := live[m.title()]
		if !is {
			continue
		}
		next, err := policy.Decide(&found)
		if err != nil {
			refused = append(refused, foreign(m, found, in.Held))
		}
		there.right[m.title()] = next == ownership.Keep
	}
	if len(refused) > 0 {
		return present{}, &framework.Refusal{Problems: refused}
	}
	return there, nil
}

// foreign refuses a policy that is there and somebody else's.
func foreign(m member, live calico.Policy, held bool) framework.Problem {
	p := framework.Problem{Path: path.Root("network"), Summary: "A policy of the set exists and is not ours"}
	detail := fmt.Sprintf("The cluster has a policy %s already. %s.", m.title(), ownership.Maker(live.Labels, live.Annotations))
	if held {
		p.Summary = "A policy of the set belongs to another resource"
		p.Detail = detail + " It was this resource's, and has been taken over since. Take it back with `force_conflicts = true`, or let go of the set (a `removed` block with `destroy = false`)."
		return p
	}
	differences := live.Drift(m.spec)
	p.Detail = detail + fmt.Sprintf(" It differs from what is declared: %s. Import the set (ID `<cluster>,<network>`) to see in a plan what would change, or overwrite it with `force_conflicts = true`.",
		strings.Join(differences[:min(len(differences), 5)], "; "))
	return p
}

// stale gives the policies of ours that are there and that the set does not want.
func stale(network string, set []member, live standing, owner framework.Owner, stamp string) []member {
	wanted := map[string]bool{}
	for _, m := range set {
		wanted[m.title()] = true
	}
	var out []member
	for _, m := range possible(network) {
		found, is := live[m.title()]
		bears := ownership.StampOf(found)
		if is && !wanted[m.title()] && bears != "" && (bears == stamp || owner.Owns(bears)) {
			out = append(out, m)
		}
	}
	return out
}

// do takes the steps. When the cluster cannot be talked to afterwards, or what
// was changed could not be followed by the rest, it is taken back at once: a set
// that stood is in force again, and one that is new cuts nothing off.
func (w *work) do(ctx context.Context, steps []step) error {
	after, err := w.before(ctx)
	if err != nil {
		return w.unchanged(ctx, err)
	}
	changed, cut := false, false
	for _, s := range steps {
		err := w.take(ctx, s, after)
		switch {
		case err == nil:
			changed = changed || s.do == write || s.do == remove
			cut = cut || s.do == write && s.member.cuts
		case s.do == confirm || cut || changed && w.stood:
			return w.takeBack(ctx, err)
		default:
			return w.unchanged(ctx, err)
		}
	}
	return w.settle(ctx)
}

// unchanged is for an error before anything more was cut off: a set that stood
// confirmed is so again.
func (w *work) unchanged(ctx context.Context, err error) error {
	if !w.stood {
		return err
	}
	return errors.Join(err, w.putBack(ctx))
}

// before notes which connections work, if they are to be tried afterwards, and
// marks the set as unconfirmed. Where an earlier apply left it so, what worked
// before that one has to work after this one.
func (w *work) before(ctx context.Context) (after func(context.Context) error, err error) {
	if w.lasting == 0 {
		return func(context.Context) error { return nil }, nil
	}
	failed, cutOff := unconfirmed(w.set, w.live)
	canaryAfter, err := w.sendCanary(ctx)
	if err != nil && !cutOff {
		return nil, err
	}
	connected, failing := w.prove(ctx, w.kube, w.lasting, func(what string) bool { return cutOff && !slices.Contains(failed, what) })
	if len(failing) > 0 {
		var texts []string
		for _, f := range failing {
			texts = append(texts, f.String())
		}
		w.warn("What cannot be proven after this change, because it did not work before it either: " + strings.Join(texts, "; ") + ".")
	}
	if w.canary == nil {
		return connected, w.announce(ctx, failing)
	}
	both := func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return connected(ctx) })
		group.Go(func() error { return canaryAfter(ctx) })
		return group.Wait()
	}
	return both, w.announce(ctx, failing)
}

// sendCanary lets the canary try once, if there is one, and refuses one that
// cannot work. after lets it try on the same worker; nil if there is none.
func (w *work) sendCanary(ctx context.Context) (after func(context.Context) error, err error) {
	if w.canary == nil {
		return nil, nil
	}
	node, err := w.canary.run(ctx, w.kube, "", 0, w.warn)
	if err != nil && ctx.Err() == nil {
		err = framework.Refuse(path.Root("canary"), "The canary does not work", capital(err.Error())+". That was before anything was cut off, and nothing is: there would be no telling whether it works afterwards.")
	}
	return func(ctx context.Context) error {
		_, err := w.canary.run(ctx, w.kube, node, w.lasting, w.warn)
		return err
	}, err
}

func (w *work) take(ctx context.Context, s step, after func(context.Context) error) error {
	m := s.member
	switch s.do {
	case write:
		var live *calico.Policy
		if found, is := w.live[m.title()]; is {
			live = &found
		}
		w.touched = append(w.touched, m)
		return w.ground.policies(m.namespace).Ensure(ctx, live, w.policies[m.title()])
	case verify:
		for _, m := range w.set {
			if m.cuts {
				continue
			}
			if err := w.ground.policies(m.namespace).Verify(ctx, w.policies[m.title()]); err != nil {
				return fmt.Errorf("nothing more is cut off: %w", err)
			}
		}
	case remove:
		w.touched = append(w.touched, m)
		warning, err := w.ground.policies(m.namespace).Remove(ctx, m.name, w.owns)
		if warning != "" {
			w.warn(warning)
		}
		return w.request.Sent(err)
	case confirm:
		return after(ctx)
	}
	return nil
}

// owns tells whether a policy with this stamp is the resource's own.
func (w *work) owns(stamp string) bool {
	return stamp != "" && (stamp == w.request.Stamp || w.request.Owner.Owns(stamp))
}
