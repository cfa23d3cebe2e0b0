package calico

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Defaulted fills in what the v3 API would: the tier and the types. Policies that are written through v1 need them
// too, since Calico takes a policy without types for one that drops both ways.
func Defaulted(spec Spec) Spec {
	spec.Tier, spec.Types = tierOr(spec.Tier), typesOr(spec.Types, spec.Ingress, spec.Egress)
	return spec
}

func typesOr(types []v3.PolicyType, ingress, egress []v3.Rule) []v3.PolicyType {
	switch {
	case len(types) > 0:
		return types
	case len(egress) == 0:
		return []v3.PolicyType{v3.PolicyTypeIngress}
	case len(ingress) == 0:
		return []v3.PolicyType{v3.PolicyTypeEgress}
	default:
		return []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	}
}

// writable gives a spec as it is written: defaults filled in, and nets as Calico wants them. It changes the rules that
// it is given.
func writable(spec Spec) Spec {
	spec = Defaulted(spec)
	for _, rules := range [][]v3.Rule{spec.Ingress, spec.Egress} {
		for i := range rules {
			for _, nets := range [][]string{rules[i].Source.Nets, rules[i].Source.NotNets, rules[i].Destination.Nets, rules[i].Destination.NotNets} {
				for j := range nets {
					nets[j] = normalNet(nets[j])
				}
			}
		}
	}
	return spec
}

// normal gives a spec in the one form that all specs of the same meaning have. It shares nothing with the spec.
func normal(spec Spec) Spec {
	s := Defaulted(*spec.DeepCopy())
	s.Types = set(s.Types)
	s.PerformanceHints = set(s.PerformanceHints)
	s.Ingress, s.Egress = normalRules(s.Ingress), normalRules(s.Egress)
	s.Selector = normalSelector(s.Selector)
	if s.Selector == "all()" {
		s.Selector = "" // the empty selector selects all as well
	}
	s.ServiceAccountSelector = normalSelector(s.ServiceAccountSelector)
	s.NamespaceSelector = normalSelector(s.NamespaceSelector)
	return s
}

func normalRules(rules []v3.Rule) []v3.Rule {
	if len(rules) == 0 {
		return nil
	}
	for i := range rules {
		r := &rules[i]
		r.Protocol, r.NotProtocol = normalProtocol(r.Protocol), normalProtocol(r.NotProtocol)
		r.ICMP, r.NotICMP = orNil(r.ICMP), orNil(r.NotICMP)
		normalEntity(&r.Source)
		normalEntity(&r.Destination)
		if r.HTTP != nil {
			r.HTTP.Methods, r.HTTP.Paths = set(r.HTTP.Methods), setBy(r.HTTP.Paths, func(a, b v3.HTTPPath) int {
				return cmp.Or(cmp.Compare(a.Exact, b.Exact), cmp.Compare(a.Prefix, b.Prefix))
			})
			r.HTTP = orNil(r.HTTP)
		}
		if r.Metadata != nil && len(r.Metadata.Annotations) == 0 {
			r.Metadata = nil
		}
	}
	return rules
}

func normalEntity(e *v3.EntityRule) {
	e.Nets, e.NotNets = normalNets(e.Nets), normalNets(e.NotNets)
	e.Ports, e.NotPorts = normalPorts(e.Ports), normalPorts(e.NotPorts)
	e.Selector, e.NotSelector = normalSelector(e.Selector), normalSelector(e.NotSelector)
	e.NamespaceSelector = normalSelector(e.NamespaceSelector)
	if e.ServiceAccounts != nil {
		e.ServiceAccounts.Names = set(e.ServiceAccounts.Names)
		e.ServiceAccounts.Selector = normalSelector(e.ServiceAccounts.Selector)
		e.ServiceAccounts = orNil(e.ServiceAccounts)
	}
	e.Services = orNil(e.Services)
}

func normalNets(nets []string) []string {
	for i := range nets {
		nets[i] = normalNet(nets[i])
	}
	return set(nets)
}

// normalNet writes an address or a CIDR with its length and without host bits. What is neither is left as it is.
func normalNet(text string) string {
	trimmed := strings.TrimSpace(text)
	if prefix, err := netip.ParsePrefix(trimmed); err == nil {
		return prefix.Masked().String()
	}
	if addr, err := netip.ParseAddr(trimmed); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()).String()
	}
	return text
}

// normalPorts joins ranges that touch or overlap, and sorts.
func normalPorts(ports []numorstring.Port) []numorstring.Port {
	ports = setBy(ports, func(a, b numorstring.Port) int {
		return cmp.Or(cmp.Compare(a.PortName, b.PortName), cmp.Compare(a.MinPort, b.MinPort), cmp.Compare(a.MaxPort, b.MaxPort))
	})
	var out []numorstring.Port
	for _, port := range ports {
		if last := len(out) - 1; last >= 0 && port.PortName == "" && out[last].PortName == "" && int(port.MinPort) <= int(out[last].MaxPort)+1 {
			out[last].MaxPort = max(out[last].MaxPort, port.MaxPort)
			continue
		}
		out = append(out, port)
	}
	return out
}

// normalProtocol is [NormalProtocol] for a protocol that may be left out.
func normalProtocol(protocol *numorstring.Protocol) *numorstring.Protocol {
	if protocol == nil {
		return nil
	}
	normal := NormalProtocol(*protocol)
	return &normal
}

// NormalProtocol writes the protocols that have a name by it, and others by their number.
func NormalProtocol(protocol numorstring.Protocol) numorstring.Protocol {
	number, err := protocol.NumValue()
	if err != nil {
		return numorstring.ProtocolFromString(protocol.String())
	}
	name, ok := map[uint8]string{
		1: numorstring.ProtocolICMP, 6: numorstring.ProtocolTCP, 17: numorstring.ProtocolUDP,
		58: numorstring.ProtocolICMPv6, 132: numorstring.ProtocolSCTP, 136: numorstring.ProtocolUDPLite,
	}[number]
	if !ok {
		return numorstring.ProtocolFromInt(number)
	}
	return numorstring.ProtocolFromString(name)
}

// set sorts a list whose order has no meaning and drops repetitions. Empty becomes nil.
func set[T cmp.Ordered](list []T) []T {
	return setBy(list, cmp.Compare[T])
}

func setBy[T comparable](list []T, order func(a, b T) int) []T {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, order)
	return slices.Compact(list)
}

// orNil gives nil for a pointer to a zero value, which has no meaning of its own.
func orNil[T any](value *T) *T {
	if value == nil || reflect.ValueOf(*value).IsZero() {
		return nil
	}
	return value
}
