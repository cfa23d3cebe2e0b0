package ownership

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Policies are the Calico policies of one kind, and of one namespace where the
// kind has them, for the resources that own some of them whole.
type Policies struct {
	calico.Policies
}

// Find gives a policy, nil if it is not there or has no name. cached allows an
// answer that other resources share.
func (s Policies) Find(ctx context.Context, name string, cached bool) (*calico.Policy, error) {
	if name == "" {
		return nil, nil
	}
	get := s.Get
	if cached {
		get = s.CachedGet
	}
	live, err := get(ctx, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &live, nil
}

// Ensure makes the policy what it should be. live is what was read of it; when
// that turns out to be old, it is read and decided about again.
func (s Policies) Ensure(ctx context.Context, live *calico.Policy, want Policy) error {
	for attempt := 1; ; attempt++ {
		next, err := want.Decide(live)
		if err != nil {
			return err
		}
		switch next {
		case Create:
			_, err = s.Create(ctx, want.object(nil), false)
		case Rewrite, Adopt:
			_, err = s.Update(ctx, want.object(live), false)
		default:
			return nil
		}
		if err = s.explained(want.Sent(err), want); err == nil {
			return nil
		}
		if !overtaken(err) || attempt == attempts {
			return err
		}
		if live, err = s.Find(ctx, want.Name, false); err != nil {
			return err
		}
	}
}

// overtaken tells the errors of a write that somebody else was faster with.
func overtaken(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// explained turns the refusals of the API server that a user can do something
// about into ours. Other errors come back as they are.
func (s Policies) explained(err error, want Policy) error {
	if err == nil {
		return nil
	}
	return refusedBy(err, want.at(), "Policy "+s.Title(want.Name), s.Namespace())
}

// Verify proves that the policy stands there as it was wanted.
func (s Policies) Verify(ctx context.Context, want Policy) error {
	live, err := s.Find(ctx, want.Name, false)
	if err != nil {
		return fmt.Errorf("policy %s cannot be verified: %w", s.Title(want.Name), err)
	}
	next, err := want.Decide(live)
	if err == nil && next != Keep {
		err = errors.New("somebody else has changed it")
	}
	if err != nil {
		return fmt.Errorf("policy %s is not there as it was written: %w", s.Title(want.Name), err)
	}
	return nil
}

// Remove deletes a policy whose stamp is ours and waits until it is gone. One
// that is not ours stays, with a warning.
func (s Policies) Remove(ctx context.Context, name string, owns func(stamp string) bool) (warning string, err error) {
	err = kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := s.Find(ctx, name, false)
		if err != nil || live == nil {
			return live == nil && err == nil, "", err
		}
		if !owns(StampOf(*live)) {
			warning = fmt.Sprintf("Policy %s is left as it is. %s.", titleOf(*live), stranger(&metav1.ObjectMeta{Labels: live.Labels, Annotations: live.Annotations}))
			return true, "", nil
		}
		if err := s.Delete(ctx, *live, false); err != nil && !apierrors.IsNotFound(err) {
			return false, "", err
		}
		live, err = s.Find(ctx, name, false)
		return live == nil && err == nil, "policy " + s.Title(name) + " is still there", err
	})
	return warning, err
}

// Copies warns of other policies that bear the stamp of a resource whose
// policy was removed.
func (s Policies) Copies(ctx context.Context, name string, owner framework.Owner) []string {
	if owner.Stamp == "" {
		return nil
	}
	all, err := s.List(ctx, false)
	if err != nil {
		return nil // the policy itself is gone, and that was the task
	}
	var warnings []string
	for _, p := range all {
		if p.Name != name && StampOf(p) == owner.Stamp {
			warnings = append(warnings, fmt.Sprintf("Policy %s bears the stamp of the removed resource as well: it is a copy, or an interrupted change of name left it. It is left as it is.", titleOf(p)))
		}
	}
	return warnings
}

// DryRun lets the API server check what a step would write, without storing it.
func (s Policies) DryRun(ctx context.Context, live *calico.Policy, want Policy, next Step) error {
	ctx, cancel := framework.WithinPlan(ctx, dryRunDeadline)
	defer cancel()
	var err error
	switch next {
	case Create:
		_, err = s.Create(ctx, want.object(nil), true)
	case Rewrite, Adopt:
		_, err = s.Update(ctx, want.object(live), true)
	}
	return err
}
