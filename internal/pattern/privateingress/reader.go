package privateingress

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// reader turns attributes into an ingress. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

func (r *reader) wrong(at path.Path, format string, arguments ...any) {
	r.problems = append(r.problems, framework.Problem{Path: at, Summary: "The Ingress cannot be like this", Detail: framework.Sentence(fmt.Sprintf(format, arguments...))})
}

// marks takes what was read of labels or annotations.
func (r *reader) marks(values map[string]string, known bool, problems []framework.Problem) map[string]string {
	r.unknown = r.unknown || !known
	r.problems = append(r.problems, problems...)
	return values
}

// reserved refuses the annotations that would choose another controller.
func (r *reader) reserved(annotations types.Map) {
	instead := map[string]string{legacyClass: "ingress_class", legacyALB: "legacy_alb_id"}
	for key := range annotations.Elements() {
		if attribute, ok := instead[key]; ok {
			r.wrong(path.Root("annotations").AtMapKey(key), "annotation %s would choose the controller behind the back of `%s`; leave it out", key, attribute)
		}
	}
}

// text reads a string; null gives "". check says what is wrong with it, "" for nothing.
func (r *reader) text(at path.Path, v attr.Value, check func(string) string) string {
	text, ok := v.(types.String)
	if !ok || text.IsUnknown() {
		r.unknown = true
		return ""
	}
	if text.IsNull() {
		return ""
	}
	if check != nil {
		if wrong := check(text.ValueString()); wrong != "" {
			r.wrong(at, "%s", wrong)
		}
	}
	return text.ValueString()
}

// each calls read for each element of a list that is known.
func (r *reader) each(at path.Path, v attr.Value, read func(at path.Path, element attr.Value)) {
	list, ok := v.(types.List)
	if !ok || list.IsUnknown() {
		r.unknown = true
		return
	}
	for i, element := range list.Elements() {
		switch {
		case element.IsUnknown():
			r.unknown = true
		case element.IsNull():
			r.wrong(at.AtListIndex(i), "it is null; leave it out")
		default:
			read(at.AtListIndex(i), element)
		}
	}
}

// fields are the attributes of an object that is known.
func (r *reader) fields(v attr.Value) map[string]attr.Value {
	object, ok := v.(types.Object)
	if !ok || object.IsUnknown() {
		r.unknown = true
		return nil
	}
	return object.Attributes()
}

func (r *reader) rules(at path.Path, v types.List) []rule {
	var out []rule
	seen := map[string]bool{}
	r.each(at, v, func(at path.Path, element attr.Value) {
		fields := r.fields(element)
		read := rule{host: r.text(at.AtName("host"), fields["host"], checkHost)}
		r.each(at.AtName("paths"), fields["paths"], func(at path.Path, element attr.Value) {
			read.paths = append(read.paths, r.route(at, element))
		})
		if paths, ok := fields["paths"].(types.List); ok && !paths.IsUnknown() && len(paths.Elements()) == 0 {
			r.wrong(at.AtName("paths"), "it is empty, and the host would lead nowhere")
		}
		if host := fields["host"]; host != nil && !host.IsUnknown() {
			if seen[read.host] {
				r.wrong(at.AtName("host"), "host %q has a rule already; put the paths together", read.host)
			}
			seen[read.host] = true
		}
		out = append(out, read)
	})
	return out
}

func (r *reader) route(at path.Path, v attr.Value) route {
	fields := r.fields(v)
	kind := networkingv1.PathType(r.text(at.AtName("path_type"), fields["path_type"], nil))
	out := route{path: r.text(at.AtName("path"), fields["path"], nil), pathType: kind, backend: r.backend(at.AtName("backend"), fields["backend"])}
	if kind != networkingv1.PathTypeImplementationSpecific && fields["path"] != nil && !fields["path"].IsUnknown() && !fields["path"].IsNull() && !strings.HasPrefix(out.path, "/") {
		r.wrong(at.AtName("path"), "%q does not begin with a slash", out.path)
	}
	return out
}

func (r *reader) backend(at path.Path, v attr.Value) backend {
	fields := r.fields(v)
	if fields == nil {
		return backend{}
	}
	return backend{
		service: r.text(at.AtName("service_name"), fields["service_name"], checkService),
		port:    r.text(at.AtName("service_port"), fields["service_port"], checkPort),
	}
}

func (r *reader) certificates(at path.Path, v types.List) []certificate {
	var out []certificate
	r.each(at, v, func(at path.Path, element attr.Value) {
		fields := r.fields(element)
		read := certificate{secret: r.text(at.AtName("secret_name"), fields["secret_name"], checkSecret)}
		r.each(at.AtName("hosts"), fields["hosts"], func(at path.Path, element attr.Value) {
			read.hosts = append(read.hosts, r.text(at, element, checkHost))
		})
		out = append(out, read)
	})
	return out
}

// What stands below says what is wrong with a text, "" if nothing is.

func checkName(name string) string {
	return first("%q cannot be the name of an Ingress: %s", name, validation.IsDNS1123Subdomain(name))
}

func checkNamespace(name string) string {
	return first("%q cannot be the name of a namespace: %s", name, validation.IsDNS1123Label(name))
}

func checkService(name string) string {
	return first("%q cannot be the name of a Service: %s", name, validation.IsDNS1035Label(name))
}

func checkSecret(name string) string {
	return first("%q cannot be the name of a Secret: %s", name, validation.IsDNS1123Subdomain(name))
}

func checkClass(name string) string {
	if strings.HasPrefix(name, publicPrefix) {
		return publicClass(name).Detail
	}
	return first("%q cannot be the name of an IngressClass: %s", name, validation.IsDNS1123Subdomain(name))
}

func checkHost(host string) string {
	if strings.Contains(host, "*") {
		return first("%q is not a host with a wildcard such as *.example.com: %s", host, validation.IsWildcardDNS1123Subdomain(host))
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return fmt.Sprintf("%q is an IP address; a host is a name in DNS", host)
	}
	return first("%q is not a host name: %s", host, validation.IsDNS1123Subdomain(host))
}

// checkPort takes a number or a name, which has a letter at least.
func checkPort(port string) string {
	if number, err := strconv.ParseInt(port, 10, 64); err == nil {
		if number < 1 || number > math.MaxUint16 {
			return fmt.Sprintf("%s is not a port from 1 to 65535", port)
		}
		return ""
	}
	return first("%q is neither the number nor the name of a port: %s", port, validation.IsValidPortName(port))
}

func first(format, text string, wrong []string) string {
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf(format, text, wrong[0])
}
