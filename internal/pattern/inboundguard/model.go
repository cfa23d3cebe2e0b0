package inboundguard

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Name  types.String  `tfsdk:"name"`
	Order types.Float64 `tfsdk:"order"`
	Roles types.Set     `tfsdk:"host_endpoint_roles"`

	Sources    types.Set  `tfsdk:"pass_source_cidrs"`
	Pass       types.List `tfsdk:"pass"`
	Monitors   types.Set  `tfsdk:"ingress_health_monitors"`
	Management types.Bool `tfsdk:"pass_worker_management"`
	Balancers  types.List `tfsdk:"ipvs_load_balancers"`
	Log        types.List `tfsdk:"log"`

	WhenNone     types.String `tfsdk:"when_no_host_endpoints"`
	SafetyChecks types.String `tfsdk:"safety_checks"`
	Force        types.Bool   `tfsdk:"force_conflicts"`

	HostEndpoints types.Int64  `tfsdk:"host_endpoints"`
	NotCovered    types.List   `tfsdk:"not_covered_ports"`
	API           types.String `tfsdk:"api"`
}

// imported tells whether the model is only the name of something to import:
// roles have a default, so no state lacks them.
func (m *model) imported() bool { return m.Roles.IsNull() }

// settings are what the model declares beside the guard itself.
type settings struct {
	guard guard
	// warnOnly turns refusals about services and other policies into warnings,
	// noneIsFine the one about host endpoints.
	warnOnly, noneIsFine bool
	force                bool
	doubt                doubt
}

// doubt says which refusals depend on what is not known yet: a plan warns
// instead, and applying, when all is known, decides.
type doubt struct {
	// checks is about all refusals that safety_checks is about, none about missing
	// host endpoints, force about a policy that is somebody else's, place about
	// when the guard is evaluated, and passes about what it passes and lists.
	checks, none, force, place, passes bool
}

func (m *model) doubt() doubt {
	return doubt{
		checks: m.SafetyChecks.IsUnknown(),
		none:   m.WhenNone.IsUnknown() || hostguard.PartlyUnknown(m.Roles),
		force:  m.Force.IsUnknown(),
		place:  m.Order.IsUnknown() || m.Name.IsUnknown() || hostguard.PartlyUnknown(m.Roles),
	}
}

// settings reads the model. known is false if something that makes the policies
// is not known yet; that is left out. A null is the default, as in a
// configuration.
func (m *model) settings() (s settings, known bool, problems []framework.Problem) {
	var r hostguard.Reader
	s.guard = guard{
		name:       hostguard.One(&r, path.Root("name"), m.Name, defaultName, checkName),
		order:      r.Finite(path.Root("order"), m.Order, defaultOrder),
		roles:      hostguard.Elements(&r, path.Root("host_endpoint_roles"), m.Roles, []string{hostguard.DefaultRole}, hostguard.CheckRoleOf),
		management: m.Management.IsNull() || m.Management.ValueBool(),
	}
	s.doubt = m.doubt()
	s.doubt.passes = m.passes(&r, &s.guard)
	if m.Management.IsUnknown() {
		r.Unknown = true
	}
	s.warnOnly = m.SafetyChecks.ValueString() == hostguard.ChecksWarn
	s.noneIsFine = m.WhenNone.ValueString() == hostguard.WhenNoneWarn
	s.force = m.Force.ValueBool()
	return s, !r.Unknown, r.Problems
}

// passes reads what passes and which load balancers are listed. unknown tells
// that not all of it is known.
func (m *model) passes(r *hostguard.Reader, g *guard) (unknown bool) {
	var own hostguard.Reader
	g.sources = hostguard.Elements(&own, path.Root("pass_source_cidrs"), m.Sources, nil, hostguard.ParseNetwork)
	switch at := path.Root("ingress_health_monitors"); {
	case m.Monitors.IsNull():
		g.monitors = hostguard.NetworksFrom(documentedMonitors())
	case m.Monitors.IsUnknown() || len(m.Monitors.Elements()) > 0: // none at all closes more, not less
		g.monitors = hostguard.Elements(&own, at, m.Monitors, nil, hostguard.ParseNetwork)
	}
	g.passes = traffics(&own, path.Root("pass"), m.Pass, func(t traffic) error {
		if t.everything() {
			return errors.New("it passes everything; say what may come in with source_cidrs, destination_cidrs or ports")
		}
		return nil
	})
	g.logs = traffics(&own, path.Root("log"), m.Log, func(t traffic) error {
		if len(t.ports)+len(t.sources) == 0 {
			return errors.New("it names neither ports nor sources, and Calico writes a line for every new connection, without a limit")
		}
		return nil
	})
	g.balancers = balancers(&own, m.Balancers)
	if open := g.openBalancers(); len(open) > 0 && !own.Unknown && len(own.Problems) == 0 {
		own.Wrong(path.Root("ipvs_load_balancers"), fmt.Errorf("`pass` has anybody come in at %s, so there is nothing to close; take it out here, or name the source_cidrs there", strings.Join(open, ", ")))
	}
	r.Problems = append(r.Problems, own.Problems...)
	r.Unknown = r.Unknown || own.Unknown
	return own.Unknown
}

// objects reads a list of objects, each that is known as a whole; each problem
// is at its element.
func objects[T any](r *hostguard.Reader, at path.Path, list types.List, parse func(one *hostguard.Reader, at path.Path, fields map[string]attr.Value) T) []T {
	switch {
	case list.IsUnknown():
		r.Unknown = true
		return nil
	case !list.IsNull() && len(list.Elements()) == 0:
		r.Wrong(at, hostguard.ErrEmpty)
	}
	var out []T
	for i, element := range list.Elements() {
		object, ok := element.(types.Object)
		switch {
		case !ok || object.IsUnknown():
			r.Unknown = true
			continue
		case object.IsNull():
			r.Wrong(at.AtListIndex(i), hostguard.ErrNull)
			continue
		}
		var one hostguard.Reader
		parsed := parse(&one, at.AtListIndex(i), object.Attributes())
		r.Problems = append(r.Problems, one.Problems...)
		r.Unknown = r.Unknown || one.Unknown
		if !one.Unknown && len(one.Problems) == 0 {
			out = append(out, parsed)
		}
	}
	return out
}

func traffics(r *hostguard.Reader, at path.Path, list types.List, check func(traffic) error) []traffic {
	return objects(r, at, list, func(one *hostguard.Reader, at path.Path, fields map[string]attr.Value) traffic {
		t := traffic{
			sources:      hostguard.Elements(one, at.AtName("source_cidrs"), set(fields, "source_cidrs"), nil, hostguard.ParseNetwork),
			destinations: hostguard.Elements(one, at.AtName("destination_cidrs"), set(fields, "destination_cidrs"), nil, hostguard.ParseNetwork),
			protocol:     protocolOf(one, at, fields),
			ports:        portsOf(one, at, fields),
		}
		if one.Unknown || len(one.Problems) > 0 {
			return t
		}
		if len(t.ports) > 0 && t.protocol == "" {
			one.Wrong(at.AtName("ports"), errors.New("ports belong to a protocol; name it as well"))
		} else if err := check(t); err != nil {
			one.Wrong(at, err)
		}
		return t
	})
}

func balancers(r *hostguard.Reader, list types.List) []balancer {
	return merged(objects(r, path.Root("ipvs_load_balancers"), list, func(one *hostguard.Reader, at path.Path, fields map[string]attr.Value) balancer {
		b := balancer{protocol: protocolOf(one, at, fields), ports: portsOf(one, at, fields)}
		address, _ := fields["address"].(types.String)
		hostguard.One(one, at.AtName("address"), address, "", func(text string) (err error) {
			b.address, err = hostguard.ParseAddress(text)
			return err
		})
		if !one.Unknown && len(one.Problems) == 0 && (!b.address.IsValid() || b.protocol == "" || len(b.ports) == 0) {
			one.Wrong(at, errors.New("it needs an address, a protocol and ports"))
		}
		return b
	}))
}

func set(fields map[string]attr.Value, name string) types.Set {
	value, _ := fields[name].(types.Set)
	return value
}

func protocolOf(r *hostguard.Reader, at path.Path, fields map[string]attr.Value) string {
	value, _ := fields["protocol"].(types.String)
	return hostguard.One(r, at.AtName("protocol"), value, "", func(name string) error {
		_, err := hostguard.CheckProtocol(name)
		return err
	})
}

func portsOf(r *hostguard.Reader, at path.Path, fields map[string]attr.Value) hostguard.Ports {
	return hostguard.PortsOf(hostguard.Elements(r, at.AtName("ports"), set(fields, "ports"), nil, hostguard.ParsePortRange))
}

func checkName(name string) error {
	if strings.Contains(name, ".") {
		return fmt.Errorf("%q has a dot, and what stands before one is the tier for Calico; an inbound guard is in the default tier", name)
	}
	return hostguard.CheckName(name, len(ipvsSuffix))
}

// read gives the settings of a model that is known as a whole.
func (m *model) read() (settings, error) {
	s, _, problems := m.settings()
	if len(problems) > 0 {
		return settings{}, &framework.Refusal{Problems: problems}
	}
	return s, nil
}
