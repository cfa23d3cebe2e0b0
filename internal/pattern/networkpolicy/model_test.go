package networkpolicy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// modelOf is a model as a plan has it, of a policy's spec.
func modelOf(t *testing.T, document string, changes ...func(*model)) *model {
	t.Helper()
	m := &model{Name: types.StringValue("web"), Tier: types.StringValue(defaultTier)}
	m.declare(specOf(t, document))
	for _, change := range changes {
		change(m)
	}
	return m
}

func acknowledging(words ...string) func(*model) {
	return func(m *model) { m.Acknowledge = setOf(words...) }
}

func setOf(words ...string) types.Set {
	var elements []attr.Value
	for _, word := range words {
		elements = append(elements, types.StringValue(word))
	}
	return types.SetValueMust(types.StringType, elements)
}

// said are problems as "path: detail", warnings marked.
func said(problems []framework.Problem) []string {
	var out []string
	for _, p := range problems {
		words := p.Path.String() + ": " + p.Detail
		if p.Warning {
			words = "warning " + words
		}
		out = append(out, words)
	}
	return out
}

func TestDeclaredProblems(t *testing.T) {
	t.Parallel()
	const forward = `"applyOnForward":true`
	for name, test := range map[string]struct {
		document string
		change   func(*model)
		want     []string // beginnings
	}{
		"good":                                {document: `{"selector":"a == 'b'","ingress":[{"action":"Deny"}]}`},
		"pre_dnat without apply_on_forward":   {document: `{"preDNAT":true}`, want: []string{"apply_on_forward: Must be true with pre_dnat or do_not_track"}},
		"pre_dnat with do_not_track":          {document: `{"preDNAT":true,"doNotTrack":true,` + forward + `}`, want: []string{"pre_dnat: Cannot be combined with do_not_track"}},
		"pre_dnat with egress":                {document: `{"preDNAT":true,` + forward + `,"types":["Ingress"],"egress":[{"action":"Deny"}]}`, want: []string{"egress: A pre_dnat policy has no egress rules"}},
		"ports without protocol":              {document: `{"egress":[{"action":"Deny"},{"action":"Deny","source":{"notPorts":[80]}}]}`, want: []string{"egress[1].source.not_ports: Ports need"}},
		"ICMP by number":                      {document: `{"ingress":[{"action":"Deny","protocol":1,"icmp":{"type":8}}]}`},
		"ICMP with TCP":                       {document: `{"ingress":[{"action":"Deny","protocol":"TCP","icmp":{"type":8}}]}`, want: []string{"ingress[0].icmp: Needs the protocol"}},
		"ICMP type":                           {document: `{"ingress":[{"action":"Deny","protocol":"ICMP","icmp":{"type":300}}]}`, want: []string{"ingress[0].icmp.type: Must be from 0 to 254"}},
		"both versions":                       {document: `{"ingress":[{"action":"Deny","source":{"nets":["10.0.0.0/8"]},"destination":{"notNets":["10.0.0.0/8","2001:db8::/32"]}}]}`, want: []string{`ingress[0].destination.not_nets[1]: "2001:db8::/32" a rule cannot have both`}},
		"action":                              {document: `{"ingress":[{"action":"Drop"}]}`, want: []string{`ingress[0].action: "Drop" is not one of Allow, Deny, Log, Pass`}},
		"selector":                            {document: `{"selector":"a = b"}`, want: []string{`selector: "a = b" cannot be parsed: character 3`}},
		"selector of a rule":                  {document: `{"ingress":[{"action":"Deny","source":{"notSelector":"has a"}}]}`, want: []string{"ingress[0].source.not_selector: "}},
		"global in a namespace":               {document: `{"preDNAT":true,` + forward + `,"namespaceSelector":"a == 'b'"}`, change: func(m *model) { m.Namespace = types.StringValue("shop") }, want: []string{"pre_dnat: ", "apply_on_forward: ", "namespace_selector: Only global"}},
		"empty selector":                      {document: `{}`, change: func(m *model) { m.Selector = types.StringValue(" ") }, want: []string{"selector: It is empty"}},
		"empty namespace":                     {document: `{}`, change: func(m *model) { m.Namespace = types.StringValue("") }, want: []string{"namespace: It is empty"}},
		"no types":                            {document: `{}`, change: func(m *model) { m.Types = setOf() }, want: []string{"types: It is empty"}},
		"unknown type":                        {document: `{}`, change: func(m *model) { m.Types = setOf("Sideways") }, want: []string{`types: "Sideways" is not one of Ingress, Egress`}},
		"unknown acknowledgement":             {document: `{}`, change: acknowledging("all"), want: []string{`acknowledge: "all" is not one of`}},
		"IBM's":                               {document: `{}`, change: func(m *model) { m.Name = types.StringValue("default.allow-icmp") }, want: []string{"name: \"default.allow-icmp\" is the name of one of IBM's"}},
		"IBM's name in a namespace":           {document: `{}`, change: func(m *model) { m.Name, m.Namespace = types.StringValue("allow-icmp"), types.StringValue("shop") }},
		"another tier's prefix":               {document: `{}`, change: func(m *model) { m.Name = types.StringValue("security.web") }, want: []string{"name: \"security.web\" has a dot"}},
		"its tier's prefix":                   {document: `{}`, change: func(m *model) { m.Name = types.StringValue("default.web") }},
		"forwarding drops the rest":           {document: `{` + forward + `,"ingress":[{"action":"Allow","protocol":"TCP"}]}`, want: []string{"apply_on_forward: Host endpoints that no policy"}},
		"forwarding, acknowledged":            {document: `{` + forward + `,"ingress":[{"action":"Allow","protocol":"TCP"}]}`, change: acknowledging(endOfTierDrop)},
		"forwarding, with a last rule":        {document: `{` + forward + `,"ingress":[{"action":"Deny","protocol":"TCP"},{"action":"Allow"}]}`},
		"forwarding, passing is not deciding": {document: `{` + forward + `,"ingress":[{"action":"Pass"}]}`, want: []string{"apply_on_forward: "}},
		"before DNAT nothing is dropped":      {document: `{` + forward + `,"preDNAT":true,"ingress":[{"action":"Deny","protocol":"TCP"}]}`},
		"before tracking nothing is dropped":  {document: `{` + forward + `,"doNotTrack":true,"ingress":[{"action":"Deny","protocol":"TCP"}]}`},
		"final allow":                         {document: `{` + forward + `,"preDNAT":true,"ingress":[{"action":"Pass"},{"action":"Allow"}]}`, want: []string{"warning ingress[1].action: What rule 2 of ingress matches skips all other policies"}},
		"final allow, acknowledged":           {document: `{` + forward + `,"preDNAT":true,"ingress":[{"action":"Allow"}]}`, change: acknowledging(finalAllow)},
		"log":                                 {document: `{"egress":[{"action":"Log"}]}`, want: []string{"warning egress[0].action: Rule 1 of egress logs every new connection"}},
		"log of a port":                       {document: `{"egress":[{"action":"Log","protocol":"TCP","destination":{"ports":[22]}}]}`},
		"log, acknowledged":                   {document: `{"egress":[{"action":"Log"}]}`, change: acknowledging(unlimitedLog)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := modelOf(t, test.document)
			if test.change != nil {
				test.change(m)
			}
			_, known, problems := m.declared()
			got := said(problems)
			if !known || len(got) != len(test.want) {
				t.Fatalf("known %t, got %q, want %q", known, got, test.want)
			}
			for i, want := range test.want {
				if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
					t.Errorf("problem %d: got %q, want %q", i, got, want)
				}
			}
		})
	}
}

// What is not known yet is no problem, and what stands beside it still is one.
func TestUnknownValues(t *testing.T) {
	t.Parallel()
	unknownNets := func(m *model) {
		rules := m.Ingress.Elements()
		rule, _ := rules[0].(types.Object)
		fields := rule.Attributes()
		source, _ := fields["source"].(types.Object)
		inner := source.Attributes()
		inner["nets"] = types.ListUnknown(types.StringType)
		fields["source"], fields["protocol"] = types.ObjectValueMust(entityType().AttrTypes, inner), types.StringUnknown()
		rules[0] = types.ObjectValueMust(ruleType().AttrTypes, fields)
		m.Ingress = types.ListValueMust(ruleType(), rules)
	}
	for name, test := range map[string]struct {
		change func(*model)
		want   []string
	}{
		"rule in part": {unknownNets, nil},
		"and another is wrong": {func(m *model) {
			unknownNets(m)
			rules := append(m.Ingress.Elements(), rulesValue(specOf(t, `{"ingress":[{"action":"Drop"}]}`).Ingress).Elements()...)
			m.Ingress = types.ListValueMust(ruleType(), rules)
		}, []string{"ingress[1].action"}},
		"source of a rule": {func(m *model) {
			rule, _ := m.Ingress.Elements()[0].(types.Object)
			fields := rule.Attributes()
			fields["source"], fields["icmp"] = types.ObjectUnknown(entityType().AttrTypes), types.ObjectUnknown(icmpType().AttrTypes)
			m.Ingress = types.ListValueMust(ruleType(), []attr.Value{types.ObjectValueMust(ruleType().AttrTypes, fields)})
		}, nil},
		"acknowledgement": {func(m *model) {
			m.ApplyOnForward, m.Acknowledge = types.BoolValue(true), types.SetValueMust(types.StringType, []attr.Value{types.StringUnknown()})
		}, nil},
		"rules":    {func(m *model) { m.Ingress = types.ListUnknown(ruleType()) }, nil},
		"switch":   {func(m *model) { m.PreDNAT, m.ApplyOnForward = types.BoolValue(true), types.BoolUnknown() }, nil},
		"name":     {func(m *model) { m.Name = types.StringUnknown() }, nil},
		"selector": {func(m *model) { m.Selector = types.StringUnknown() }, nil},
		"types":    {func(m *model) { m.Types = types.SetUnknown(types.StringType) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := modelOf(t, `{"ingress":[{"action":"Deny","protocol":"TCP","source":{"ports":[80]}}]}`, test.change)
			_, known, problems := m.declared()
			if got := said(problems); known || len(got) != len(test.want) || len(got) > 0 && !strings.HasPrefix(got[0], test.want[0]) {
				t.Errorf("known %t, got %q, want %q", known, got, test.want)
			}
		})
	}
}

func TestTierIsAcknowledged(t *testing.T) {
	t.Parallel()
	const open, said = `{"tier":"security","ingress":[{"action":"Deny","protocol":"TCP"}]}`, `{"tier":"security","ingress":[{"action":"Deny","protocol":"TCP"},{"action":"Pass"}]}`
	for name, test := range map[string]struct {
		document, action string
		change           func(*model)
		wants            bool
	}{
		"drops":            {document: open, action: "Deny", wants: true},
		"acknowledged":     {document: open, action: "Deny", change: acknowledging(endOfTierDrop)},
		"passes in itself": {document: said, action: "Deny"},
		"tier passes":      {document: open, action: "Pass"},
		"both directions":  {document: strings.Replace(said, `"ingress"`, `"types":["Ingress","Egress"],"ingress"`, 1), action: "Deny", wants: true},
	} {
		m := modelOf(t, test.document, func(m *model) { m.Tier = types.StringValue("security") })
		if test.change != nil {
			test.change(m)
		}
		d, _, _ := m.declared()
		if got := d.inTier(calico.Tier{Name: "security", DefaultAction: test.action}); (len(got) > 0) != test.wants {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestImportKey(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]map[string]string{
		"web": {"name": "web"}, "shop/web": {"namespace": "shop", "name": "web"}, "shop,web": {"namespace": "shop", "name": "web"}, "security.web": {"name": "security.web"},
		"a/b/c": nil, "/web": nil, "shop/": nil, "a,b/c": nil, "a,b,c": nil,
	} {
		got, err := importKey(strings.Split(id, ","))
		if (err == nil) != (want != nil) || !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v", id, got, err)
		}
	}
}

func TestImportRefusesWhatCannotBeSaid(t *testing.T) {
	t.Parallel()
	for document, says := range map[string]string{
		`{"ingress":[{"action":"Deny","notICMP":{"type":8}}]}`:                          "excluded ICMP type 8",
		`{"ingress":[{"action":"Allow","http":{"methods":["GET"]}}]}`:                   "HTTP match",
		`{"performanceHints":["AssumeNeededOnEveryNode"]}`:                              "performance hints",
		`{"ingress":[{"action":"Allow","source":{"serviceAccounts":{"names":["a"]}}}]}`: "service accounts",
		`{"selector":"x"}`: "",
	} {
		m := &model{Name: types.StringValue("web"), Tier: types.StringValue(defaultTier)}
		err := m.adopt(calico.Policy{Name: "web", Spec: specOf(t, document)})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", document, err)
		}
	}
	if err := (&model{}).adopt(calico.Policy{Name: "allow-icmp"}); err == nil || !strings.Contains(err.Error(), "IBM") {
		t.Errorf("IBM's: %v", err)
	}
}

func TestSameRule(t *testing.T) {
	t.Parallel()
	rule := func(fields string) attr.Value {
		return rulesValue(specOf(t, `{"ingress":[{"action":"Deny",`+fields+`}]}`).Ingress).Elements()[0]
	}
	for name, test := range map[string]struct {
		a, b string
		same bool
	}{
		"ports joined":     {`"protocol":"TCP","destination":{"ports":["80:90","91"]}`, `"protocol":6,"destination":{"ports":["80:91"]}`, true},
		"nets reordered":   {`"source":{"nets":["10.0.0.1","11.0.0.0/8"]}`, `"source":{"nets":["11.0.0.0/8","10.0.0.1/32"]}`, true},
		"quotes":           {`"source":{"selector":"a=='b'"}`, `"source":{"selector":"a == \"b\""}`, true},
		"another port":     {`"protocol":"TCP","destination":{"ports":[80]}`, `"protocol":"TCP","destination":{"ports":[81]}`, false},
		"said by another":  {`"protocol":"TCP"`, `"protocol":"UDP"`, false},
		"more is said":     {`"protocol":"TCP"`, `"protocol":"TCP","source":{"nets":["10.0.0.0/8"]}`, false},
		"nothing is wrong": {`"source":{"nets":["10.0.0.0/99"]}`, `"source":{"nets":["10.0.0.0/99"]}`, false},
	} {
		if got := sameRule(rule(test.a), rule(test.b)); got != test.same {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What an identity says is found again by an import.
func TestIdentityTellsTheTier(t *testing.T) {
	t.Parallel()
	for tier, want := range map[string]string{defaultTier: "web", "security": "security.web"} {
		name := part{}.Describe().IdentityName(func(attribute string) string { return map[string]string{"name": "web", "tier": tier}[attribute] })
		if name != want {
			t.Errorf("in tier %s the identity has %q, want %q", tier, name, want)
		}
		m := &model{Name: types.StringValue(name)}
		if m.locate(); m.Tier.ValueString() != tier || m.Name.ValueString() != "web" {
			t.Errorf("%q is taken for %s in tier %s", name, m.Name.ValueString(), m.Tier.ValueString())
		}
	}
}
