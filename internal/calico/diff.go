package calico

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Equal reports whether two specs mean the same: addresses with and without their length, numbers and ranges of
// ports, protocols by name and number, defaults written out and left out, the order of what has none, selectors with
// other quotes, nil and empty.
func Equal(a, b Spec) bool {
	return reflect.DeepEqual(normal(a), normal(b))
}

// Diff says in short sentences how the first spec differs from the second, which is the wanted one. It is empty if and
// only if they are [Equal].
func Diff(have, want Spec) []string {
	a, b := normal(have), normal(want)
	if reflect.DeepEqual(a, b) {
		return nil
	}
	sentences := diffParts("", specParts(a), specParts(b))
	sentences = append(sentences, diffRules("ingress", a.Ingress, b.Ingress)...)
	sentences = append(sentences, diffRules("egress", a.Egress, b.Egress)...)
	if len(sentences) == 0 {
		sentences = []string{"the policy differs"} // a field that has no words here is still told
	}
	return sentences
}

// part is a part of a spec, in words.
type part struct {
	name, value string
	// elements of a list whose order has no meaning
	elements []string
}

func one(name, value string) part { return part{name: name, value: value} }

func many[T ~string](name string, values []T) part {
	f := part{name: name}
	for _, value := range values {
		f.elements = append(f.elements, string(value))
	}
	f.value = text(strings.Join(f.elements, " "))
	return f
}

// diffParts compares the same parts of two specs or rules.
func diffParts(prefix string, have, want []part) []string {
	var sentences []string
	for i, f := range have {
		if f.value == want[i].value {
			continue
		}
		if len(f.elements)+len(want[i].elements) > 2*shown {
			sentences = append(sentences, prefix+f.name+": "+diffElements(f.elements, want[i].elements))
			continue
		}
		sentences = append(sentences, prefix+f.name+" "+f.value+" instead of "+want[i].value)
	}
	return sentences
}

// shown is how many elements of a list a sentence names.
const shown = 5

// diffElements says what a long list lacks and has too many.
func diffElements(have, want []string) string {
	var parts []string
	missing := func(from, in []string) []string {
		return slices.DeleteFunc(slices.Clone(from), func(e string) bool { return slices.Contains(in, e) })
	}
	if lacks := missing(want, have); len(lacks) > 0 {
		parts = append(parts, some(lacks)+" missing")
	}
	if extra := missing(have, want); len(extra) > 0 {
		parts = append(parts, some(extra)+" not wanted")
	}
	return strings.Join(parts, ", ")
}

func some(elements []string) string {
	if len(elements) <= shown {
		return strings.Join(elements, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(elements[:shown], " "), len(elements)-shown)
}

func specParts(s Spec) []part {
	order := "unset (evaluated last)"
	if s.Order != nil {
		order = strconv.FormatFloat(*s.Order, 'f', -1, 64)
	}
	return []part{
		one("tier", s.Tier),
		one("order", order),
		one("selector", text(s.Selector)),
		one("namespace selector", text(s.NamespaceSelector)),
		one("service account selector", text(s.ServiceAccountSelector)),
		many("types", s.Types),
		one("preDNAT", strconv.FormatBool(s.PreDNAT)),
		one("doNotTrack", strconv.FormatBool(s.DoNotTrack)),
		one("applyOnForward", strconv.FormatBool(s.ApplyOnForward)),
		many("performance hints", s.PerformanceHints),
	}
}

func ruleParts(r v3.Rule) []part {
	parts := []part{
		one("action", string(r.Action)),
		one("IP version", number(r.IPVersion)),
		one("protocol", protocol(r.Protocol)),
		one("excluded protocol", protocol(r.NotProtocol)),
		one("ICMP", icmp(r.ICMP)),
		one("excluded ICMP", icmp(r.NotICMP)),
	}
	parts = append(parts, entityParts("source", r.Source)...)
	parts = append(parts, entityParts("destination", r.Destination)...)
	http := none
	if r.HTTP != nil {
		http = fmt.Sprintf("methods %s, paths %v", text(strings.Join(r.HTTP.Methods, " ")), r.HTTP.Paths)
	}
	annotations := none
	if r.Metadata != nil {
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(r.Metadata.Annotations)) {
			pairs = append(pairs, key+"="+r.Metadata.Annotations[key])
		}
		annotations = text(strings.Join(pairs, " "))
	}
	return append(parts, one("HTTP match", http), one("annotations", annotations))
}

func entityParts(side string, e v3.EntityRule) []part {
	services, accountSelector := none, none
	var accounts []string
	if e.Services != nil {
		services = strings.TrimPrefix(e.Services.Namespace+"/"+e.Services.Name, "/")
	}
	if e.ServiceAccounts != nil {
		accounts, accountSelector = e.ServiceAccounts.Names, text(e.ServiceAccounts.Selector)
	}
	return []part{
		many(side+" nets", e.Nets),
		many(side+" excluded nets", e.NotNets),
		many(side+" ports", ports(e.Ports)),
		many(side+" excluded ports", ports(e.NotPorts)),
		one(side+" selector", text(e.Selector)),
		one(side+" excluded selector", text(e.NotSelector)),
		one(side+" namespace selector", text(e.NamespaceSelector)),
		one(side+" service", services),
		many(side+" service accounts", accounts),
		one(side+" service account selector", accountSelector),
	}
}

// diffRules compares two lists of rules, whose order matters. With as many rules on both sides it goes by place;
// otherwise it names the rules that are missing and those that are too many.
func diffRules(direction string, have, want []v3.Rule) []string {
	var sentences []string
	if len(have) == len(want) {
		for i := range have {
			prefix := fmt.Sprintf("%s rule %d: ", direction, i+1)
			sentences = append(sentences, diffParts(prefix, ruleParts(have[i]), ruleParts(want[i]))...)
		}
		return sentences
	}
	sentences = append(sentences, fmt.Sprintf("%d %s rules instead of %d", len(have), direction, len(want)))
	left := map[string]int{}
	for _, rule := range have {
		left[describe(rule)]++
	}
	for _, rule := range want {
		words := describe(rule)
		if left[words] == 0 {
			sentences = append(sentences, direction+" rule missing: "+shorten(words))
			continue
		}
		left[words]--
	}
	for _, rule := range have {
		words := describe(rule)
		if left[words] > 0 {
			left[words]--
			sentences = append(sentences, direction+" rule not wanted: "+shorten(words))
		}
	}
	return sentences
}

// describe gives a rule in words: its action and what it restricts.
func describe(r v3.Rule) string {
	words := []string{string(r.Action)}
	for _, p := range ruleParts(r)[1:] {
		if p.value != none {
			words = append(words, p.name+" "+p.value)
		}
	}
	return strings.Join(words, ", ")
}

// shorten keeps a sentence readable.
func shorten(words string) string {
	const most = 300
	if len(words) <= most {
		return words
	}
	return strings.ToValidUTF8(words[:most], "") + "..."
}

const none = "none"

func text(s string) string {
	if s == "" {
		return none
	}
	return s
}

func number(n *int) string {
	if n == nil {
		return none
	}
	return strconv.Itoa(*n)
}

func protocol(p *numorstring.Protocol) string {
	if p == nil {
		return none
	}
	return p.String()
}

func icmp(f *v3.ICMPFields) string {
	if f == nil {
		return none
	}
	return "type " + number(f.Type) + " code " + number(f.Code)
}

func ports(list []numorstring.Port) []string {
	words := make([]string, 0, len(list))
	for _, port := range list {
		words = append(words, port.String())
	}
	return words
}
