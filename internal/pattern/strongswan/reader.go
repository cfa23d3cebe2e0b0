package strongswan

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// reader reads attributes by the names that objections have for them. It notes
// what is not known yet.
type reader struct {
	roots   map[string]attr.Value
	unknown map[string]bool
}

// value of an attribute, nil if it is null, left out or not known.
func (r reader) value(at string) attr.Value {
	root, inner, nested := strings.Cut(at, ".")
	v := r.roots[root]
	if object, is := v.(types.Object); nested && is && !object.IsUnknown() {
		v = object.Attributes()[inner]
	}
	switch {
	case v == nil || v.IsNull():
		return nil
	case v.IsUnknown():
		r.unknown[at] = true
		return nil
	}
	return v
}

// text reads a string; null is its default.
func (r reader) text(at string) string {
	if v, is := r.value(at).(types.String); is {
		return v.ValueString()
	}
	if r.unknown[at] {
		return ""
	}
	return defaultOf(at)
}

func (r reader) truth(at string) bool {
	v, is := r.value(at).(types.Bool)
	return is && v.ValueBool()
}

func (r reader) number(at string) int64 {
	if v, is := r.value(at).(types.Int64); is {
		return v.ValueInt64()
	}
	return 0
}

// texts reads a list or set of strings, nil for null. One that is not known in
// part is not known.
func (r reader) texts(at string) []string {
	v, is := r.value(at).(interface{ Elements() []attr.Value })
	if !is {
		return nil
	}
	var out []string
	for _, element := range v.Elements() {
		if text, is := element.(types.String); is && !text.IsUnknown() {
			out = append(out, text.ValueString())
			continue
		}
		r.unknown[at] = true
	}
	return out
}

// mapped reads a map of strings, nil for null.
func (r reader) mapped(at string) map[string]string {
	v, is := r.value(at).(types.Map)
	if !is {
		return nil
	}
	out := map[string]string{}
	for key, element := range v.Elements() {
		if text, is := element.(types.String); is && !text.IsUnknown() {
			out[key] = text.ValueString()
			continue
		}
		r.unknown[at] = true
	}
	return out
}

func (r reader) levels(at string) map[string]int64 {
	v, is := r.value(at).(types.Map)
	if !is {
		return nil
	}
	out := map[string]int64{}
	for key, element := range v.Elements() {
		if level, is := element.(types.Int64); is && !level.IsUnknown() {
			out[key] = level.ValueInt64()
			continue
		}
		r.unknown[at] = true
	}
	return out
}

func (r reader) tolerations(at string) []toleration {
	v, is := r.value(at).(types.List)
	if !is {
		return nil
	}
	var out []toleration
	for _, element := range v.Elements() {
		one, is := element.(types.Object)
		if !is || one.IsUnknown() {
			r.unknown[at] = true
			continue
		}
		inner := reader{roots: one.Attributes(), unknown: map[string]bool{}}
		out = append(out, toleration{key: inner.text("key"), operator: inner.text("operator"), value: inner.text("value"), effect: inner.text("effect")})
		if len(inner.unknown) > 0 {
			r.unknown[at] = true
		}
	}
	return out
}

func (r reader) monitoring(at string) *monitoring {
	if r.value(at) == nil {
		return nil
	}
	return &monitoring{
		clusterName: r.text(at + ".cluster_name"), privateIPs: r.texts(at + ".private_ips"), endpoints: r.texts(at + ".http_endpoints"),
		timeout: r.number(at + ".timeout"), delay: r.number(at + ".delay"),
	}
}
