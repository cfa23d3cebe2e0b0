package remoteservice

import (
	"fmt"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// What stands here says what is wrong with a text, "" if nothing is.

func checkPortName(name string) string {
	if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
		return fmt.Sprintf("%q cannot be the name of a port: %s", name, wrong[0])
	}
	return ""
}

func checkAppProtocol(name string) string {
	if wrong := validation.IsQualifiedName(name); len(wrong) > 0 {
		return fmt.Sprintf("%q is not an application protocol such as https or kubernetes.io/h2c: %s", name, wrong[0])
	}
	return ""
}

func checkLabel(key, value string) string {
	switch key {
	case framework.ManagedByLabel, discoveryv1.LabelServiceName, discoveryv1.LabelManagedBy:
		return fmt.Sprintf("label %s is the provider's own", key)
	}
	wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
	if len(wrong) > 0 {
		return fmt.Sprintf("%q = %q cannot be a label: %s", key, value, wrong[0])
	}
	return ""
}

func checkAnnotation(key, _ string) string {
	if key == framework.OwnerAnnotation {
		return fmt.Sprintf("annotation %s is the provider's own", key)
	}
	if wrong := validation.IsQualifiedName(strings.ToLower(key)); len(wrong) > 0 {
		return fmt.Sprintf("%q cannot be the key of an annotation: %s", key, wrong[0])
	}
	return ""
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
