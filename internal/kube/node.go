package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// patchNodeAttempts bounds how often PatchNode begins anew because somebody else wrote the node in between.
const patchNodeAttempts = 20

// PatchNode changes labels, annotations and taints of a node without ever losing somebody else's. Node is the node as
// it was read; change is given a copy of it, makes what should be different, and says whether it did. Only these are
// sent: the keys of labels and annotations that differ and, if any taint differs, the whole list of taints, which
// cannot be written in part. The patch holds only for the version that it was computed from: when somebody wrote in
// between, the node is read again and change is called again on what is there now.
//
// It gives the node as it is afterwards. Nothing is sent when nothing differs. Other fields that change sets are not
// written.
func PatchNode(ctx context.Context, c *Client, node corev1.Node, change func(*corev1.Node) bool) (corev1.Node, error) {
	for attempt := 1; ; attempt++ {
		wanted := node.DeepCopy()
		if !change(wanted) {
			return node, nil
		}
		patch, err := nodePatch(&node, wanted)
		if err != nil || patch == nil {
			return node, err
		}
		patched, err := Patch(ctx, c, Nodes, "", node.Name, types.MergePatchType, patch, PatchOptions{})
		if err == nil {
			return patched, nil
		}
		if !apierrors.IsConflict(err) {
			return node, err
		}
		if attempt == patchNodeAttempts {
			return node, fmt.Errorf("somebody else keeps writing this node, gave up after %d attempts: %w", attempt, err)
		}
		if stopped := sleep(ctx, c.backoff.delay(attempt)/4); stopped != nil {
			return node, fmt.Errorf("%w (%w)", err, stopped)
		}
		current, err := Get(ctx, c, Nodes, "", node.Name)
		if err != nil {
			return node, err
		}
		node = current
	}
}

// nodePatch is the merge patch from one node to the other; nil if they agree in labels, annotations and taints.
func nodePatch(from, to *corev1.Node) ([]byte, error) {
	if from.ResourceVersion == "" {
		return nil, errors.New("node " + from.Name + " has no resource version, so a patch could overwrite somebody else's taint")
	}
	metadata := map[string]any{}
	if labels := mapPatch(from.Labels, to.Labels); labels != nil {
		metadata["labels"] = labels
	}
	if annotations := mapPatch(from.Annotations, to.Annotations); annotations != nil {
		metadata["annotations"] = annotations
	}
	patch := map[string]any{"metadata": metadata}
	if !sameTaints(from.Spec.Taints, to.Spec.Taints) {
		var taints any // null removes the list
		if len(to.Spec.Taints) > 0 {
			taints = to.Spec.Taints
		}
		patch["spec"] = map[string]any{"taints": taints}
	}
	if len(metadata) == 0 && len(patch) == 1 {
		return nil, nil
	}
	metadata["resourceVersion"] = from.ResourceVersion
	return json.Marshal(patch)
}

// mapPatch holds the keys that differ, with null for those that go.
func mapPatch(from, to map[string]string) map[string]any {
	var patch map[string]any
	put := func(key string, value any) {
		if patch == nil {
			patch = map[string]any{}
		}
		patch[key] = value
	}
	for key, value := range to {
		if old, ok := from[key]; !ok || old != value {
			put(key, value)
		}
	}
	for key := range from {
		if _, ok := to[key]; !ok {
			put(key, nil)
		}
	}
	return patch
}

func sameTaints(a, b []corev1.Taint) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}
