package helm

import (
	"context"
	"fmt"
	"slices"
	"time"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// hooks runs the hooks of an event, one after the other. What they did is noted in the record, which the caller stores.
func (c *Client) hooks(ctx context.Context, k *kinds, r record, event releasev1.HookEvent) error {
	for _, hook := range hooksFor(r.Hooks, event) {
		if err := c.hook(ctx, k, r, hook); err != nil {
			return fmt.Errorf("%s hook %s: %w", event, hook.Name, err)
		}
	}
	return nil
}

func (c *Client) hook(ctx context.Context, k *kinds, r record, hook *releasev1.Hook) error {
	o, err := k.object(ctx, hook.Manifest, r.Namespace)
	if err != nil || o == nil {
		return err
	}
	policies := hook.DeletePolicies
	if len(policies) == 0 {
		policies = []releasev1.HookDeletePolicy{hookBeforeCreation} // Helm's default
	}
	if slices.Contains(policies, hookBeforeCreation) {
		if err := c.removeAndWait(ctx, *o); err != nil {
			return err
		}
	}
	hook.LastRun = releasev1.HookExecution{StartedAt: time.Now(), Phase: releasev1.HookPhaseRunning}
	_, err = kube.Apply(ctx, c.kube, o.kind, o.body, kube.PatchOptions{FieldManager: fieldManager, Force: true})
	if err == nil {
		err = c.ended(ctx, *o)
	}
	hook.LastRun.CompletedAt, hook.LastRun.Phase = time.Now(), releasev1.HookPhaseSucceeded
	policy := releasev1.HookSucceeded
	if err != nil {
		hook.LastRun.Phase, policy = releasev1.HookPhaseFailed, releasev1.HookFailed
	}
	if slices.Contains(policies, policy) {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if undone := c.removeAndWait(cleanup, *o); undone != nil && err == nil {
			err = undone
		}
	}
	return err
}

// ended waits until the work of a hook is done: a Job or a Pod runs to its end, everything else does when it is there.
func (c *Client) ended(ctx context.Context, o object) error {
	switch o.kind.Name {
	case "Job":
		return c.ready(ctx, []object{o})
	case "Pod":
		return c.podEnded(ctx, o)
	default:
		return nil
	}
}

func (c *Client) podEnded(ctx context.Context, o object) error {
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		pod, err := kube.Get(ctx, c.kube, kube.Pods, o.body.GetNamespace(), o.body.GetName())
		if err != nil {
			return false, "", err
		}
		switch pod.Status.Phase {
		case corev1.PodSucceeded:
			return true, "", nil
		case corev1.PodFailed:
			return false, "", &FailedWorkloadError{Object: o.String(), Reason: stuck(pod)}
		default:
			return false, fmt.Sprintf("%s has not ended: %s", o, stuck(pod)), nil
		}
	})
}

func (c *Client) removeAndWait(ctx context.Context, o object) error {
	if err := c.remove(ctx, o); err != nil {
		return err
	}
	return c.gone(ctx, []object{o})
}
