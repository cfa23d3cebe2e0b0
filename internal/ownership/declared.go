package ownership

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Declared gives the labels and annotations that a resource of this type once
// declared for an object, for an import: those that its field manager applied,
// without the marks that every object of ours bears. Empty maps are nil.
func (o Object[T]) Declared(live T, owner framework.Owner) (labels, annotations map[string]string) {
	about := metaOf(&live)
	for _, entry := range about.GetManagedFields() {
		if entry.Manager != o.Manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		labels = o.applied(entry.FieldsV1.GetRawBytes(), "f:labels", about.GetLabels(), owner.Labels)
		annotations = o.applied(entry.FieldsV1.GetRawBytes(), "f:annotations", about.GetAnnotations(), owner.Annotations)
	}
	return labels, annotations
}

// applied are the entries of a map that stand in a field manager's record.
func (o Object[T]) applied(record []byte, field string, all, marks map[string]string) map[string]string {
	var fields struct {
		Metadata map[string]map[string]any `json:"f:metadata"`
	}
	if json.Unmarshal(record, &fields) != nil {
		return nil
	}
	own := []string{framework.OwnerAnnotation, framework.ManagedByLabel}
	var out map[string]string
	for name := range fields.Metadata[field] {
		key, found := strings.CutPrefix(name, "f:")
		value, there := all[key]
		mark, marked := marks[key]
		if !found || !there || slices.Contains(own, key) || marked && mark == value {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out
}
