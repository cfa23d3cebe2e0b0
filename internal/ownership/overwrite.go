package ownership

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// overwrite lays what is declared over the object that is stored, so that
// nothing that others added to a declared list stays. What is owned by an update
// would outlast every later apply, so the record of it is taken out again.
func (o Object[T]) overwrite(ctx context.Context, c *kube.Client, stored, want T, in Intent, dryRun bool) (T, error) {
	whole, err := o.laidOver(stored, o.marked(want, in))
	if err != nil {
		return stored, err
	}
	replaced, err := kube.Update(ctx, c, o.Kind, whole, kube.WriteOptions{FieldManager: o.Manager, DryRun: dryRun})
	if err = in.sent(err); err != nil || dryRun {
		return replaced, err
	}
	about := metaOf(&replaced)
	entries := slices.DeleteFunc(slices.Clone(about.GetManagedFields()), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == o.Manager && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == ""
	})
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": about.GetResourceVersion(), "managedFields": entries}})
	if err != nil {
		return replaced, err
	}
	return kube.Patch(ctx, c, o.Kind, about.GetNamespace(), about.GetName(), types.MergePatchType, patch, kube.PatchOptions{FieldManager: o.Manager})
}

// laidOver is the stored object with what is declared laid over it.
func (o Object[T]) laidOver(stored, body T) (T, error) {
	var out T
	declared, err := kube.ApplyFields(o.Kind, &body)
	if err != nil {
		return out, err
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return out, fmt.Errorf("%s: %w", o.title(metaOf(&stored)), err)
	}
	var have map[string]any
	if err := json.Unmarshal(raw, &have); err != nil {
		return out, fmt.Errorf("%s: %w", o.title(metaOf(&stored)), err)
	}
	if raw, err = json.Marshal(overlay(have, declared)); err != nil {
		return out, fmt.Errorf("%s: %w", o.title(metaOf(&stored)), err)
	}
	err = json.Unmarshal(raw, &out)
	return out, err
}
