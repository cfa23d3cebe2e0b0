package ownership

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// leftOver tells whether an object still has fields that an earlier apply
// declared and this one does not. Applying again takes them out.
func (o Object[T]) leftOver(live, body T) bool {
	declared, err := kube.ApplyFields(o.Kind, &body)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(metaOf(&live).GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		if e.Manager != o.Manager || e.Operation != metav1.ManagedFieldsOperationApply || e.FieldsV1 == nil {
			return false
		}
		var record map[string]any
		return json.Unmarshal(e.FieldsV1.GetRawBytes(), &record) == nil && !covers(declared, record)
	})
}

// covers tells whether a value has all fields and entries of a field manager's
// record: "f:name" is a field, `k:{"port":80}` the entry with that key, `v:"x"`
// the entry of that value.
func covers(value any, record map[string]any) bool {
	for name, inner := range record {
		within, found := entry(value, name)
		deeper, _ := inner.(map[string]any)
		if !found || !covers(within, deeper) {
			return false
		}
	}
	return true
}

func entry(value any, name string) (any, bool) {
	kind, key, _ := strings.Cut(name, ":")
	switch kind {
	case "f":
		fields, _ := value.(map[string]any)
		within, found := fields[key]
		return within, found
	case "k", "v":
		var wanted any
		if json.Unmarshal([]byte(key), &wanted) != nil {
			return nil, true
		}
		list, _ := value.([]any)
		i := slices.IndexFunc(list, func(one any) bool { return is(one, wanted) })
		if i < 0 {
			return nil, false
		}
		return list[i], true
	}
	return value, true // "." is the value itself
}

// is tells whether a list's entry has a key, or is a value. A part of the key
// that is not declared is a default of the server's.
func is(one, wanted any) bool {
	key, keyed := wanted.(map[string]any)
	fields, _ := one.(map[string]any)
	if !keyed {
		return same(one, wanted)
	}
	for name, part := range key {
		if have, declared := fields[name]; declared && !same(have, part) {
			return false
		}
	}
	return len(fields) > 0
}

// same compares JSON values; numbers may be of several types.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b)
}
