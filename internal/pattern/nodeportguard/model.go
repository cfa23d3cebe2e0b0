package nodeportguard

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
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
	// load balancers that are cut off, none about missing host endpoints, force
	// about a policy that is somebody else's and place about when it is evaluated.
	services, openings, none, force, place bool
}

// doubt finds what is not known.
func (m *model) doubt() doubt {
	return doubt{
		services: m.SafetyChecks.IsUnknown(),
		openings: hostguard.PartlyUnknown(m.Destinations) || hostguard.PartlyUnknown(m.Exempt) || hostguard.PartlyUnknown(m.Acknowledged),
		none:     m.WhenNone.IsUnknown() || hostguard.PartlyUnknown(m.Roles),
		force:    m.Force.IsUnknown(),
		place:    m.Order.IsUnknown() || m.EvaluateLast.IsUnknown() || m.Tier.IsUnknown() || m.Name.IsUnknown() || hostguard.PartlyUnknown(m.Roles),
	}
}

// settings reads the model. known is false if something that makes the policy
// is not known yet; that is left out. A null is the default, as in a
// configuration.
func (m *model) settings() (s settings, known bool, problems []framework.Problem) {
	var r hostguard.Reader
	s.guard = guard{
		name:         hostguard.One(&r, path.Root("name"), m.Name, defaultName, checkName),
		tier:         hostguard.One(&r, path.Root("tier"), m.Tier, defaultTier, checkTier),
		order:        m.order(&r),
		roles:        hostguard.Elements(&r, path.Root("host_endpoint_roles"), m.Roles, []string{hostguard.DefaultRole}, hostguard.CheckRoleOf),
		protocols:    hostguard.Elements(&r, path.Root("protocols"), m.Protocols, hostguard.Protocols()[:2], hostguard.CheckProtocol),
		sources:      hostguard.Elements(&r, path.Root("allowed_source_cidrs"), m.Sources, nil, hostguard.ParseNetwork),
		destinations: hostguard.Elements(&r, path.Root("allowed_destination_cidrs"), m.Destinations, nil, hostguard.ParseNetwork),
	}
	whole, err := hostguard.ParsePortRange(defaultPorts)
	if err != nil {
		r.Wrong(path.Root("port_ranges"), err)
	}
	s.guard.ports = hostguard.PortsOf(hostguard.Elements(&r, path.Root("port_ranges"), m.PortRanges, []hostguard.PortRange{whole}, hostguard.ParsePortRange))
	// No exemptions at all is what an edge pool without host endpoints gives,
	// and it closes more, not less.
	if len(m.Exempt.Elements()) > 0 || m.Exempt.IsUnknown() {
		s.guard.exempt = hostguard.Elements(&r, path.Root("exempt_addresses"), m.Exempt, nil, parseAddress)
	}
	known = !r.Unknown
	s.acknowledged = m.acknowledged(&r)
	s.warnOnly = m.SafetyChecks.ValueString() == hostguard.ChecksWarn
	s.noneIsFine = m.WhenNone.ValueString() == hostguard.WhenNoneWarn
	s.force = m.Force.ValueBool()
	s.doubt = m.doubt()
	return s, known, r.Problems
}

func (m *model) order(r *hostguard.Reader) *float64 {
	at := path.Root("order")
	switch {
	case m.Order.IsUnknown() || m.EvaluateLast.IsUnknown():
		r.Unknown = true
	case m.EvaluateLast.ValueBool() && !m.Order.IsNull():
		r.Wrong(at, errors.New("a policy that is evaluated last has no order; leave out order, or evaluate_last"))
	case m.EvaluateLast.ValueBool():
		return nil
	case m.Order.IsNull():
		order := float64(defaultOrder)
		return &order
	case math.IsInf(m.Order.ValueFloat64(), 0) || math.IsNaN(m.Order.ValueFloat64()):
		r.Wrong(at, errors.New("the order is not a finite number"))
	}
	return m.Order.ValueFloat64Pointer()
}

func (m *model) acknowledged(r *hostguard.Reader) map[uint16]bool {
	at := path.Root("acknowledged_load_balancer_ports")
	if !m.Acknowledged.IsNull() && !m.Acknowledged.IsUnknown() && len(m.Acknowledged.Elements()) == 0 {
		r.Wrong(at, hostguard.ErrEmpty)
	}
	out := map[uint16]bool{}
	for _, element := range m.Acknowledged.Elements() {
		port, ok := element.(types.Int64)
		if !ok || port.IsUnknown() {
			continue
		}
		if n := port.ValueInt64(); port.IsNull() || n < 1 || n > math.MaxUint16 {
			r.Wrong(at.AtSetValue(element), fmt.Errorf("%s is not a port from 1 to 65535", element))
			continue
		}
		out[uint16(port.ValueInt64())] = true
	}
	return out
}

func checkName(name string) error { return hostguard.CheckName(name, 0) }

func checkTier(tier string) error {
	if wrong := validation.IsDNS1123Label(tier); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a tier: %s", tier, strings.Join(wrong, "; "))
	}
	return nil
}

// declare fills an imported model with what the policy says, and with the
// defaults for what is not part of it.
func (m *model) declare(g guard) {
	m.Name, m.Tier = types.StringValue(g.name), types.StringValue(g.tier)
	m.Order, m.EvaluateLast = types.Float64PointerValue(g.order), types.BoolValue(g.order == nil)
	m.Roles, m.Protocols = hostguard.StringSet(g.roles), hostguard.StringSet(g.protocols)
	m.PortRanges = framework.StringList(g.ports.Texts())
	m.Sources, m.Destinations = hostguard.StringSet(hostguard.Texts(g.sources)), hostguard.StringSet(hostguard.Texts(g.destinations))
	m.Exempt = hostguard.StringSet(hostguard.Texts(g.exempt))
	m.Acknowledged = types.SetNull(types.Int64Type)
	m.WhenNone, m.SafetyChecks = types.StringValue(hostguard.WhenNoneError), types.StringValue(hostguard.ChecksEnforce)
	m.Force = types.BoolValue(false)
}

// observe writes down what was found in the cluster, and the order where an
// older state leaves it to the default.
func (m *model) observe(s scene, g guard, stale []netip.Addr) {
	if m.Order.IsNull() {
		m.Order = defaultOrderUnless(m.EvaluateLast)
	}
	m.HostEndpoints = types.Int64Value(int64(s.Matching(g.roles)))
	m.NotCovered = framework.StringList(s.notCovered(g))
	m.Stale = framework.StringList(hostguard.Texts(stale))
	m.API = types.StringValue(s.API)
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
