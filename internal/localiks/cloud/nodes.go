package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const deployedState = "deployed"

// syncNodes makes a Node of each worker that is deployed and has none yet, and
// takes the Nodes of workers away that are gone or are being reinstalled. A
// Node that somebody else deleted stays away until its worker is reloaded.
func (c *Controllers) syncNodes(ctx context.Context, cluster fakeiks.Cluster) error {
	workers := c.options.Server.Workers(cluster.ID)
	if _, found := c.options.Server.Cluster(cluster.ID); !found {
		return nil // deleted this moment: the list is no list of what is to go
	}
	wanted := map[string]fakeiks.Worker{}
	var births []fakeiks.Worker
	for _, w := range workers {
		if w.State != deployedState {
			continue
		}
		wanted[w.ID] = w
		if revision, born := c.born[w.ID]; !born || revision != w.Revision {
			births = append(births, w)
		}
	}
	existing, err := c.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, node := range existing {
		id, ours := node.Labels[labelWorkerID]
		if !ours {
			continue
		}
		if w, found := wanted[id]; !found || c.reinstalled(w) {
			group.Go(func() error { return c.removeNode(groupCtx, node.Name) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for id := range c.born {
		if w, found := wanted[id]; !found || c.reinstalled(w) {
			delete(c.born, id)
			delete(c.seen, id)
		}
	}
	if err := c.bear(ctx, cluster, births); err != nil {
		return err
	}
	return c.allReady(wanted, len(births))
}

// reinstalled says whether a worker was reloaded since its Node was made.
func (c *Controllers) reinstalled(w fakeiks.Worker) bool {
	revision, born := c.born[w.ID]
	return born && revision != w.Revision
}

// bear makes the Nodes of new workers, with what their pools want now.
func (c *Controllers) bear(ctx context.Context, cluster fakeiks.Cluster, births []fakeiks.Worker) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, w := range births {
		group.Go(func() error {
			node := nodeOf(cluster, w)
			_, err := c.kube.CoreV1().Nodes().Create(groupCtx, node, metav1.CreateOptions{})
			if err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("node %s: %w", node.Name, err)
			}
			return c.bearHostEndpoints(groupCtx, cluster, w)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, w := range births {
		c.born[w.ID] = w.Revision
		c.say(w.PoolID, c.saidTo(w.PoolID).and(settingsOf(poolOf(cluster, w))))
	}
	return nil
}

// allReady wants every Node that is there to be ready.
func (c *Controllers) allReady(wanted map[string]fakeiks.Worker, fresh int) error {
	if fresh > 0 {
		return fmt.Errorf("%d new nodes: %w", fresh, errUnfinished)
	}
	for _, w := range wanted {
		node, err := c.nodes.Get(w.PrivateIP)
		if apierrors.IsNotFound(err) {
			if c.seen[w.ID] {
				continue // somebody deleted it
			}
			return fmt.Errorf("node %s has not shown up: %w", w.PrivateIP, errUnfinished)
		}
		if err != nil {
			return err
		}
		c.seen[w.ID] = true
		if !ready(node) {
			return fmt.Errorf("node %s is not ready: %w", node.Name, errUnfinished)
		}
	}
	return nil
}

// ready says that a Node takes pods.
func ready(node *corev1.Node) bool {
	notReady := slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNotReady })
	return !notReady && slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
}

// removeNode takes a Node away with its pods, at once, as when a machine goes,
// and its host endpoints.
func (c *Controllers) removeNode(ctx context.Context, name string) error {
	err := c.kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("node %s: %w", name, err)
	}
	pods, err := c.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return fmt.Errorf("pods of node %s: %w", name, err)
	}
	var failures []error
	for _, pod := range pods.Items {
		err := c.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *metav1.NewDeleteOptions(0))
		if err != nil && !apierrors.IsNotFound(err) {
			failures = append(failures, fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err))
		}
	}
	return errors.Join(append(failures, c.removeHostEndpoints(ctx, name))...)
}

// poolChange is what was set of a pool: its taints, or its labels.
type poolChange struct {
	pool   string // ID
	taints bool
}

// syncPool brings a pool's labels, or its taints, to its Nodes.
func (c *Controllers) syncPool(ctx context.Context, cluster fakeiks.Cluster, what poolChange) error {
	poolID := what.pool
	index := slices.IndexFunc(cluster.Pools, func(p fakeiks.WorkerPool) bool { return p.ID == poolID })
	if index < 0 {
		c.mu.Lock()
		delete(c.applied, poolID)
		c.mu.Unlock()
		return nil // deleted meanwhile
	}
	applied := c.saidTo(poolID)
	before, now := applied.only(what.taints), settingsOf(cluster.Pools[index]).only(what.taints)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, w := range c.options.Server.Workers(cluster.ID) {
		if w.PoolID != poolID || w.State != deployedState {
			continue
		}
		group.Go(func() error { return c.applySettings(groupCtx, w.PrivateIP, before, now) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if what.taints {
		applied.taints = now.taints
	} else {
		applied.labels = now.labels
	}
	c.say(poolID, applied)
	return nil
}

// saidTo is what a pool's Nodes may have been told.
func (c *Controllers) saidTo(poolID string) poolSettings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied[poolID]
}

func (c *Controllers) say(poolID string, settings poolSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied[poolID] = settings
}

// Settled tells whether the Nodes have been told all that their pools want by
// now: what somebody changes on them from then on stays as it is.
func (c *Controllers) Settled() bool {
	for _, pool := range c.options.Server.Pools(c.options.ClusterID) {
		said, want := c.saidTo(pool.ID), settingsOf(pool)
		if !maps.Equal(said.labels, want.labels) || !slices.Equal(said.taints, want.taints) {
			return false
		}
	}
	return true
}

// applySettings patches one Node on the resource version that it was seen at,
// so that nobody else's taint is lost, and tries again when it moved.
func (c *Controllers) applySettings(ctx context.Context, name string, before, now poolSettings) error {
	node, err := c.nodes.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	first := true
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if !first {
			if node, err = c.kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{}); err != nil {
				return err
			}
		}
		first = false
		wanted := decide(node.Labels, node.Spec.Taints, before, now)
		if wanted.empty() {
			return nil
		}
		patch, err := json.Marshal(wanted.patch(node.ResourceVersion))
		if err != nil {
			return err
		}
		_, err = c.kube.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return nil
}

// patch is the merge patch of a change.
func (c change) patch(resourceVersion string) map[string]any {
	metadata := map[string]any{"resourceVersion": resourceVersion}
	if len(c.labels) > 0 {
		metadata["labels"] = c.labels
	}
	patch := map[string]any{"metadata": metadata}
	if c.taintsDiffer {
		patch["spec"] = map[string]any{"taints": c.taints}
	}
	return patch
}
