package isolation

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// unconfirmedAnnotation stands in the first policy that cuts something off from
// before a change until it is confirmed. A provider that is killed in between
// writes no state: this is what the next plan knows it by. Its value is a JSON
// list of what did not work before the change, and need not work after it.
const unconfirmedAnnotation = "terraform-provider-iks/unconfirmed"

// bearer is the policy of a set that bears the mark: the first that cuts, which
// is there before anything else cuts, and goes after it.
func bearer(set []member) member { return cutting(set)[0] }

// unconfirmed tells whether the set that is there stands unconfirmed, and what
// did not work before it did.
func unconfirmed(set []member, live standing) (failed []string, marked bool) {
	value, marked := live[bearer(set).title()].Annotations[unconfirmedAnnotation]
	if marked && json.Unmarshal([]byte(value), &failed) != nil {
		failed = nil // somebody else has written it: all has to work
	}
	return failed, marked
}

// unconfirmedSentence says so in a plan.
func unconfirmedSentence(set []member, live standing) []string {
	if _, marked := unconfirmed(set, live); !marked {
		return nil
	}
	return []string{"policy " + bearer(set).title() + ": it is not confirmed that new connections work under it, because an apply was cut off; the next one confirms it or takes it back"}
}

// announce marks the set that is there as unconfirmed, if it is ours. A set that
// is still to come is marked as its bearer is written.
func (w *work) announce(ctx context.Context, failing []unproven) error {
	whats := []string{}
	for _, f := range failing {
		whats = append(whats, f.what)
	}
	value, err := json.Marshal(whats)
	if err != nil {
		return err
	}
	m := bearer(w.set)
	wanted := w.policies[m.title()]
	wanted.Owner.Annotations = map[string]string{unconfirmedAnnotation: string(value)}
	for key, text := range w.request.Owner.Annotations {
		wanted.Owner.Annotations[key] = text
	}
	w.policies[m.title()] = wanted
	live := w.live[m.title()]
	if !w.owns(ownership.StampOf(live)) || live.Annotations[unconfirmedAnnotation] == string(value) {
		return nil
	}
	marked, err := w.annotate(ctx, m, func(annotations map[string]string) bool {
		annotations[unconfirmedAnnotation] = string(value)
		return true
	})
	if err == nil && marked != nil {
		w.live[m.title()] = *marked
	}
	return err
}

// settle says that the set is confirmed.
func (w *work) settle(ctx context.Context) error {
	if err := w.unmark(ctx); err != nil {
		return fmt.Errorf("the set is confirmed, but not marked so: %w", err)
	}
	return nil
}

// unmark takes the mark away.
func (w *work) unmark(ctx context.Context) error {
	_, err := w.annotate(ctx, bearer(w.set), func(annotations map[string]string) bool {
		_, marked := annotations[unconfirmedAnnotation]
		delete(annotations, unconfirmedAnnotation)
		return marked
	})
	return err
}

// annotate changes the annotations of a policy of ours, and nothing else of it.
// change says whether there is anything to change.
func (w *work) annotate(ctx context.Context, m member, change func(map[string]string) bool) (*calico.Policy, error) {
	policies := w.ground.policies(m.namespace)
	for {
		live, err := policies.Find(ctx, m.name, false)
		if err != nil || live == nil || !w.owns(ownership.StampOf(*live)) {
			return nil, err
		}
		if !change(live.Annotations) {
			return nil, nil
		}
		written, err := policies.Update(ctx, *live, false)
		if w.request.Sent(err) == nil {
			return &written, nil
		}
		if !apierrors.IsConflict(err) || ctx.Err() != nil {
			return nil, err
		}
	}
}
