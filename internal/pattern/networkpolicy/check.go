package networkpolicy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// check lets Calico's own rules judge the policy, with a neutral value for what
// is not known yet.
func (r *reader) check(m *model, d declared) {
	spec := d.spec
	if m.ApplyOnForward.IsUnknown() {
		spec.ApplyOnForward = true
	}
	found := calico.Check(nameOr(d.key), spec)
	if d.namespace != "" {
		found = calico.CheckNamespaced(nameOr(d.key), d.spec)
	}
	for _, problem := range found {
		r.wrong(attributeOf(problem.Field), fmt.Errorf("%s", inWords(problem)))
	}
}

// nameOr stands in for a name that is not known yet.
func nameOr(key string) string {
	if key == "" {
		return "unknown"
	}
	return key
}

// inWords says what is wrong in the words of the attributes.
func inWords(e *field.Error) string {
	words := e.Detail
	if value, ok := e.BadValue.(string); ok && value != "" {
		words = fmt.Sprintf("%q %s", value, words)
	}
	if version, ok := e.BadValue.(int); ok && strings.HasSuffix(e.Field, ".ipVersion") {
		words = fmt.Sprintf("IP version %d %s", version, words)
	}
	if e.Type == field.ErrorTypeNotSupported {
		words = fmt.Sprintf("%q is not one of Allow, Deny, Log, Pass", fmt.Sprint(e.BadValue))
	}
	return strings.NewReplacer(
		"doNotTrack", "do_not_track", "preDNAT", "pre_dnat", "applyOnForward", "apply_on_forward", "ipVersion", "ip_version",
	).Replace(words)
}

// attributeOf gives the attribute of a location in a policy, such as
// "spec.ingress[0].source.notNets[1]".
func attributeOf(location string) path.Path {
	at := path.Empty()
	for i, step := range strings.Split(location, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		if i == 0 {
			continue // spec or metadata
		}
		at = at.AtName(attributeName(name))
		if n, err := strconv.Atoi(index); indexed && err == nil && name != "types" {
			at = at.AtListIndex(n)
		}
	}
	return at
}

// attributeName gives the attribute for a field of a policy.
func attributeName(fieldName string) string {
	switch fieldName {
	case "preDNAT":
		return "pre_dnat"
	case "doNotTrack":
		return "do_not_track"
	case "applyOnForward":
		return "apply_on_forward"
	case "namespaceSelector":
		return "namespace_selector"
	case "serviceAccountSelector":
		return "service_account_selector"
	case "notProtocol":
		return "not_protocol"
	case "ipVersion":
		return "ip_version"
	case "notNets":
		return "not_nets"
	case "notPorts":
		return "not_ports"
	case "notSelector":
		return "not_selector"
	}
	return fieldName
}
