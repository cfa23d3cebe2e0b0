package hostguard

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Protocols that have ports, in the order in which rules are written.
func Protocols() []string {
	return []string{numorstring.ProtocolTCP, numorstring.ProtocolUDP, numorstring.ProtocolSCTP}
}

// ProtocolName gives the name of a protocol that has ports, "" for others.
func ProtocolName(p numorstring.Protocol) string {
	number, err := p.NumValue()
	for _, known := range []struct {
		number uint8
		name   string
	}{{6, numorstring.ProtocolTCP}, {17, numorstring.ProtocolUDP}, {132, numorstring.ProtocolSCTP}} {
		if err == nil && number == known.number || err != nil && strings.EqualFold(p.StrVal, known.name) {
			return known.name
		}
	}
	return ""
}

// Sorted puts the ingress rules of a policy into one order where theirs means
// nothing: neighbours that do the same with what they match.
func Sorted(spec v3.GlobalNetworkPolicySpec) v3.GlobalNetworkPolicySpec {
	rules := slices.Clone(spec.Ingress)
	for first := 0; first < len(rules); {
		next := first + 1
		for next < len(rules) && rules[next].Action == rules[first].Action {
			next++
		}
		slices.SortStableFunc(rules[first:next], compareRules)
		first = next
	}
	spec.Ingress = rules
	return spec
}

func compareRules(a, b v3.Rule) int {
	return cmp.Or(cmp.Compare(versionOf(a), versionOf(b)), cmp.Compare(rankOf(a), rankOf(b)), strings.Compare(text(a), text(b)))
}

func versionOf(r v3.Rule) int {
	if r.IPVersion == nil {
		return 0
	}
	return *r.IPVersion
}

func rankOf(r v3.Rule) int {
	if r.Protocol == nil {
		return -1
	}
	return slices.Index(Protocols(), ProtocolName(*r.Protocol))
}

// text is a rule as JSON, which is the same for the same rule.
func text(r v3.Rule) string {
	encoded, err := json.Marshal(r)
	if err != nil {
		return err.Error() // no rule is without a form in JSON
	}
	return string(encoded)
}

// OrderText writes the order of a policy.
func OrderText(order *float64) string {
	if order == nil {
		return "none (evaluated last)"
	}
	return strconv.FormatFloat(*order, 'f', -1, 64)
}
