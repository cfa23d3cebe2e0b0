package edgepool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Pause between two looks at a node that is being drained.
const (
	drainFirstPause = 500 * time.Millisecond
	drainLastPause  = 5 * time.Second
)

// drainer empties nodes through the Eviction API, which respects disruption
// budgets. The nodes are closed to new pods already.
type drainer struct {
	kube   *kube.Client
	policy drainPolicy
	warn   func(summary, detail string)

	// until is when time is up, counted from the first pod that had to leave.
	until time.Time

	mu sync.Mutex
	// stuck are the pods that did not leave in time, with the reason.
	stuck []string
	// givenUp are those that are not waited for any more.
	givenUp map[string]bool
}

// remaining leaves out the pods that were given up.
func (d *drainer) remaining(pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(pods, func(pod *corev1.Pod) bool { return d.givenUp[pod.Namespace+"/"+pod.Name] })
}

// drain empties the nodes that these pods are on, a few at a time.
func (d *drainer) drain(ctx context.Context, pods []*corev1.Pod) error {
	if len(pods) == 0 {
		return nil
	}
	on := map[string][]*corev1.Pod{}
	for _, pod := range pods {
		on[pod.Spec.NodeName] = append(on[pod.Spec.NodeName], pod)
	}
	if d.until.IsZero() {
		d.until = time.Now().Add(d.policy.timeout)
	}
	d.stuck = nil
	limited, cancel := context.WithDeadline(ctx, d.until)
	defer cancel()
	group, groupCtx := errgroup.WithContext(limited)
	group.SetLimit(max(d.policy.atOnce, 1))
	for _, name := range slices.SortedFunc(maps.Keys(on), compareAddresses) {
		group.Go(func() error { return d.node(groupCtx, name, podNames(on[name])) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(d.stuck) == 0 {
		return nil
	}
	slices.Sort(d.stuck)
	if ctx.Err() != nil {
		return fmt.Errorf("draining: the run was ended while these pods were still on nodes that are to become edge nodes: %s. "+
			"The nodes are closed to new pods and stay so; the next apply carries on: %w", some(d.stuck), context.Cause(ctx))
	}
	if d.policy.force {
		d.warn("Pods did not leave in time", fmt.Sprintf("After %s these pods are still on edge nodes, and are now deleted whatever their disruption budgets say, because drain.on_timeout is %q: %s.",
			d.policy.timeout, drainContinue, some(d.stuck)))
		return nil
	}
	return fmt.Errorf("draining: after %s these pods are still on nodes that are to become edge nodes: %s. The nodes are closed to new pods and stay so; the next apply carries on. "+
		"Let their disruption budgets allow an eviction, raise drain.timeout, or set drain.on_timeout = %q", d.policy.timeout, some(d.stuck), drainContinue)
}

// node empties one node, on which these pods are left. That there are some when
// time is up is no error, but noted; nor is what may pass until then.
func (d *drainer) node(ctx context.Context, name string, left []string) error {
	pause := drainFirstPause
	blocked := map[string]string{}
	for {
		pods, err := kube.List(ctx, d.kube, kube.Pods, kube.ListOptions{Fields: "spec.nodeName=" + name})
		if err == nil {
			pending := sortWorkloads(pods, map[string]bool{name: true}, effects{corev1.TaintEffectNoExecute}).evict
			if len(pending) == 0 {
				return nil
			}
			left = podNames(pending)
			err = d.evict(ctx, pending, blocked)
		}
		if err != nil && ctx.Err() == nil {
			if !kube.Passing(err) {
				return fmt.Errorf("draining node %s: %w", name, err)
			}
			for _, pod := range left {
				blocked[pod] = err.Error()
			}
		}
		select {
		case <-ctx.Done():
			d.note(name, left, blocked)
			return nil
		case <-time.After(pause):
		}
		pause = min(pause*3/2, drainLastPause)
	}
}

// evict asks for the eviction of pods that are not leaving yet. What is in the
// way for now is kept in blocked, and the pod asked for again later.
func (d *drainer) evict(ctx context.Context, pods []*corev1.Pod, blocked map[string]string) error {
	for _, pod := range pods {
		key := pod.Namespace + "/" + pod.Name
		if pod.DeletionTimestamp != nil {
			blocked[key] = ""
			continue
		}
		err := kube.Evict(ctx, d.kube, pod.Namespace, pod.Name, -1)
		if err != nil && ctx.Err() != nil {
			return err
		}
		reason, final := hindrance(err)
		if final {
			return err
		}
		blocked[key] = reason
	}
	return nil
}

// hindrance tells from the outcome of an eviction what is in its way for now, ""
// if nothing is, and whether asking again is in vain.
func hindrance(err error) (reason string, final bool) {
	var budget *kube.BlockedError
	switch {
	case err == nil || apierrors.IsNotFound(err):
		return "", false
	case errors.As(err, &budget):
		return budget.Reason, false
	case apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		// No right is missing: nothing new, and so no eviction, is taken there. Its
		// pods are about to be deleted.
		return "its namespace is being deleted", false
	case kube.Passing(err):
		return err.Error(), false
	}
	return "", true
}

func (d *drainer) note(node string, pods []string, blocked map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, pod := range pods {
		d.givenUp[pod] = true
		sentence := pod + " on " + node
		if reason := strings.TrimSuffix(blocked[pod], "."); reason != "" {
			sentence += " (" + reason + ")"
		}
		d.stuck = append(d.stuck, sentence)
	}
}
