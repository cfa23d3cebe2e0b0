package remoteservice

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
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

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
