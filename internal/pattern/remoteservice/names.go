package remoteservice

import (
	"fmt"

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
