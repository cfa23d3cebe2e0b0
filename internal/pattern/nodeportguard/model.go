package nodeportguard

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Name         types.String  `tfsdk:"name"`
	Tier         types.String  `tfsdk:"tier"`
	Order        types.Float64 `tfsdk:"order"`
	EvaluateLast types.Bool    `tfsdk:"evaluate_last"`

	Roles      types.Set  `tfsdk:"host_endpoint_roles"`
	PortRanges types.List `tfsdk:"port_ranges"`
	Protocols  types.Set  `tfsdk:"protocols"`

	Sources      types.Set `tfsdk:"allowed_source_cidrs"`
	Destinations types.Set `tfsdk:"allowed_destination_cidrs"`
	Exempt       types.Set `tfsdk:"exempt_addresses"`

	WhenNone     types.String `tfsdk:"when_no_host_endpoints"`
	Acknowledged types.Set    `tfsdk:"acknowledged_load_balancer_ports"`
	SafetyChecks types.String `tfsdk:"safety_checks"`
	Force        types.Bool   `tfsdk:"force_conflicts"`

	HostEndpoints types.Int64  `tfsdk:"host_endpoints"`
	NotCovered    types.List   `tfsdk:"not_covered_ports"`
	Stale         types.List   `tfsdk:"stale_exemptions"`
	API           types.String `tfsdk:"api"`
}

// imported tells whether the model is only the name of something to import:
// what the configuration can leave out has a default, so no state lacks it.
func (m *model) imported() bool { return m.PortRanges.IsNull() }

// settings are what the model declares beside the guard itself.
type settings struct {
	guard        guard
	acknowledged map[uint16]bool
	// warnOnly turns refusals about services into warnings, noneIsFine the one
	// about host endpoints.
	warnOnly, noneIsFine bool
	force                bool
	doubt                doubt
}

// doubt says which refusals depend on what is not known yet: a plan warns
// instead, and applying, when all is known, decides.
type doubt struct {
	// services is about all refusals that safety_checks is about, openings about
	// load balancers that are cut off, none about missing host endpoints and
	// force about a policy that is somebody else's.
	services, openings, none, force bool
}

// doubt finds what is not known.
func (m *model) doubt() doubt {
	return doubt{
		services: m.SafetyChecks.IsUnknown(),
		openings: partlyUnknown(m.Destinations) || partlyUnknown(m.Exempt) || partlyUnknown(m.Acknowledged),
		none:     m.WhenNone.IsUnknown() || partlyUnknown(m.Roles),
		force:    m.Force.IsUnknown(),
	}
}

// partlyUnknown tells whether a set, or one of its elements, is not known.
func partlyUnknown(s types.Set) bool {
	return s.IsUnknown() || slices.ContainsFunc(s.Elements(), attr.Value.IsUnknown)
}

// reader turns attributes into settings. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

// settings reads the model. known is false if something that makes the policy
// is not known yet; that is left out. A null is the default, as in a
// configuration.
func (m *model) settings() (s settings, known bool, problems []framework.Problem) {
	var r reader
	s.guard = guard{
		name:         one(&r, path.Root("name"), m.Name, defaultName, checkName),
		tier:         one(&r, path.Root("tier"), m.Tier, defaultTier, checkTier),
		order:        m.order(&r),
		roles:        elements(&r, path.Root("host_endpoint_roles"), m.Roles, []string{defaultRole}, func(v string) (string, error) { return v, checkRole(v) }),
		protocols:    elements(&r, path.Root("protocols"), m.Protocols, protocols()[:2], checkProtocol),
		sources:      elements(&r, path.Root("allowed_source_cidrs"), m.Sources, nil, parseNetwork),
		destinations: elements(&r, path.Root("allowed_destination_cidrs"), m.Destinations, nil, parseNetwork),
	}
	whole, err := parsePortRange(defaultPorts)
	if err != nil {
		r.wrong(path.Root("port_ranges"), err)
	}
	s.guard.ports = portsOf(elements(&r, path.Root("port_ranges"), m.PortRanges, []portRange{whole}, parsePortRange))
	// No exemptions at all is what an edge pool without host endpoints gives,
	// and it closes more, not less.
	if len(m.Exempt.Elements()) > 0 || m.Exempt.IsUnknown() {
		s.guard.exempt = elements(&r, path.Root("exempt_addresses"), m.Exempt, nil, parseAddress)
	}
	known = !r.unknown
	s.acknowledged = m.acknowledged(&r)
	s.warnOnly = m.SafetyChecks.ValueString() == checksWarn
	s.noneIsFine = m.WhenNone.ValueString() == whenNoneWarn
	s.force = m.Force.ValueBool()
	s.doubt = m.doubt()
	return s, known, r.problems
}

func (m *model) order(r *reader) *float64 {
	at := path.Root("order")
	switch {
	case m.Order.IsUnknown() || m.EvaluateLast.IsUnknown():
		r.unknown = true
	case m.EvaluateLast.ValueBool() && !m.Order.IsNull():
		r.wrong(at, errors.New("a policy that is evaluated last has no order; leave out order, or evaluate_last"))
	case m.EvaluateLast.ValueBool():
		return nil
	case m.Order.IsNull():
		order := float64(defaultOrder)
		return &order
	case math.IsInf(m.Order.ValueFloat64(), 0) || math.IsNaN(m.Order.ValueFloat64()):
		r.wrong(at, errors.New("the order is not a finite number"))
	}
	return m.Order.ValueFloat64Pointer()
}

func (m *model) acknowledged(r *reader) map[uint16]bool {
	at := path.Root("acknowledged_load_balancer_ports")
	if !m.Acknowledged.IsNull() && !m.Acknowledged.IsUnknown() && len(m.Acknowledged.Elements()) == 0 {
		r.wrong(at, errEmpty)
	}
	out := map[uint16]bool{}
	for _, element := range m.Acknowledged.Elements() {
		port, ok := element.(types.Int64)
		if !ok || port.IsUnknown() {
			continue
		}
		if n := port.ValueInt64(); port.IsNull() || n < 1 || n > math.MaxUint16 {
			r.wrong(at.AtSetValue(element), fmt.Errorf("%s is not a port from 1 to 65535", element))
			continue
		}
		out[uint16(port.ValueInt64())] = true
	}
	return out
}

var errEmpty = errors.New("it is empty; leave it out for the default")

func (r *reader) wrong(at path.Path, err error) {
	r.problems = append(r.problems, framework.Problem{Path: at, Summary: "The guard cannot be like this", Detail: framework.Sentence(err.Error())})
}

func one(r *reader, at path.Path, v types.String, byDefault string, check func(string) error) string {
	switch {
	case v.IsUnknown():
		r.unknown = true
		return ""
	case v.IsNull():
		return byDefault
	}
	if err := check(v.ValueString()); err != nil {
		r.wrong(at, err)
	}
	return v.ValueString()
}

// collection is a list or a set.
type collection interface {
	attr.Value
	Elements() []attr.Value
}

// elements parses a collection of strings; each problem is at its element.
func elements[T any](r *reader, at path.Path, c collection, byDefault []T, parse func(string) (T, error)) []T {
	switch {
	case c.IsUnknown():
		r.unknown = true
		return nil
	case c.IsNull():
		return byDefault
	case len(c.Elements()) == 0:
		r.wrong(at, errEmpty)
	}
	_, listed := c.(types.List)
	var out []T
	for i, element := range c.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			r.unknown = true
			continue
		}
		where := at.AtSetValue(element)
		if listed {
			where = at.AtListIndex(i)
		}
		parsed, err := parse(value.ValueString())
		switch {
		case value.IsNull():
			r.wrong(where, errors.New("it is null"))
		case err != nil:
			r.wrong(where, err)
		default:
			out = append(out, parsed)
		}
	}
	return out
}

// longestName leaves room for the prefix "default." that Calico stores.
const longestName = 244

func checkName(name string) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a policy: %s", name, strings.Join(wrong, "; "))
	}
	if _, after, dotted := strings.Cut(name, "."); dotted {
		return fmt.Errorf("%q has a dot, and what stands before one is the tier for Calico; write %q, and the tier in `tier`", name, after)
	}
	if len(name) > longestName {
		return fmt.Errorf("the name has %d characters, a policy's can have %d", len(name), longestName)
	}
	if calico.IsIBMs(name) {
		return fmt.Errorf("%q is the name of one of IBM's own policies, which are never touched", name)
	}
	return nil
}

func checkTier(tier string) error {
	if wrong := validation.IsDNS1123Label(tier); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a tier: %s", tier, strings.Join(wrong, "; "))
	}
	return nil
}

func checkProtocol(name string) (string, error) {
	if slices.Contains(protocols(), name) {
		return name, nil
	}
	return "", fmt.Errorf("%q is not one of %s", name, strings.Join(protocols(), ", "))
}

// declare fills an imported model with what the policy says, and with the
// defaults for what is not part of it.
func (m *model) declare(g guard) {
	m.Name, m.Tier = types.StringValue(g.name), types.StringValue(g.tier)
	m.Order, m.EvaluateLast = types.Float64PointerValue(g.order), types.BoolValue(g.order == nil)
	m.Roles, m.Protocols = stringSet(g.roles), stringSet(g.protocols)
	m.PortRanges = framework.StringList(g.ports.texts())
	m.Sources, m.Destinations = stringSet(texts(g.sources)), stringSet(texts(g.destinations))
	m.Exempt = stringSet(texts(g.exempt))
	m.Acknowledged = types.SetNull(types.Int64Type)
	m.WhenNone, m.SafetyChecks = types.StringValue(whenNoneError), types.StringValue(checksEnforce)
	m.Force = types.BoolValue(false)
}

// stringSet makes a set; nothing gives null.
func stringSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	return set(values...)
}

// observe writes down what was found in the cluster, and the order where an
// older state leaves it to the default.
func (m *model) observe(s scene, g guard, stale []netip.Addr) {
	if m.Order.IsNull() {
		m.Order = defaultOrderUnless(m.EvaluateLast)
	}
	m.HostEndpoints = types.Int64Value(int64(s.matching(g)))
	m.NotCovered = framework.StringList(s.notCovered(g))
	m.Stale = framework.StringList(texts(stale))
	m.API = types.StringValue(s.api)
}

// key is the name that the policy has in Calico.
func (m *model) key() string { return calico.PolicyName(m.Tier.ValueString(), m.Name.ValueString()) }

// locate splits the name in an import ID, which has the tier before a dot
// where that is not the default one.
func (m *model) locate() {
	tier, name, tiered := strings.Cut(m.Name.ValueString(), ".")
	if !tiered {
		tier, name = defaultTier, tier
	}
	m.Tier, m.Name = types.StringValue(tier), types.StringValue(name)
}
