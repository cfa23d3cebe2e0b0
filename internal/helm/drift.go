package helm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// longestValue is how much of a value a sentence quotes.
const longestValue = 120

// Drift says in sentences where the cluster's objects differ from the release's manifest: gone, being deleted, no longer
// the release's, or a declared field with another value. What the manifest does not declare is not compared. Values of
// Secrets and ConfigMaps are not shown. It costs one GET for each object.
func (c *Client) Drift(ctx context.Context, r *Release) ([]string, error) {
	k := &kinds{kube: c.kube}
	var out []string
	for _, document := range Documents(r.Manifest) {
		sentences, err := c.documentDrift(ctx, k, r, document)
		if err != nil {
			return nil, fmt.Errorf("release %s/%s: %w", r.Namespace, r.Name, err)
		}
		out = append(out, sentences...)
	}
	return out, nil
}

func (c *Client) documentDrift(ctx context.Context, k *kinds, r *Release, document string) ([]string, error) {
	o, err := k.object(ctx, document, r.Namespace)
	var unknown *notServedError
	switch {
	case errors.As(err, &unknown):
		return []string{err.Error()}, nil // it names the object
	case err != nil || o == nil:
		return nil, err
	}
	live, err := c.find(ctx, *o)
	if err != nil {
		return nil, err
	}
	sentences, err := c.drift(ctx, r, *o, live)
	for i := range sentences {
		sentences[i] = o.String() + " " + sentences[i]
	}
	return sentences, err
}

func (c *Client) drift(ctx context.Context, r *Release, o object, live *unstructured.Unstructured) ([]string, error) {
	switch {
	case live == nil:
		return []string{"is gone"}, nil
	case live.GetDeletionTimestamp() != nil:
		return []string{"is being deleted"}, nil
	case owner(*live) != r.Namespace+"/"+r.Name:
		return []string{"does not bear the marks of the release any more"}, nil
	}
	sentences, err := differences(o, *live)
	if err != nil || len(sentences) == 0 {
		return nil, err
	}
	// The server writes some values in another way than they were given. Whether one is an edit it can say itself: applying
	// again changes nothing then, with the marks, which an apply without them would take away. A reader who may not ask is
	// told of the difference.
	again, err := kube.Apply(ctx, c.kube, o.kind, o.marked(r.Namespace, r.Name), kube.PatchOptions{FieldManager: fieldManager, Force: true, DryRun: true})
	if err == nil && reflect.DeepEqual(stored(again), stored(*live)) {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return sentences, nil
}

// stored is what somebody can want of an object, labels and annotations too: not what the server keeps about it.
func stored(o unstructured.Unstructured) map[string]any {
	out := maps.Clone(o.Object)
	delete(out, "status")
	out["metadata"] = map[string]map[string]string{"labels": o.GetLabels(), "annotations": o.GetAnnotations()}
	return out
}

// differences compares what is declared with what is there.
func differences(o object, live unstructured.Unstructured) ([]string, error) {
	declared, err := kube.ApplyFields(o.kind, o.body.DeepCopy())
	if err != nil {
		return nil, err
	}
	have, err := kube.ApplyFields(o.kind, live.DeepCopy())
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"apiVersion", "kind"} {
		delete(declared, name)
	}
	if metadata, ok := declared["metadata"].(map[string]any); ok {
		delete(metadata, "name")
		delete(metadata, "namespace")
	}
	c := comparer{hidden: o.kind.Name == "Secret" || o.kind.Name == "ConfigMap"}
	if o.kind.Name == "Secret" {
		encodeStringData(declared)
	}
	c.fields("", declared, have)
	return c.sentences, nil
}

// encodeStringData puts the texts of a Secret where the server puts them.
func encodeStringData(secret map[string]any) {
	texts, ok := secret["stringData"].(map[string]any)
	if !ok {
		return
	}
	delete(secret, "stringData")
	data, ok := secret["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
		secret["data"] = data
	}
	for key, value := range texts {
		if text, ok := value.(string); ok {
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
}

// wholeMap is a map of which what is declared is all there may be: a Service's selector. A key more leads its clients to
// fewer pods, or none.
const wholeMap = "spec.selector"

// comparer finds where an object differs from what is declared of it.
type comparer struct {
	hidden    bool
	sentences []string
}

func (c *comparer) compare(at string, declared, is any) {
	if is == nil && zero(declared) {
		return // the server drops what is empty
	}
	switch declared := declared.(type) {
	case map[string]any:
		have, ok := is.(map[string]any)
		if !ok {
			c.differs(at, declared, is)
			return
		}
		c.fields(at, declared, have)
	case []any:
		have, ok := is.([]any)
		if !ok {
			c.differs(at, declared, is)
			return
		}
		c.entries(at, declared, have)
	default:
		if !reflect.DeepEqual(declared, is) && !(strings.Contains(at, "resources.") && sameQuantity(declared, is)) {
			c.differs(at, declared, is)
		}
	}
}

func (c *comparer) fields(at string, declared, is map[string]any) {
	if at == wholeMap {
		for _, name := range slices.Sorted(maps.Keys(is)) {
			if _, ok := declared[name]; !ok {
				c.say("has %s.%s %s, which is not declared", at, name, quoted(is[name]))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		c.compare(strings.TrimPrefix(at+"."+name, "."), declared[name], is[name])
	}
}

// entries compares lists. Where entries have names, others may add theirs (a sidecar, a volume), as server-side apply
// lets them.
func (c *comparer) entries(at string, declared, is []any) {
	have := map[string]any{}
	for _, entry := range is {
		if name := nameOf(entry); name != "" {
			have[name] = entry
		}
	}
	named := !slices.ContainsFunc(declared, func(entry any) bool { return nameOf(entry) == "" })
	if !named && len(is) != len(declared) {
		c.say("%s has %d entries, declared %d", at, len(is), len(declared))
		return
	}
	for i, entry := range declared {
		if named {
			name := nameOf(entry)
			c.compare(at+"["+name+"]", entry, have[name])
			continue
		}
		c.compare(fmt.Sprintf("%s[%d]", at, i), entry, is[i])
	}
}

func nameOf(entry any) string {
	fields, _ := entry.(map[string]any)
	name, _ := fields["name"].(string)
	return name
}

func zero(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	default:
		return reflect.ValueOf(value).IsZero()
	}
}

func sameQuantity(a, b any) bool {
	x, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && x.Cmp(y) == 0
}

func (c *comparer) differs(at string, declared, is any) {
	switch {
	case is == nil:
		c.say("lacks %s", at)
	case c.hidden:
		c.say("has another %s than declared", at)
	default:
		c.say("has %s %s, declared %s", at, quoted(is), quoted(declared))
	}
}

func (c *comparer) say(format string, arguments ...any) {
	c.sentences = append(c.sentences, fmt.Sprintf(format, arguments...))
}

func quoted(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	if text := string(raw); len(text) <= longestValue {
		return text
	}
	return string(raw[:longestValue]) + "..."
}
