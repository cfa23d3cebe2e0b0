package privateingress

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`

	Class          types.String `tfsdk:"ingress_class"`
	LegacyALB      types.String `tfsdk:"legacy_alb_id"`
	Rules          types.List   `tfsdk:"rules"`
	DefaultBackend types.Object `tfsdk:"default_backend"`
	TLS            types.List   `tfsdk:"tls"`

	Labels      types.Map  `tfsdk:"labels"`
	Annotations types.Map  `tfsdk:"annotations"`
	Force       types.Bool `tfsdk:"force_conflicts"`
	Wait        types.Bool `tfsdk:"wait_for_address"`

	Address   types.String `tfsdk:"address"`
	Addresses types.List   `tfsdk:"addresses"`
	Exposure  types.String `tfsdk:"exposure"`
}

func backendType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"service_name": types.StringType, "service_port": types.StringType}}
}

func pathType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"path": types.StringType, "path_type": types.StringType, "backend": backendType()}}
}

func ruleType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"host": types.StringType, "paths": types.ListType{ElemType: pathType()}}}
}

func tlsType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"hosts": types.ListType{ElemType: types.StringType}, "secret_name": types.StringType}}
}

// imported tells whether the model is only the name of something to import: a
// state has always one of the two.
func (m *model) imported() bool { return m.Wait.IsNull() }

// holds tells whether a state is about the Ingress that is declared.
func (m *model) holds(want ingress) bool {
	return m != nil && m.Namespace.ValueString() == want.namespace && m.Name.ValueString() == want.name
}

// ingress reads the model. What is not known yet is left out, and known is
// false; the class is not waited for, because it may be found in the cluster.
func (m *model) ingress() (out ingress, known bool, problems []framework.Problem) {
	var r reader
	out = ingress{
		namespace:   r.text(path.Root("namespace"), m.Namespace, checkNamespace),
		name:        r.text(path.Root("name"), m.Name, checkName),
		labels:      r.marks(ownership.ReadLabels(path.Root("labels"), m.Labels)),
		annotations: r.marks(ownership.ReadAnnotations(path.Root("annotations"), m.Annotations)),
		rules:       r.rules(path.Root("rules"), m.Rules),
		tls:         r.certificates(path.Root("tls"), m.TLS),
		albID:       r.text(path.Root("legacy_alb_id"), m.LegacyALB, nil),
	}
	r.reserved(m.Annotations)
	if !m.DefaultBackend.IsNull() {
		b := r.backend(path.Root("default_backend"), m.DefaultBackend)
		out.fallback = &b
	}
	if m.Force.IsUnknown() {
		r.unknown = true
	}
	if !m.Class.IsUnknown() {
		out.class = r.text(path.Root("ingress_class"), m.Class, checkClass)
	}
	return out, !r.unknown, r.problems
}

// read gives the ingress of a model that is known as a whole, but for the class.
func (m *model) read() (ingress, error) {
	out, _, problems := m.ingress()
	if len(problems) > 0 {
		return ingress{}, &framework.Refusal{Problems: problems}
	}
	return out, nil
}

// declare fills an imported model with what an Ingress says, and with the
// defaults for what is not part of it.
func (m *model) declare(i ingress) {
	m.Class, m.LegacyALB = framework.StringOrNull(i.class), framework.StringOrNull(i.albID)
	m.Rules, m.TLS = ruleValues(i.rules), tlsValues(i.tls)
	m.DefaultBackend = types.ObjectNull(backendType().AttrTypes)
	if i.fallback != nil {
		m.DefaultBackend = backendValue(*i.fallback)
	}
	m.Labels, m.Annotations = ownership.StringMap(i.labels), ownership.StringMap(i.annotations)
	m.Force, m.Wait = types.BoolValue(false), types.BoolValue(true)
}

func ruleValues(rules []rule) types.List {
	if len(rules) == 0 {
		return types.ListNull(ruleType())
	}
	out := make([]attr.Value, len(rules))
	for i, r := range rules {
		paths := make([]attr.Value, len(r.paths))
		for j, p := range r.paths {
			paths[j] = types.ObjectValueMust(pathType().AttrTypes, map[string]attr.Value{
				"path": framework.StringOrNull(p.path), "path_type": types.StringValue(string(p.pathType)), "backend": backendValue(p.backend),
			})
		}
		out[i] = types.ObjectValueMust(ruleType().AttrTypes, map[string]attr.Value{
			"host": framework.StringOrNull(r.host), "paths": types.ListValueMust(pathType(), paths),
		})
	}
	return types.ListValueMust(ruleType(), out)
}

func backendValue(b backend) types.Object {
	return types.ObjectValueMust(backendType().AttrTypes, map[string]attr.Value{
		"service_name": types.StringValue(b.service), "service_port": types.StringValue(b.port),
	})
}

func tlsValues(all []certificate) types.List {
	if len(all) == 0 {
		return types.ListNull(tlsType())
	}
	out := make([]attr.Value, len(all))
	for i, c := range all {
		hosts := types.ListNull(types.StringType)
		if len(c.hosts) > 0 {
			hosts = framework.StringList(c.hosts)
		}
		out[i] = types.ObjectValueMust(tlsType().AttrTypes, map[string]attr.Value{"hosts": hosts, "secret_name": framework.StringOrNull(c.secret)})
	}
	return types.ListValueMust(tlsType(), out)
}

// observe writes down where the Ingress is reached, and who says what that is.
func (m *model) observe(addresses []string, exposure string) {
	m.Addresses, m.Address = framework.StringList(addresses), types.StringNull()
	if len(addresses) > 0 {
		m.Address = types.StringValue(addresses[0])
	}
	m.Exposure = types.StringValue(exposure)
}
