package isolation

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Network types.String `tfsdk:"network"`
	Region  types.String `tfsdk:"region"`

	ServiceEndpoints types.Set `tfsdk:"service_endpoint_cidrs"`
	Registry         types.Set `tfsdk:"registry_cidrs"`
	Monitoring       types.Set `tfsdk:"monitoring_cidrs"`
	Logging          types.Set `tfsdk:"logging_cidrs"`
	Infrastructure   types.Set `tfsdk:"infrastructure_cidrs"`

	PodSubnet     types.String `tfsdk:"pod_subnet"`
	ServiceSubnet types.String `tfsdk:"service_subnet"`

	Allow    types.Set `tfsdk:"allow"`
	Peers    types.Set `tfsdk:"peer_cidrs"`
	APIPorts types.Set `tfsdk:"aggregated_api_ports"`

	Confirm        types.String `tfsdk:"confirm"`
	ConfirmSeconds types.Int64  `tfsdk:"confirm_seconds"`
	Canary         types.Object `tfsdk:"canary"`
	Force          types.Bool   `tfsdk:"force_conflicts"`

	Policies types.List   `tfsdk:"policies"`
	Digest   types.String `tfsdk:"digest"`
	API      types.String `tfsdk:"api"`
}

// Values of allow.
const (
	allowVRRP     = "vrrp"
	allowServices = "services"
	allowVPN      = "vpn"
	allowIstio    = "istio"
)

// Values of confirm.
const (
	confirmConnections = "connections"
	confirmNone        = "none"
)

// Defaults of the attributes.
const (
	defaultAPIPort        = 5443 // Calico's own API server
	defaultConfirmSeconds = 15
	mostConfirmSeconds    = 300
)

// imported tells whether the model is only the key of something to import: what
// the configuration can leave out has a default, so no state lacks it.
func (m *model) imported() bool { return m.Confirm.IsNull() }

// settings are what the model declares, before what it leaves out is looked up.
type settings struct {
	isolation
	region string
	// confirmFor is how long connections are tried, 0 for not at all.
	confirmFor time.Duration
	// canary is the pod that tries them as well, nil for none.
	canary *canary
	force  bool
}

// reader turns attributes into settings. It remembers what is wrong, and
// whether anything that makes the policies is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

func (r *reader) wrong(at path.Path, err error) {
	text := err.Error()
	r.problems = append(r.problems, framework.Problem{
		Path: at, Summary: "The isolation cannot be like this", Detail: strings.ToUpper(text[:1]) + text[1:] + ".",
	})
}

// settings reads the model. known is false if something that makes the policies
// is not known yet; that is left out.
func (m *model) settings() (s settings, known bool, problems []framework.Problem) {
	var r reader
	r.unknown = m.Network.IsUnknown() || m.Region.IsUnknown()
	s.network, s.region = m.Network.ValueString(), m.Region.ValueString()
	for name, list := range m.cidrs(&s) {
		*list.to = r.networks(path.Root(name), list.from)
	}
	s.podSubnet = r.subnet(path.Root("pod_subnet"), m.PodSubnet)
	s.serviceSubnet = r.subnet(path.Root("service_subnet"), m.ServiceSubnet)
	s.apiPorts = r.ports(path.Root("aggregated_api_ports"), m.APIPorts)
	for _, name := range r.strings(path.Root("allow"), m.Allow) {
		switch name {
		case allowVRRP:
			s.vrrp = true
		case allowServices:
			s.services = true
		case allowVPN:
			s.vpn = true
		case allowIstio:
			s.istio = true
		}
	}
	r.fits(m, s)
	s.force = m.Force.ValueBool()
	if m.Confirm.ValueString() != confirmNone {
		s.confirmFor = time.Duration(m.ConfirmSeconds.ValueInt64()) * time.Second
	}
	if s.canary = r.canary(m.Canary, s.network); s.canary != nil && m.Confirm.ValueString() == confirmNone {
		r.wrong(path.Root("canary"), errors.New("with `confirm = \"none\"` nothing is confirmed, and no canary runs"))
	}
	slices.SortStableFunc(r.problems, func(a, b framework.Problem) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	return s, !r.unknown, r.problems
}

// cidrList is where a list of networks comes from and goes to.
type cidrList struct {
	from types.Set
	to   *[]string
}

func (m *model) cidrs(s *settings) map[string]cidrList {
	return map[string]cidrList{
		"service_endpoint_cidrs": {m.ServiceEndpoints, &s.serviceEndpoints},
		"registry_cidrs":         {m.Registry, &s.registry},
		"monitoring_cidrs":       {m.Monitoring, &s.monitoring},
		"logging_cidrs":          {m.Logging, &s.logging},
		"infrastructure_cidrs":   {m.Infrastructure, &s.infrastructure},
		"peer_cidrs":             {m.Peers, &s.peers},
	}
}

// fits finds what does not go together.
func (r *reader) fits(m *model, s settings) {
	switch {
	case s.network == networkPublic && len(s.infrastructure) > 0:
		r.wrong(path.Root("infrastructure_cidrs"), errors.New("IBM manages workers over the private network; the public set says nothing about it"))
	case s.network == networkPublic && s.vrrp:
		r.wrong(path.Root("allow"), errors.New("\"vrrp\" is about the private network; on the public one IBM's own policy allow-vrrp lets it pass"))
	case s.network == networkPrivate && s.istio:
		r.wrong(path.Root("allow"), errors.New("\"istio\" is about the public network"))
	case s.istio && !s.services && !slices.ContainsFunc(m.Allow.Elements(), attr.Value.IsUnknown):
		r.wrong(path.Root("allow"), errors.New("\"istio\" is a part of the policy of the services: add \"services\""))
	}
}

// strings reads a set; an empty one is wrong.
func (r *reader) strings(at path.Path, set types.Set) []string {
	r.unknown = r.unknown || set.IsUnknown()
	if !set.IsNull() && !set.IsUnknown() && len(set.Elements()) == 0 {
		r.wrong(at, errEmpty)
	}
	var out []string
	for _, element := range set.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			r.unknown = true
			continue
		}
		out = append(out, value.ValueString())
	}
	return out
}

var errEmpty = errors.New("it is empty; leave it out for the default")

// networks reads IPv4 networks, as Calico writes them, sorted.
func (r *reader) networks(at path.Path, set types.Set) []string {
	var out []string
	for _, text := range r.strings(at, set) {
		prefix, err := parseNetwork(text)
		if err != nil {
			r.wrong(at.AtSetValue(types.StringValue(text)), err)
			continue
		}
		out = append(out, prefix.String())
	}
	return networks(out)
}

func (r *reader) subnet(at path.Path, v types.String) netip.Prefix {
	if v.IsNull() || v.IsUnknown() {
		r.unknown = r.unknown || v.IsUnknown()
		return netip.Prefix{}
	}
	prefix, err := parseNetwork(v.ValueString())
	if err != nil {
		r.wrong(at, err)
	} else if prefix.Bits() > 30 {
		r.wrong(at, fmt.Errorf("%s is too small for a subnet of a cluster", prefix))
	}
	return prefix
}

func (r *reader) ports(at path.Path, set types.Set) []uint16 {
	r.unknown = r.unknown || set.IsUnknown()
	switch {
	case set.IsNull():
		return []uint16{defaultAPIPort}
	case !set.IsUnknown() && len(set.Elements()) == 0:
		r.wrong(at, errEmpty)
	}
	var out []uint16
	for _, element := range set.Elements() {
		n, ok := element.(types.Int64)
		switch {
		case !ok || n.IsUnknown():
			r.unknown = true
		case n.ValueInt64() < 1 || n.ValueInt64() > math.MaxUint16:
			r.wrong(at.AtSetValue(element), fmt.Errorf("%s is not a port from 1 to 65535", element))
		default:
			out = append(out, uint16(n.ValueInt64()))
		}
	}
	slices.Sort(out)
	return out
}

// stringSet makes a set, sorted; nothing gives null.
func stringSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, len(values))
	for i, v := range slices.Sorted(slices.Values(values)) {
		elements[i] = types.StringValue(v)
	}
	return types.SetValueMust(types.StringType, elements)
}
