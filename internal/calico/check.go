package calico

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Check finds what Calico would refuse in a policy. The v3 API says it when a policy is stored, but not at a dry run;
// the v1 API never says it, and there Calico then leaves the policy out, so that a guard would silently not be there.
// Locations are those of the API, such as "spec.ingress[0].source.nets[1]".
func Check(name string, s Spec) field.ErrorList {
	at := field.NewPath("spec")
	var found field.ErrorList
	// A single word, before which there may be a tier.
	if ok, err := regexp.MatchString(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, name); !ok || err != nil || len(name) > 244 {
		found = append(found, field.Invalid(field.NewPath("metadata", "name"), name, "must consist of lower case letters, digits and '-', at most 244, after a tier and a '.' if it has one"))
	}
	if s.PreDNAT && s.DoNotTrack {
		found = append(found, field.Invalid(at.Child("preDNAT"), true, "cannot be combined with doNotTrack"))
	}
	if (s.PreDNAT || s.DoNotTrack) && !s.ApplyOnForward {
		found = append(found, field.Invalid(at.Child("applyOnForward"), false, "must be true with preDNAT or doNotTrack"))
	}
	if s.PreDNAT && (len(s.Egress) > 0 || slices.Contains(s.Types, v3.PolicyTypeEgress)) {
		found = append(found, field.Invalid(at.Child("egress"), len(s.Egress), "a preDNAT policy has no egress rules"))
	}
	for i, kind := range s.Types {
		if kind != v3.PolicyTypeIngress && kind != v3.PolicyTypeEgress || slices.Contains(s.Types[:i], kind) {
			found = append(found, field.Invalid(at.Child("types").Index(i), kind, "must be Ingress or Egress, each at most once"))
		}
	}
	found = append(found, checkSelectors(at, map[string]string{
		"selector": s.Selector, "serviceAccountSelector": s.ServiceAccountSelector, "namespaceSelector": s.NamespaceSelector,
	}, "")...)
	for i, rule := range s.Ingress {
		found = append(found, checkRule(at.Child("ingress").Index(i), rule)...)
	}
	for i, rule := range s.Egress {
		found = append(found, checkRule(at.Child("egress").Index(i), rule)...)
	}
	return found
}

// CheckNamespaced is [Check] for a policy of a namespace, which knows less than a global one.
func CheckNamespaced(name string, s Spec) field.ErrorList {
	found := Check(name, s)
	at := field.NewPath("spec")
	for _, only := range []struct {
		name string
		set  bool
	}{{"preDNAT", s.PreDNAT}, {"doNotTrack", s.DoNotTrack}, {"applyOnForward", s.ApplyOnForward}, {"namespaceSelector", s.NamespaceSelector != ""}} {
		if only.set {
			found = append(found, field.Forbidden(at.Child(only.name), "only global policies have it"))
		}
	}
	return found
}

// checkSelectors parses selectors by the name of their field. The one that selectsGlobal names may be "global()".
func checkSelectors(at *field.Path, selectors map[string]string, selectsGlobal string) field.ErrorList {
	var found field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(selectors)) {
		selector := selectors[name]
		if err := CheckSelector(selector); err != nil {
			found = append(found, field.Invalid(at.Child(name), selector, "cannot be parsed: "+err.Error()))
			continue
		}
		switch normal := normalSelector(selector); {
		case !strings.Contains(normal, "global()") || name == selectsGlobal && normal == "global()":
		case name == selectsGlobal:
			found = append(found, field.Invalid(at.Child(name), selector, "global() cannot be combined with other selectors"))
		default:
			found = append(found, field.Invalid(at.Child(name), selector, "global() can only be the namespace selector of a source or destination"))
		}
	}
	return found
}

func checkRule(at *field.Path, rule v3.Rule) field.ErrorList {
	var found field.ErrorList
	if !slices.Contains([]v3.Action{v3.Allow, v3.Deny, v3.Log, v3.Pass}, rule.Action) {
		found = append(found, field.NotSupported(at.Child("action"), rule.Action, []v3.Action{v3.Allow, v3.Deny, v3.Log, v3.Pass}))
	}
	if rule.IPVersion != nil && *rule.IPVersion != 4 && *rule.IPVersion != 6 {
		found = append(found, field.Invalid(at.Child("ipVersion"), *rule.IPVersion, "must be 4 or 6"))
	}
	if rule.HTTP != nil && rule.Action != v3.Allow {
		found = append(found, field.Invalid(at.Child("http"), "", "only Allow rules can match HTTP"))
	}
	found = append(found, checkProtocol(at, rule)...)
	versions := map[bool]string{} // by "is IPv4", the first net
	for _, side := range []struct {
		name   string
		entity v3.EntityRule
	}{{"source", rule.Source}, {"destination", rule.Destination}} {
		path := at.Child(side.name)
		found = append(found, checkSelectors(path, map[string]string{
			"selector": side.entity.Selector, "notSelector": side.entity.NotSelector, "namespaceSelector": side.entity.NamespaceSelector,
		}, "namespaceSelector")...)
		found = append(found, checkPorts(path.Child("ports"), side.entity.Ports, rule.Protocol)...)
		found = append(found, checkPorts(path.Child("notPorts"), side.entity.NotPorts, rule.Protocol)...)
		found = append(found, checkNets(path.Child("nets"), side.entity.Nets, rule.IPVersion, versions)...)
		found = append(found, checkNets(path.Child("notNets"), side.entity.NotNets, rule.IPVersion, versions)...)
	}
	return found
}

func checkProtocol(at *field.Path, rule v3.Rule) field.ErrorList {
	var found field.ErrorList
	is := func(p *numorstring.Protocol, name string) bool {
		return p != nil && *p == numorstring.ProtocolFromString(name)
	}
	known := []string{
		numorstring.ProtocolTCP, numorstring.ProtocolUDP, numorstring.ProtocolICMP, numorstring.ProtocolICMPv6,
		numorstring.ProtocolSCTP, numorstring.ProtocolUDPLite,
	}
	for _, side := range []struct {
		name     string
		protocol *numorstring.Protocol
	}{{"protocol", rule.Protocol}, {"notProtocol", rule.NotProtocol}} {
		name, p := side.name, side.protocol
		if p == nil {
			continue
		}
		if n, err := p.NumValue(); err == nil && n == 0 || err != nil && !slices.Contains(known, p.StrVal) {
			found = append(found, field.Invalid(at.Child(name), p.String(), "must be a name such as TCP or a number from 1 to 255"))
		}
	}
	if rule.ICMP != nil && !is(rule.Protocol, numorstring.ProtocolICMP) && !is(rule.Protocol, numorstring.ProtocolICMPv6) {
		found = append(found, field.Invalid(at.Child("icmp"), "", "needs the protocol ICMP or ICMPv6"))
	}
	for _, fields := range []struct {
		name string
		icmp *v3.ICMPFields
	}{{"icmp", rule.ICMP}, {"notICMP", rule.NotICMP}} {
		found = append(found, checkICMP(at.Child(fields.name), fields.icmp)...)
	}
	for name, version := range map[string]int{numorstring.ProtocolICMP: 4, numorstring.ProtocolICMPv6: 6} {
		if (is(rule.Protocol, name) || is(rule.NotProtocol, name)) && rule.IPVersion != nil && *rule.IPVersion != version {
			found = append(found, field.Invalid(at.Child("ipVersion"), *rule.IPVersion, "does not go with "+name))
		}
	}
	return found
}

func checkICMP(at *field.Path, fields *v3.ICMPFields) field.ErrorList {
	var found field.ErrorList
	if fields == nil {
		return nil
	}
	if fields.Type != nil && (*fields.Type < 0 || *fields.Type > 254) {
		found = append(found, field.Invalid(at.Child("type"), *fields.Type, "must be from 0 to 254"))
	}
	if fields.Code != nil && (*fields.Code < 0 || *fields.Code > 255) {
		found = append(found, field.Invalid(at.Child("code"), *fields.Code, "must be from 0 to 255"))
	}
	if fields.Code != nil && fields.Type == nil {
		found = append(found, field.Invalid(at.Child("code"), *fields.Code, "needs a type"))
	}
	return found
}

func checkPorts(at *field.Path, ports []numorstring.Port, protocol *numorstring.Protocol) field.ErrorList {
	var found field.ErrorList
	if len(ports) > 0 && (protocol == nil || !protocol.SupportsPorts()) {
		found = append(found, field.Invalid(at, len(ports), "ports need the protocol TCP, UDP or SCTP"))
	}
	for i, port := range ports {
		named := port.PortName != ""
		if named && (port.MinPort != 0 || port.MaxPort != 0) || !named && (port.MinPort < 1 || port.MaxPort < port.MinPort) {
			found = append(found, field.Invalid(at.Index(i), port.String(), "must be a name, a port from 1 to 65535, or a range that is not reversed"))
		}
	}
	return found
}

func checkNets(at *field.Path, nets []string, version *int, seen map[bool]string) field.ErrorList {
	var found field.ErrorList
	for i, net := range nets {
		prefix, err := netip.ParsePrefix(net)
		if err != nil || prefix.Masked() != prefix {
			found = append(found, field.Invalid(at.Index(i), net, "must be a CIDR without host bits, such as 10.0.0.0/8 or 10.1.2.3/32"))
			continue
		}
		is4 := prefix.Addr().Is4()
		if other := seen[!is4]; other != "" {
			found = append(found, field.Invalid(at.Index(i), net, "a rule cannot have both IPv4 and IPv6; it has "+other+" too"))
		} else if version != nil && (*version == 4) != is4 {
			found = append(found, field.Invalid(at.Index(i), net, "is not of the rule's ipVersion"))
		}
		if seen[is4] == "" {
			seen[is4] = net
		}
	}
	return found
}
