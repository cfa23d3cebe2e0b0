package remoteservice

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`

	Ports     types.List   `tfsdk:"ports"`
	Endpoints types.Set    `tfsdk:"endpoints"`
	Hostname  types.String `tfsdk:"hostname"`

	Labels      types.Map  `tfsdk:"labels"`
	Annotations types.Map  `tfsdk:"annotations"`
	Force       types.Bool `tfsdk:"force_conflicts"`

	ClusterIP types.String `tfsdk:"cluster_ip"`
	DNSName   types.String `tfsdk:"dns_name"`
}

// portModel is one entry of ports.
type portModel struct {
	Name        types.String `tfsdk:"name"`
	Port        types.Int64  `tfsdk:"port"`
	TargetPort  types.Int64  `tfsdk:"target_port"`
	Protocol    types.String `tfsdk:"protocol"`
	AppProtocol types.String `tfsdk:"app_protocol"`
}

func portType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"name": types.StringType, "port": types.Int64Type, "target_port": types.Int64Type,
		"protocol": types.StringType, "app_protocol": types.StringType,
	}}
}

// imported tells whether the model is only the name of something to import.
func (m *model) imported() bool { return m.Ports.IsNull() }

// holds tells whether a state is about the Service that is declared.
func (m *model) holds(want remote) bool {
	return m != nil && m.Namespace.ValueString() == want.namespace && m.Name.ValueString() == want.name
}

// reader turns attributes into a remote. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

func (r *reader) wrong(at path.Path, format string, arguments ...any) {
	r.problems = append(r.problems, framework.Problem{Path: at, Summary: "The remote service cannot be like this", Detail: framework.Sentence(fmt.Sprintf(format, arguments...))})
}

// remote reads the model. What is not known yet is left out, and known is false.
func (m *model) remote(ctx context.Context) (out remote, known bool, problems []framework.Problem) {
	var r reader
	out = remote{
		namespace:   r.name(path.Root("namespace"), m.Namespace, "namespace", validation.IsDNS1123Label),
		name:        r.name(path.Root("name"), m.Name, "Service", validation.IsDNS1035Label),
		labels:      r.marks(ownership.ReadLabels(path.Root("labels"), m.Labels, discoveryv1.LabelServiceName, discoveryv1.LabelManagedBy)),
		annotations: r.marks(ownership.ReadAnnotations(path.Root("annotations"), m.Annotations)),
	}
	if m.Force.IsUnknown() {
		r.unknown = true
	}
	out.ports = r.ports(ctx, m.Ports)
	out.addresses = r.addresses(m.Endpoints)
	out.hostname = r.hostname(m.Hostname, out)
	return out, !r.unknown, r.problems
}

// choice makes sure, once it is known, that there is one of endpoints and hostname.
func (m *model) choice() []framework.Problem {
	var r reader
	switch {
	case m.Hostname.IsUnknown() || m.Endpoints.IsUnknown():
	case !m.Hostname.IsNull() && !m.Endpoints.IsNull():
		r.wrong(path.Root("hostname"), "endpoints and hostname are both set, and a Service leads to addresses or to a name; leave one of them out")
	case m.Hostname.IsNull() && m.Endpoints.IsNull():
		r.wrong(path.Root("endpoints"), "neither endpoints nor hostname is set. If they come from an iks_private_service that has no address yet, apply again when that is ready; on VPC it has a hostname and no IP, on classic an IP and no hostname")
	}
	return r.problems
}

// read gives the remote of a model that is known as a whole.
func (m *model) read(ctx context.Context) (remote, error) {
	out, _, problems := m.remote(ctx)
	if problems = append(problems, m.choice()...); len(problems) > 0 {
		return remote{}, &framework.Refusal{Problems: problems}
	}
	return out, nil
}

func (r *reader) name(at path.Path, v types.String, of string, check func(string) []string) string {
	switch {
	case v.IsUnknown():
		r.unknown = true
		return ""
	case v.IsNull(): // in a configuration: the default
		return ""
	}
	if wrong := check(v.ValueString()); len(wrong) > 0 {
		r.wrong(at, "%q cannot be the name of a %s: %s", v.ValueString(), of, wrong[0])
	}
	return v.ValueString()
}

// marks takes what was read of labels or annotations.
func (r *reader) marks(values map[string]string, known bool, problems []framework.Problem) map[string]string {
	r.unknown = r.unknown || !known
	r.problems = append(r.problems, problems...)
	return values
}

func (r *reader) addresses(set types.Set) []netip.Addr {
	at := path.Root("endpoints")
	if set.IsUnknown() {
		r.unknown = true
	}
	if !set.IsNull() && !set.IsUnknown() && len(set.Elements()) == 0 {
		r.wrong(at, "it is empty, and the name would lead nowhere")
	}
	var out []netip.Addr
	for _, element := range set.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			r.unknown = true
			continue
		}
		where := at.AtSetValue(element)
		if value.IsNull() {
			r.wrong(where, "an address is null. If it comes from an iks_private_service, that has no IP: on VPC it has a hostname instead, and on classic it may not have got one yet")
			continue
		}
		address, err := parseAddress(value.ValueString())
		if err != nil {
			r.wrong(where, "%s", err)
			continue
		}
		if slices.Contains(out, address) {
			r.wrong(where, "%s is written in two ways", address)
		}
		out = append(out, address)
	}
	return sorted(out)
}

func (r *reader) hostname(v types.String, so remote) string {
	at := path.Root("hostname")
	switch {
	case v.IsUnknown():
		r.unknown = true
		return ""
	case v.IsNull():
		return ""
	}
	name := v.ValueString()
	if err := checkHostname(name); err != nil {
		r.wrong(at, "%s", err)
	}
	if so.name != "" && so.namespace != "" && name == dnsName(so.namespace, so.name) {
		r.wrong(at, "%s is this very Service's own name", name)
	}
	for i, p := range so.ports {
		if p.target != 0 && p.number != 0 && p.target != p.number {
			r.wrong(path.Root("ports").AtListIndex(i).AtName("target_port"),
				"target_port %d differs from port %d. With hostname the Service is an alias in DNS, which rewrites no port: clients dial the port that they know. Leave target_port out, or use endpoints", p.target, p.number)
		}
	}
	return name
}

// ports reads the ports. An unknown number is 0, an unknown name "".
func (r *reader) ports(ctx context.Context, list types.List) []port {
	at := path.Root("ports")
	if list.IsUnknown() {
		r.unknown = true
		return nil
	}
	var out []port
	for i, element := range list.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsUnknown() {
			r.unknown = true
			continue
		}
		var p portModel
		if d := object.As(ctx, &p, basetypes.ObjectAsOptions{}); d.HasError() || object.IsNull() {
			r.wrong(at.AtListIndex(i), "a port is null; leave it out")
			continue
		}
		out = append(out, r.port(at.AtListIndex(i), p, len(list.Elements()) > 1))
	}
	r.distinct(at, out)
	return out
}

func (r *reader) port(at path.Path, p portModel, several bool) port {
	out := port{
		name:        r.optional(at.AtName("name"), p.Name, checkPortName),
		number:      r.number(at.AtName("port"), p.Port),
		protocol:    corev1.Protocol(r.optional(at.AtName("protocol"), p.Protocol, nil)),
		appProtocol: r.optional(at.AtName("app_protocol"), p.AppProtocol, checkAppProtocol),
	}
	if several && p.Name.IsNull() {
		r.wrong(at.AtName("name"), "a Service with several ports needs a name for each")
	}
	if out.protocol == "" && !p.Protocol.IsUnknown() {
		out.protocol = corev1.ProtocolTCP
	}
	out.target = out.number
	if !p.TargetPort.IsNull() {
		out.target = r.number(at.AtName("target_port"), p.TargetPort)
	}
	return out
}

func (r *reader) optional(at path.Path, v types.String, check func(string) string) string {
	switch {
	case v.IsUnknown():
		r.unknown = true
	case !v.IsNull() && check != nil:
		if wrong := check(v.ValueString()); wrong != "" {
			r.wrong(at, "%s", wrong)
		}
	}
	return v.ValueString()
}

func (r *reader) number(at path.Path, v types.Int64) int32 {
	if v.IsUnknown() {
		r.unknown = true
		return 0
	}
	n := v.ValueInt64()
	if n < 1 || n > math.MaxUint16 {
		r.wrong(at, "%d is not a port from 1 to 65535", n)
		return 0
	}
	return int32(n)
}

// distinct makes sure that no two ports have the same name, or the same number and protocol.
func (r *reader) distinct(at path.Path, ports []port) {
	for i, p := range ports {
		for _, before := range ports[:i] {
			switch {
			case p.name != "" && p.name == before.name:
				r.wrong(at.AtListIndex(i).AtName("name"), "two ports have the name %q", p.name)
			case p.number != 0 && p.number == before.number && p.protocol != "" && p.protocol == before.protocol:
				r.wrong(at.AtListIndex(i).AtName("port"), "%s %d is there twice", p.protocol, p.number)
			}
		}
	}
}
