package privateservice

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`
	Selector  types.Map    `tfsdk:"selector"`
	Ports     types.List   `tfsdk:"ports"`

	LoadBalancerIP types.String `tfsdk:"load_balancer_ip"`
	Zone           types.String `tfsdk:"zone"`
	VLAN           types.String `tfsdk:"vlan_id"`
	NLBVersion     types.String `tfsdk:"nlb_version"`
	Scheduler      types.String `tfsdk:"scheduler"`
	VPC            types.Object `tfsdk:"vpc"`

	ExternalPolicy  types.String `tfsdk:"external_traffic_policy"`
	InternalPolicy  types.String `tfsdk:"internal_traffic_policy"`
	SessionAffinity types.String `tfsdk:"session_affinity"`
	SourceRanges    types.Set    `tfsdk:"source_ranges"`
	Labels          types.Map    `tfsdk:"labels"`
	Annotations     types.Map    `tfsdk:"annotations"`

	Wait  types.Bool `tfsdk:"wait_for_load_balancer"`
	Force types.Bool `tfsdk:"force_conflicts"`

	IP       types.String `tfsdk:"ip"`
	Hostname types.String `tfsdk:"hostname"`
	Exposure types.String `tfsdk:"exposure"`
}

// imported tells whether the model is only the name of something to import:
// every Service that is declared has ports.
func (m *model) imported() bool { return m.Ports.IsNull() }

// title is how the Service is called in sentences.
func (m *model) title() string {
	return fmt.Sprintf("Service %s/%s", m.Namespace.ValueString(), m.Name.ValueString())
}

// reader turns attributes into a declaration. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

func (r *reader) wrong(at path.Path, format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	r.problems = append(r.problems, framework.Problem{
		Path: at, Summary: "The Service cannot be like this", Detail: strings.ToUpper(text[:1]) + text[1:] + ".",
	})
}

// declaration reads the model. known is false if something is not known yet;
// that is left out. A null is the default, as in a configuration.
func (m *model) declaration() (d declaration, known bool, problems []framework.Problem) {
	var r reader
	d = declaration{
		namespace:       r.text(path.Root("namespace"), m.Namespace, defaultNamespace, checkNamespace),
		name:            r.text(path.Root("name"), m.Name, "", checkServiceName),
		selector:        r.pairs(path.Root("selector"), m.Selector, checkLabel),
		ports:           r.ports(path.Root("ports"), m.Ports),
		loadBalancerIP:  r.text(path.Root("load_balancer_ip"), m.LoadBalancerIP, "", checkAddress),
		zone:            r.text(path.Root("zone"), m.Zone, "", checkWord),
		vlan:            r.text(path.Root("vlan_id"), m.VLAN, "", checkVLAN),
		nlbVersion:      r.text(path.Root("nlb_version"), m.NLBVersion, "", checkNothing),
		scheduler:       r.text(path.Root("scheduler"), m.Scheduler, "", checkNothing),
		vpc:             r.vpc(path.Root("vpc"), m.VPC),
		externalPolicy:  r.text(path.Root("external_traffic_policy"), m.ExternalPolicy, policyCluster, checkNothing),
		internalPolicy:  r.text(path.Root("internal_traffic_policy"), m.InternalPolicy, policyCluster, checkNothing),
		sessionAffinity: r.text(path.Root("session_affinity"), m.SessionAffinity, affinityNone, checkNothing),
		sourceRanges:    r.texts(path.Root("source_ranges"), m.SourceRanges, checkNetwork),
		labels:          r.labels(path.Root("labels"), m.Labels),
		annotations:     r.pairs(path.Root("annotations"), m.Annotations, checkAnnotation),
		wait:            m.Wait.IsNull() || m.Wait.ValueBool(),
		force:           m.Force.ValueBool(),
	}
	r.together(m, d)
	return d, !r.unknown, r.problems
}

// read gives the declaration of a model that is known as a whole.
func (m *model) read() (declaration, error) {
	d, _, problems := m.declaration()
	if len(problems) > 0 {
		return declaration{}, &framework.Refusal{Problems: problems}
	}
	return d, nil
}

func (r *reader) text(at path.Path, v types.String, byDefault string, check func(string) error) string {
	switch {
	case v.IsUnknown():
		r.unknown = true
		return ""
	case v.IsNull():
		return byDefault
	}
	if err := check(v.ValueString()); err != nil {
		r.wrong(at, "%s", err)
	}
	return v.ValueString()
}

// number reads a number within bounds, 0 for none.
func (r *reader) number(at path.Path, v types.Int64, least, most int64) int64 {
	switch n := v.ValueInt64(); {
	case v.IsUnknown():
		r.unknown = true
	case v.IsNull():
	case n < least || n > most:
		r.wrong(at, "%d is not from %d to %d", n, least, most)
	default:
		return n
	}
	return 0
}

// texts reads a set of strings. Null gives nil, an empty one is an error.
func (r *reader) texts(at path.Path, v types.Set, check func(string) error) []string {
	switch {
	case v.IsUnknown():
		r.unknown = true
		return nil
	case !v.IsNull() && len(v.Elements()) == 0:
		r.wrong(at, "it is empty; leave it out for none")
	}
	var out []string
	for _, element := range v.Elements() {
		value, _ := element.(types.String)
		where := at.AtSetValue(element)
		switch {
		case value.IsUnknown():
			r.unknown = true
			continue
		case value.IsNull():
			r.wrong(where, "it is null")
			continue
		}
		if err := check(value.ValueString()); err != nil {
			r.wrong(where, "%s", err)
		}
		out = append(out, value.ValueString())
	}
	return out
}

// labels reads the labels that the user declares.
func (r *reader) labels(at path.Path, v types.Map) map[string]string {
	out, known, problems := ownership.ReadLabels(at, v)
	r.unknown = r.unknown || !known
	r.problems = append(r.problems, problems...)
	return out
}

// pairs reads a map of strings.
func (r *reader) pairs(at path.Path, v types.Map, check func(key, value string) error) map[string]string {
	if v.IsUnknown() {
		r.unknown = true
		return nil
	}
	out := map[string]string{}
	for key, element := range v.Elements() {
		value, _ := element.(types.String)
		where := at.AtMapKey(key)
		if value.IsNull() {
			r.wrong(where, "it is null")
			continue
		}
		if err := check(key, value.ValueString()); err != nil {
			r.wrong(where, "%s", err)
		}
		if value.IsUnknown() {
			r.unknown = true
			continue
		}
		out[key] = value.ValueString()
	}
	return out
}

func (r *reader) ports(at path.Path, v types.List) []port {
	if v.IsUnknown() {
		r.unknown = true
		return nil
	}
	var out []port
	for i, element := range v.Elements() {
		o, _ := element.(types.Object)
		if o.IsUnknown() {
			r.unknown = true
			continue
		}
		out = append(out, r.port(at.AtListIndex(i), o))
	}
	return out
}

func (r *reader) port(at path.Path, o types.Object) port {
	p := port{
		name:        r.text(at.AtName("name"), field[types.String](o, "name"), "", checkPortName),
		port:        int32(r.number(at.AtName("port"), field[types.Int64](o, "port"), 1, 65535)),
		protocol:    corev1.Protocol(r.text(at.AtName("protocol"), field[types.String](o, "protocol"), protocolTCP, checkNothing)),
		nodePort:    int32(r.number(at.AtName("node_port"), field[types.Int64](o, "node_port"), firstNodePort, lastNodePort)),
		appProtocol: r.text(at.AtName("app_protocol"), field[types.String](o, "app_protocol"), "", checkAppProtocol),
	}
	p.target = intstr.FromInt32(p.port)
	if text := r.text(at.AtName("target_port"), field[types.String](o, "target_port"), "", checkTarget); text != "" {
		p.target = intstr.Parse(text)
	}
	return p
}

// vpc reads the VPC's settings; nil for none.
func (r *reader) vpc(at path.Path, o types.Object) *vpcSettings {
	switch {
	case o.IsUnknown():
		r.unknown = true
		return nil
	case o.IsNull():
		return nil
	}
	v := &vpcSettings{
		features:       r.texts(at.AtName("features"), field[types.Set](o, "features"), checkNothing),
		subnets:        r.texts(at.AtName("subnets"), field[types.Set](o, "subnets"), checkWord),
		securityGroups: r.texts(at.AtName("security_groups"), field[types.Set](o, "security_groups"), checkWord),
		name:           r.text(at.AtName("name"), field[types.String](o, "name"), "", checkBalancerName),
		idleTimeout:    r.number(at.AtName("idle_timeout"), field[types.Int64](o, "idle_timeout"), 50, 7200),
	}
	at, h := at.AtName("health_check"), field[types.Object](o, "health_check")
	if h.IsUnknown() {
		r.unknown = true
	}
	if h.IsUnknown() || h.IsNull() {
		return v
	}
	v.health = healthCheck{
		protocol: r.text(at.AtName("protocol"), field[types.String](h, "protocol"), "", checkNothing),
		path:     r.text(at.AtName("path"), field[types.String](h, "path"), "", checkURLPath),
		port:     r.number(at.AtName("port"), field[types.Int64](h, "port"), 1, 65535),
		delay:    r.number(at.AtName("delay"), field[types.Int64](h, "delay"), 2, 60),
		timeout:  r.number(at.AtName("timeout"), field[types.Int64](h, "timeout"), 1, 59),
		retries:  r.number(at.AtName("retries"), field[types.Int64](h, "retries"), 1, 10),
		udpPort:  r.number(at.AtName("udp_port"), field[types.Int64](h, "udp_port"), 1, 65535),
	}
	return v
}

// field is an attribute of an object; null if the object is.
func field[T attr.Value](o types.Object, name string) T {
	value, _ := o.Attributes()[name].(T)
	return value
}

// observe writes down which addresses the load balancer has, and how they are exposed.
func (m *model) observe(a addresses, v verdict) {
	m.IP, m.Hostname = framework.StringOrNull(a.ip()), framework.StringOrNull(a.hostname())
	m.Exposure = types.StringValue(string(v.exposure))
}

// portText is a target port as it is written in a configuration.
func portText(target intstr.IntOrString, port int32) string {
	if target.Type == intstr.Int && target.IntVal == 0 {
		return strconv.Itoa(int(port))
	}
	return target.String()
}
