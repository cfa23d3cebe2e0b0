package ownership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// ReadLabels reads the labels that a user declares for an object of ours. known
// is false where one is not known yet; that is left out. The provider's own
// label, and those in reserved, are a problem.
func ReadLabels(at path.Path, labels types.Map, reserved ...string) (out map[string]string, known bool, problems []framework.Problem) {
	reserved = append(reserved, framework.ManagedByLabel)
	return readMap(at, labels, "label", reserved, func(key, value string) []string {
		return append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
	})
}

// ReadAnnotations is ReadLabels for annotations.
func ReadAnnotations(at path.Path, annotations types.Map, reserved ...string) (out map[string]string, known bool, problems []framework.Problem) {
	reserved = append(reserved, framework.OwnerAnnotation)
	return readMap(at, annotations, "annotation", reserved, func(key, _ string) []string {
		return validation.IsQualifiedName(strings.ToLower(key))
	})
}

func readMap(at path.Path, m types.Map, what string, reserved []string, check func(key, value string) []string) (out map[string]string, known bool, problems []framework.Problem) {
	known = !m.IsUnknown()
	wrong := func(key, format string, arguments ...any) {
		problems = append(problems, framework.Problem{Path: at.AtMapKey(key), Summary: "The " + what + " cannot be like this", Detail: fmt.Sprintf(format, arguments...)})
	}
	for key, element := range m.Elements() {
		value, ok := element.(types.String)
		switch {
		case slices.Contains(reserved, key):
			wrong(key, "The %s %s is the provider's own; leave it out.", what, key)
		case !ok || value.IsUnknown():
			known = false
			continue
		case value.IsNull():
			wrong(key, "The value of %q is null; leave the key out.", key)
			continue
		}
		if faults := check(key, value.ValueString()); len(faults) > 0 {
			wrong(key, "%q = %q does not make a valid %s: %s.", key, value.ValueString(), what, faults[0])
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value.ValueString()
	}
	return out, known, problems
}

// StringMap makes the attribute of labels or annotations; nothing gives null.
func StringMap(values map[string]string) types.Map {
	if len(values) == 0 {
		return types.MapNull(types.StringType)
	}
	elements := map[string]attr.Value{}
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}
