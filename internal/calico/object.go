package calico

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metadataAnnotation is where Calico keeps, in its stored objects, the metadata that users see.
const metadataAnnotation = "projectcalico.org/metadata"

// object is any of Calico's objects as it is served.
type object[S any] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              payload[S] `json:"spec"`
}

// payload is a spec. One that cannot be read is kept as an error, so that a single strange object, perhaps of a newer
// Calico, does not hide all others of its list.
type payload[S any] struct {
	value S
	raw   json.RawMessage
	err   error
}

func (p payload[S]) MarshalJSON() ([]byte, error) { return json.Marshal(p.value) }

func (p *payload[S]) UnmarshalJSON(data []byte) error {
	p.raw = append(json.RawMessage(nil), data...)
	p.err = json.Unmarshal(data, &p.value)
	return nil
}

// userMetadata gives the labels and annotations that users see.
func userMetadata(d door, meta *metav1.ObjectMeta) (labels, annotations map[string]string) {
	labels, annotations = maps.Clone(meta.Labels), maps.Clone(meta.Annotations)
	delete(annotations, metadataAnnotation)
	if d.raw {
		inner := innerMetadata(meta)
		labels, annotations = over(labels, inner.Labels), over(annotations, inner.Annotations)
	}
	return labels, annotations
}

// over gives base with the entries of top; nil if there are none.
func over(base, top map[string]string) map[string]string {
	if len(top) == 0 {
		return base
	}
	if base == nil {
		base = map[string]string{}
	}
	maps.Copy(base, top)
	return base
}

// innerMetadata reads the annotation. What cannot be read counts as absent.
func innerMetadata(meta *metav1.ObjectMeta) metav1.ObjectMeta {
	var inner metav1.ObjectMeta
	if text := meta.Annotations[metadataAnnotation]; text != "" && json.Unmarshal([]byte(text), &inner) != nil {
		return metav1.ObjectMeta{}
	}
	return inner
}

// setUserMetadata writes labels and annotations so that users see them through this door, and through the other one
// later. Name is the one that users see, unless the object says another.
//
// In stored objects they go to two places: Calico reads them from the metadata itself up to about 3.28, and from the
// annotation, which wins, since then.
func setUserMetadata(d door, meta *metav1.ObjectMeta, name string, labels, annotations map[string]string, now time.Time) error {
	old := meta.Annotations[metadataAnnotation]
	meta.Labels, meta.Annotations = maps.Clone(labels), maps.Clone(annotations)
	delete(meta.Annotations, metadataAnnotation)
	if !d.raw {
		return nil
	}
	inner := map[string]any{}
	if json.Unmarshal([]byte(old), &inner) != nil || inner == nil {
		inner = map[string]any{"creationTimestamp": now.UTC().Format(time.RFC3339)}
	}
	if known, _ := inner["name"].(string); known == "" {
		inner["name"] = name
	}
	setOrDelete(inner, "labels", labels)
	setOrDelete(inner, "annotations", annotations)
	encoded, err := json.Marshal(inner)
	if err != nil {
		return err
	}
	meta.Annotations = over(meta.Annotations, map[string]string{metadataAnnotation: string(encoded)})
	return nil
}

func setOrDelete(fields map[string]any, key string, value map[string]string) {
	if len(value) == 0 {
		delete(fields, key)
		return
	}
	fields[key] = value
}

// withoutTierLabel drops the label that the API server adds by itself.
func withoutTierLabel(labels map[string]string) map[string]string {
	delete(labels, v3.LabelTier)
	if len(labels) == 0 {
		return nil
	}
	return labels
}

// unknownFields gives the paths of what the raw document has and the typed value cannot hold, for example
// "ingress[0].source.domains". Empty values do not count.
func unknownFields(raw json.RawMessage, typed any) []string {
	known, err := json.Marshal(typed)
	if err != nil {
		return nil
	}
	var have, can any
	if json.Unmarshal(raw, &have) != nil || json.Unmarshal(known, &can) != nil {
		return nil
	}
	var paths []string
	collectUnknown(have, can, "", &paths)
	return paths
}

func collectUnknown(have, can any, path string, paths *[]string) {
	switch have := have.(type) {
	case map[string]any:
		object, _ := can.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(have)) {
			inner := strings.TrimPrefix(path+"."+key, ".")
			if known, ok := object[key]; ok {
				collectUnknown(have[key], known, inner, paths)
			} else if !empty(have[key]) {
				*paths = append(*paths, inner)
			}
		}
	case []any:
		list, _ := can.([]any)
		for i := range min(len(have), len(list)) {
			collectUnknown(have[i], list[i], path+"["+strconv.Itoa(i)+"]", paths)
		}
	}
}

// empty reports whether a value means the same as its absence.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case float64:
		return value == 0
	case []any:
		return len(value) == 0
	case map[string]any:
		for _, inner := range value {
			if !empty(inner) {
				return false
			}
		}
		return true
	}
	return false
}
