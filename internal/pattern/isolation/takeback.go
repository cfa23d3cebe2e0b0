package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// takeBackDeadline bounds taking back, which goes on when the apply is at its
// end; doorDeadline is how long Calico's API server has for one policy of it.
const (
	takeBackDeadline = time.Minute
	doorDeadline     = 10 * time.Second
)

// takeBack undoes the apply, because of an error. Where the set that stood before
// cannot be had again, or was never confirmed, it removes what cuts off: no set
// must stay that cuts off the cluster.
func (w *work) takeBack(ctx context.Context, cause error) error {
	why := "the set that stood before was not confirmed either, because an apply was cut off"
	if !w.unproven {
		err := w.putBack(ctx)
		if err == nil {
			if w.request.Prior == nil && w.fresh {
				w.request.TakenBack()
			}
			summary := "The isolation was taken back"
			if w.stood {
				summary = "The change of the isolation was taken back"
			}
			return refuse(summary, cause, "What this apply had changed was taken back at once; connections are as open as before.")
		}
		why = "what this apply had changed could not be taken back: " + err.Error()
	}
	if err := w.open(ctx); err != nil {
		return fmt.Errorf("%w; what cuts off (%s) could not be taken back: %w", cause, strings.Join(titlesOf(cutting(w.set)), ", "), err)
	}
	return refuse("The isolation was taken back", cause, fmt.Sprintf("All that cuts off (%s) was taken away at once, for %s. The network is not isolated until an apply succeeds.", strings.Join(titlesOf(cutting(w.set)), ", "), why))
}

// refuse makes the error of an apply, with what has become of the set.
func refuse(summary string, cause error, outcome string) error {
	return framework.Refuse(path.Root("network"), summary,
		capital(cause.Error())+".\n\n"+outcome+" Find out what the set lacks (`service_endpoint_cidrs`, `aggregated_api_ports`, `peer_cidrs`, `allow`), and apply again.")
}

// putBack undoes what was written and removed, the last of it first, so that
// whatever it stops at has been there on the way as well.
func (w *work) putBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackDeadline)
	defer cancel()
	for _, m := range slices.Backward(w.touched) {
		if err := w.throughEitherDoor(ctx, func(ctx context.Context) error { return w.undo(ctx, m) }); err != nil {
			return fmt.Errorf("policy %s: %w", m.title(), err)
		}
	}
	if err := w.unmark(ctx); err != nil {
		w.warn("The set is what it was before this apply, but still marked as not confirmed; the next apply confirms it: " + err.Error())
	}
	return nil
}

// undo makes a policy say what it said before the apply, and removes one that
// was not there. What has become somebody else's meanwhile is left to them.
func (w *work) undo(ctx context.Context, m member) error {
	policies := w.ground.policies(m.namespace)
	was, is := w.earlier[m.title()]
	if !is {
		_, err := policies.Remove(ctx, m.name, w.owns)
		return err
	}
	if was.Unreadable != nil {
		return was.Unreadable
	}
	live, err := policies.Find(ctx, m.name, false)
	if err != nil || live != nil && !w.owns(ownership.StampOf(*live)) {
		return err
	}
	wanted, is := w.policies[m.title()]
	if !is { // the new set has none of this name
		wanted = ownership.Policy{Name: m.name, At: path.Root("network"), Intent: w.intent}
	}
	wanted.Spec = was.Spec
	return policies.Ensure(ctx, live, wanted)
}

// open removes what cuts off, also what this apply was still to take over.
func (w *work) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackDeadline)
	defer cancel()
	for _, s := range takeAway(cutting(w.set)) {
		was, is := w.earlier[s.member.title()]
		owns := func(stamp string) bool { return w.owns(stamp) || is && stamp == ownership.StampOf(was) }
		err := w.throughEitherDoor(ctx, func(ctx context.Context) error {
			_, err := w.ground.policies(s.member.namespace).Remove(ctx, s.member.name, owns)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// throughEitherDoor does something to a policy, through Calico's stored objects
// if its API server does not answer: that may be what was cut off.
func (w *work) throughEitherDoor(ctx context.Context, do func(context.Context) error) error {
	soon, cancel := context.WithTimeout(ctx, doorDeadline)
	defer cancel()
	err := do(soon)
	if err == nil {
		return nil
	}
	door := w.calico
	w.calico = calico.OpenStored(w.kube)
	if other := do(ctx); other != nil {
		w.calico = door
		return errors.Join(err, other)
	}
	return nil
}

func titlesOf(members []member) []string {
	var out []string
	for _, m := range members {
		out = append(out, m.title())
	}
	return out
}
