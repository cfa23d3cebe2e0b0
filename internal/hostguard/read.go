package hostguard

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Reader turns attributes into a guard. It remembers what is wrong, and whether
// anything is not known yet.
type Reader struct {
	Problems []framework.Problem
	Unknown  bool
}

// What is wrong with values that say nothing.
var (
	ErrEmpty = errors.New("it is empty; leave it out for the default")
	ErrNull  = errors.New("it is null")
)

// Wrong notes what is wrong with an attribute.
func (r *Reader) Wrong(at path.Path, err error) {
	r.Problems = append(r.Problems, framework.Problem{Path: at, Summary: "The guard cannot be like this", Detail: framework.Sentence(err.Error())})
}

// One reads a string.
func One(r *Reader, at path.Path, v types.String, byDefault string, check func(string) error) string {
	switch {
	case v.IsUnknown():
		r.Unknown = true
		return ""
	case v.IsNull():
		return byDefault
	}
	if err := check(v.ValueString()); err != nil {
		r.Wrong(at, err)
	}
	return v.ValueString()
}

// Finite reads the order of a policy.
func (r *Reader) Finite(at path.Path, v types.Float64, byDefault float64) *float64 {
	switch {
	case v.IsUnknown():
		r.Unknown = true
		return nil
	case v.IsNull():
		return &byDefault
	case math.IsInf(v.ValueFloat64(), 0) || math.IsNaN(v.ValueFloat64()):
		r.Wrong(at, errors.New("the order is not a finite number"))
	}
	return v.ValueFloat64Pointer()
}

// Collection is a list or a set.
type Collection interface {
	attr.Value
	Elements() []attr.Value
}

// Elements parses a collection of strings that is not empty if it is there;
// each problem is at its element.
func Elements[T any](r *Reader, at path.Path, c Collection, byDefault []T, parse func(string) (T, error)) []T {
	switch {
	case c.IsUnknown():
		r.Unknown = true
		return nil
	case c.IsNull():
		return byDefault
	case len(c.Elements()) == 0:
		r.Wrong(at, ErrEmpty)
	}
	_, listed := c.(types.List)
	var out []T
	for i, element := range c.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			r.Unknown = true
			continue
		}
		where := at.AtSetValue(element)
		if listed {
			where = at.AtListIndex(i)
		}
		parsed, err := parse(value.ValueString())
		switch {
		case value.IsNull():
			r.Wrong(where, ErrNull)
		case err != nil:
			r.Wrong(where, err)
		default:
			out = append(out, parsed)
		}
	}
	return out
}

// PartlyUnknown tells whether a collection, or one of its elements, is not known.
func PartlyUnknown(c Collection) bool {
	return c.IsUnknown() || slices.ContainsFunc(c.Elements(), attr.Value.IsUnknown)
}

// StringSet makes a set; nothing gives null.
func StringSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.StringValue(v)
	}
	return types.SetValueMust(types.StringType, elements)
}

// longestName leaves room for the prefix "default." that Calico stores.
const longestName = 244

// CheckName tells whether a policy can have a name, with so much room left
// behind it.
func CheckName(name string, room int) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a policy: %s", name, strings.Join(wrong, "; "))
	}
	if _, after, dotted := strings.Cut(name, "."); dotted {
		return fmt.Errorf("%q has a dot, and what stands before one is the tier for Calico; write %q, and the tier in `tier`", name, after)
	}
	if len(name) > longestName-room {
		return fmt.Errorf("the name has %d characters, a policy's can have %d", len(name), longestName-room)
	}
	if calico.IsIBMs(name) {
		return fmt.Errorf("%q is the name of one of IBM's own policies, which are never touched", name)
	}
	return nil
}

// CheckRoleOf is CheckRole as Elements wants it.
func CheckRoleOf(role string) (string, error) { return role, CheckRole(role) }

// CheckProtocol tells whether a protocol has ports.
func CheckProtocol(name string) (string, error) {
	if slices.Contains(Protocols(), name) {
		return name, nil
	}
	return "", fmt.Errorf("%q is not one of %s", name, strings.Join(Protocols(), ", "))
}
