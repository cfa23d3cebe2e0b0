package networkpolicy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// reader turns attributes into a policy. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

var (
	errEmpty = errors.New("it is empty; leave it out where nothing is to be said")
	// A nested attribute that Terraform does not know never comes here.
	errSaysNothing = errors.New("it is empty; leave it out where nothing is to be said, or look at the names in it: Terraform drops those that it does not know without a word")
	errNull        = errors.New("it is null")
)

func (r *reader) wrong(at path.Path, err error) {
	r.problems = append(r.problems, framework.Problem{Path: at, Summary: "The policy cannot be like this", Detail: framework.Sentence(err.Error())})
}

// rules reads a list of rules. One that is not wholly known becomes a rule that
// nothing can be wrong with.
func (r *reader) rules(at path.Path, list types.List) []v3.Rule {
	if list.IsUnknown() {
		r.unknown = true
		return nil
	}
	var out []v3.Rule
	for i, element := range list.Elements() {
		one := reader{}
		rule := one.rule(at.AtListIndex(i), element)
		if one.unknown {
			r.unknown = true
			rule = v3.Rule{Action: v3.Deny}
		}
		r.problems = append(r.problems, one.problems...)
		out = append(out, rule)
	}
	return out
}

func (r *reader) rule(at path.Path, element attr.Value) v3.Rule {
	fields, ok := r.object(element)
	if !ok {
		r.wrong(at, errNull)
		return v3.Rule{Action: v3.Deny}
	}
	rule := v3.Rule{
		Action:      v3.Action(r.text(at.AtName("action"), fields["action"])),
		Protocol:    r.protocol(at.AtName("protocol"), fields["protocol"]),
		NotProtocol: r.protocol(at.AtName("not_protocol"), fields["not_protocol"]),
		IPVersion:   r.number(fields["ip_version"]),
		Source:      r.entity(at.AtName("source"), fields["source"]),
		Destination: r.entity(at.AtName("destination"), fields["destination"]),
	}
	if icmp, ok := r.object(fields["icmp"]); ok && icmp != nil {
		rule.ICMP = &v3.ICMPFields{Type: r.number(icmp["type"]), Code: r.number(icmp["code"])}
		if icmp["type"].IsNull() && icmp["code"].IsNull() {
			r.wrong(at.AtName("icmp"), errSaysNothing)
		}
	}
	return rule
}

func (r *reader) entity(at path.Path, value attr.Value) v3.EntityRule {
	fields, ok := r.object(value)
	if !ok || fields == nil {
		return v3.EntityRule{}
	}
	empty := true
	for _, field := range fields {
		empty = empty && field.IsNull()
	}
	if empty {
		r.wrong(at, errSaysNothing)
	}
	return v3.EntityRule{
		Nets:              texts(r, at.AtName("nets"), fields["nets"], parseNet),
		NotNets:           texts(r, at.AtName("not_nets"), fields["not_nets"], parseNet),
		Ports:             texts(r, at.AtName("ports"), fields["ports"], parsePort),
		NotPorts:          texts(r, at.AtName("not_ports"), fields["not_ports"], parsePort),
		Selector:          r.text(at.AtName("selector"), fields["selector"]),
		NotSelector:       r.text(at.AtName("not_selector"), fields["not_selector"]),
		NamespaceSelector: r.text(at.AtName("namespace_selector"), fields["namespace_selector"]),
	}
}

// object gives the attributes of an object, nil for one that is not known yet,
// and false if there is none.
func (r *reader) object(value attr.Value) (map[string]attr.Value, bool) {
	object, ok := value.(types.Object)
	if !ok || object.IsNull() {
		return nil, false
	}
	if object.IsUnknown() {
		r.unknown = true
		return nil, true
	}
	return object.Attributes(), true
}

// text reads a string that says something if it is there; "" for none.
func (r *reader) text(at path.Path, value attr.Value) string {
	text, ok := value.(types.String)
	switch {
	case !ok || text.IsUnknown():
		r.unknown = true
	case !text.IsNull() && strings.TrimSpace(text.ValueString()) == "":
		r.wrong(at, errEmpty)
	}
	return text.ValueString()
}

func (r *reader) number(value attr.Value) *int {
	number, ok := value.(types.Int64)
	switch {
	case !ok || number.IsUnknown():
		r.unknown = true
		return nil
	case number.IsNull():
		return nil
	}
	out := int(number.ValueInt64())
	return &out
}

func (r *reader) protocol(at path.Path, value attr.Value) *numorstring.Protocol {
	text := r.text(at, value)
	if text == "" {
		return nil
	}
	protocol, err := parseProtocol(text)
	if err != nil {
		r.wrong(at, err)
		return nil
	}
	return &protocol
}

// texts parses a list of strings; each problem is at its element.
func texts[T any](r *reader, at path.Path, value attr.Value, parse func(string) (T, error)) []T {
	list, ok := value.(types.List)
	switch {
	case !ok || list.IsUnknown():
		r.unknown = true
		return nil
	case list.IsNull():
		return nil
	case len(list.Elements()) == 0:
		r.wrong(at, errEmpty)
	}
	var out []T
	for i, element := range list.Elements() {
		text, ok := element.(types.String)
		switch {
		case !ok || text.IsUnknown():
			r.unknown = true
			continue
		case text.IsNull():
			r.wrong(at.AtListIndex(i), errNull)
			continue
		}
		parsed, err := parse(text.ValueString())
		if err != nil {
			r.wrong(at.AtListIndex(i), err)
		}
		out = append(out, parsed)
	}
	return out
}

// parseProtocol reads the name or the number of a protocol. One that has a name
// gets it: Calico takes an ICMP match with ICMP and not with 1.
func parseProtocol(s string) (numorstring.Protocol, error) {
	number, err := strconv.ParseUint(s, 10, 8)
	if err == nil {
		return calico.NormalProtocol(numorstring.ProtocolFromInt(uint8(number))), nil
	}
	if strings.Trim(s, "0123456789") == "" {
		return numorstring.Protocol{}, fmt.Errorf("%q is not the number of a protocol, from 1 to 255", s)
	}
	return numorstring.ProtocolFromString(s), nil
}

// parseNet reads a network, or a single address, as Calico writes it.
func parseNet(s string) (string, error) {
	if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" && !address.Is4In6() {
		return netip.PrefixFrom(address, address.BitLen()).String(), nil
	}
	network, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return s, fmt.Errorf("%q is not a network such as 192.0.2.0/24 or 2001:db8::/32, nor an address", s)
	case network.Addr().Is4In6():
		return s, fmt.Errorf("%q is an IPv4 network in IPv6 clothes; write it as IPv4", s)
	case network.Masked() != network:
		return s, fmt.Errorf("%q has bits set behind its prefix; write %s for the network or %s for the one address", s, network.Masked(), network.Addr())
	}
	return network.String(), nil
}

// parsePort reads a port, a range of ports or the name of one.
func parsePort(s string) (numorstring.Port, error) {
	from, to, ranged := strings.Cut(s, ":")
	first, firstErr := strconv.ParseUint(from, 10, 16)
	last, lastErr := strconv.ParseUint(to, 10, 16)
	switch {
	case !ranged && firstErr == nil && first > 0:
		return numorstring.SinglePort(uint16(first)), nil
	case !ranged && strings.ContainsFunc(s, unicode.IsLetter): // 80-90 would be a name for Calico
		if port, err := numorstring.PortFromString(s); err == nil {
			return port, nil
		}
	case ranged && firstErr == nil && lastErr == nil && first > last:
		return numorstring.Port{}, fmt.Errorf("%q is the wrong way round, write %d:%d", s, last, first)
	case ranged && firstErr == nil && lastErr == nil && first > 0:
		return numorstring.PortFromRange(uint16(first), uint16(last))
	}
	return numorstring.Port{}, fmt.Errorf("%q is not a port from 1 to 65535, a range such as 30000:32767, or the name of a port", s)
}
