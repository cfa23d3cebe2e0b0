package networkpolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// model is the resource as Terraform has it. Rules are not decoded into
// structs: what reflection costs for each of them, in each of the steps of a
// plan, is most of what a plan of many policies costs.
type model struct {
	framework.Common

	Name      types.String  `tfsdk:"name"`
	Namespace types.String  `tfsdk:"namespace"`
	Tier      types.String  `tfsdk:"tier"`
	Order     types.Float64 `tfsdk:"order"`

	Selector               types.String `tfsdk:"selector"`
	NamespaceSelector      types.String `tfsdk:"namespace_selector"`
	ServiceAccountSelector types.String `tfsdk:"service_account_selector"`
	Types                  types.Set    `tfsdk:"types"`

	Ingress types.List `tfsdk:"ingress"`
	Egress  types.List `tfsdk:"egress"`

	ApplyOnForward types.Bool   `tfsdk:"apply_on_forward"`
	PreDNAT        types.Bool   `tfsdk:"pre_dnat"`
	DoNotTrack     types.Bool   `tfsdk:"do_not_track"`
	Acknowledge    types.Set    `tfsdk:"acknowledge"`
	Force          types.Bool   `tfsdk:"force_conflicts"`
	API            types.String `tfsdk:"api"`
}

// The types of a rule, of its ICMP match and of its source and destination.
func ruleType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"action": types.StringType, "protocol": types.StringType, "not_protocol": types.StringType, "ip_version": types.Int64Type,
		"icmp": icmpType(), "source": entityType(), "destination": entityType(),
	}}
}

func icmpType() types.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"type": types.Int64Type, "code": types.Int64Type}}
}

func entityType() types.ObjectType {
	list := types.ListType{ElemType: types.StringType}
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"nets": list, "not_nets": list, "ports": list, "not_ports": list,
		"selector": types.StringType, "not_selector": types.StringType, "namespace_selector": types.StringType,
	}}
}

// imported tells whether the model is only the name of something to import: no
// state lacks a selector.
func (m *model) imported() bool { return m.Selector.IsNull() }

// locate splits the name in an import ID, which has the tier before a dot
// where that is not the default one.
func (m *model) locate() {
	tier, name, tiered := strings.Cut(m.Name.ValueString(), ".")
	if !tiered {
		tier, name = defaultTier, tier
	}
	m.Tier, m.Name = types.StringValue(tier), types.StringValue(name)
}

// key is the name that the policy has in Calico, "" if it is not known yet.
func (m *model) key() string {
	if m.Name.IsUnknown() || m.Tier.IsUnknown() {
		return ""
	}
	return calico.PolicyName(m.Tier.ValueString(), m.Name.ValueString())
}

// stands tells whether two models are about the same object of the cluster.
func (m *model) stands(other *model) bool {
	return other != nil && m.key() == other.key() && m.Namespace.Equal(other.Namespace)
}

// read gives the policy of a model that is known as a whole.
func (m *model) read() (declared, error) {
	d, _, problems := m.declared()
	problems = slices.DeleteFunc(problems, func(p framework.Problem) bool { return p.Warning })
	if len(problems) > 0 {
		return declared{}, &framework.Refusal{Problems: problems}
	}
	return d, nil
}

// declared reads the model. known is false if something that makes the policy
// is not known yet; that is left out. A null is the default, as in a
// configuration. Problems may be warnings.
func (m *model) declared() (d declared, known bool, problems []framework.Problem) {
	var r reader
	d = declared{
		namespace: r.text(path.Root("namespace"), m.Namespace),
		spec: calico.Spec{
			Tier:     r.text(path.Root("tier"), m.Tier),
			Selector: r.text(path.Root("selector"), m.Selector),

			NamespaceSelector:      r.text(path.Root("namespace_selector"), m.NamespaceSelector),
			ServiceAccountSelector: r.text(path.Root("service_account_selector"), m.ServiceAccountSelector),

			Ingress: r.rules(path.Root("ingress"), m.Ingress),
			Egress:  r.rules(path.Root("egress"), m.Egress),
			PreDNAT: r.flag(m.PreDNAT), DoNotTrack: r.flag(m.DoNotTrack), ApplyOnForward: r.flag(m.ApplyOnForward),
		},
		force: m.Force.ValueBool(),
	}
	d.spec.Types = r.policyTypes(m.Types)
	d.spec = calico.Defaulted(d.spec)
	d.key = r.name(m)
	d.spec.Order = r.order(m.Order)
	d.acknowledged = r.acknowledged(m.Acknowledge)
	known = !r.unknown
	if len(r.problems) == 0 {
		r.check(m, d)
	}
	shape := []attr.Value{m.Ingress, m.Egress, m.Types, m.PreDNAT, m.DoNotTrack, m.ApplyOnForward, m.Tier, m.Acknowledge}
	shape = append(append(shape, m.Types.Elements()...), m.Acknowledge.Elements()...)
	if !slices.ContainsFunc(shape, attr.Value.IsUnknown) {
		r.problems = append(r.problems, d.hazards()...)
	}
	return d, known, r.problems
}

func (r *reader) flag(b types.Bool) bool {
	r.unknown = r.unknown || b.IsUnknown()
	return b.ValueBool()
}

func (r *reader) order(order types.Float64) *float64 {
	switch {
	case order.IsUnknown():
		r.unknown = true
		return nil
	case order.IsNull():
		return nil
	}
	if err := checkOrder(order.ValueFloat64()); err != nil {
		r.wrong(path.Root("order"), err)
	}
	return order.ValueFloat64Pointer()
}

// name reads the name and the tier, and gives the policy's key.
func (r *reader) name(m *model) string {
	name := r.text(path.Root("name"), m.Name)
	if m.Name.IsUnknown() || m.Tier.IsUnknown() || name == "" {
		return ""
	}
	tier := defaultTier
	if text := m.Tier.ValueString(); text != "" {
		tier = text
		if err := checkLabel("tier", tier); err != nil {
			r.wrong(path.Root("tier"), err)
		}
	}
	if err := checkName(strings.TrimPrefix(name, tier+".")); err != nil {
		r.wrong(path.Root("name"), err)
	}
	if namespace := m.Namespace.ValueString(); namespace != "" {
		if err := checkLabel("namespace", namespace); err != nil {
			r.wrong(path.Root("namespace"), err)
		}
	}
	if m.Namespace.IsNull() && calico.IsIBMs(name) {
		r.wrong(path.Root("name"), fmt.Errorf("%q is the name of one of IBM's own policies, which are never touched", name))
	}
	return calico.PolicyName(tier, name)
}

// policyTypes reads the set of types, in one order.
func (r *reader) policyTypes(set types.Set) []v3.PolicyType {
	var out []v3.PolicyType
	for _, text := range r.words(path.Root("types"), set, []string{string(v3.PolicyTypeIngress), string(v3.PolicyTypeEgress)}) {
		out = append(out, v3.PolicyType(text))
	}
	return out
}

func (r *reader) acknowledged(set types.Set) map[string]bool {
	out := map[string]bool{}
	for _, word := range r.words(path.Root("acknowledge"), set, hazards()) {
		out[word] = true
	}
	return out
}

// words reads a set of some of the words that there are, and gives those in
// their own order.
func (r *reader) words(at path.Path, set types.Set, all []string) []string {
	if set.IsUnknown() {
		r.unknown = true
		return nil
	}
	if !set.IsNull() && len(set.Elements()) == 0 {
		r.wrong(at, errEmpty)
	}
	there := map[string]bool{}
	for _, element := range set.Elements() {
		word, ok := element.(types.String)
		switch {
		case !ok || word.IsUnknown():
			r.unknown = true
		case !slices.Contains(all, word.ValueString()):
			r.wrong(at, fmt.Errorf("%q is not one of %s", word.ValueString(), strings.Join(all, ", ")))
		}
		there[word.ValueString()] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(word string) bool { return !there[word] })
}

// declare fills an imported model with what the policy says, and with the
// defaults for what is not part of it.
func (m *model) declare(spec calico.Spec) {
	spec = calico.Defaulted(spec)
	m.Order = types.Float64PointerValue(spec.Order)
	m.Selector = textValue(spec.Selector)
	if m.Selector.IsNull() {
		m.Selector = types.StringValue("all()")
	}
	m.NamespaceSelector, m.ServiceAccountSelector = textValue(spec.NamespaceSelector), textValue(spec.ServiceAccountSelector)
	m.Types = typesValue(spec.Types)
	m.Ingress, m.Egress = rulesValue(spec.Ingress), rulesValue(spec.Egress)
	m.ApplyOnForward, m.PreDNAT, m.DoNotTrack = types.BoolValue(spec.ApplyOnForward), types.BoolValue(spec.PreDNAT), types.BoolValue(spec.DoNotTrack)
	m.Acknowledge = types.SetNull(types.StringType)
	m.Force = types.BoolValue(false)
}

func typesValue(list []v3.PolicyType) types.Set {
	var elements []attr.Value
	for _, t := range list {
		elements = append(elements, types.StringValue(string(t)))
	}
	return types.SetValueMust(types.StringType, elements)
}
