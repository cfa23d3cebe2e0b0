package calico

import (
	"strings"
	"testing"
)

// refused are specs that Calico does not take, with the field that is at fault. A test on a real Calico API server
// holds this table against the truth.
func refused() map[string]struct{ document, field string } {
	return map[string]struct{ document, field string }{
		"preDNAT without applyOnForward":    {`{"preDNAT":true}`, "spec.applyOnForward"},
		"doNotTrack without applyOnForward": {`{"doNotTrack":true}`, "spec.applyOnForward"},
		"preDNAT with doNotTrack":           {`{"preDNAT":true,"doNotTrack":true,"applyOnForward":true}`, "spec.preDNAT"},
		"preDNAT with egress":               {`{"preDNAT":true,"applyOnForward":true,"egress":[{"action":"Allow"}],"types":["Ingress"]}`, "spec.egress"},
		"preDNAT with the type egress":      {`{"preDNAT":true,"applyOnForward":true,"types":["Egress"]}`, "spec.egress"},
		"type twice":                        {`{"types":["Ingress","Ingress"]}`, "spec.types[1]"},
		"unknown type":                      {`{"types":["Sideways"]}`, "spec.types[0]"},
		"unknown action":                    {`{"ingress":[{"action":"Drop"}]}`, "spec.ingress[0].action"},
		"no action":                         {`{"egress":[{}]}`, "spec.egress[0].action"},
		"IP version":                        {`{"ingress":[{"action":"Deny","ipVersion":5}]}`, "spec.ingress[0].ipVersion"},
		"unknown protocol":                  {`{"ingress":[{"action":"Deny","protocol":"FTP"}]}`, "spec.ingress[0].protocol"},
		"protocol 0":                        {`{"ingress":[{"action":"Deny","notProtocol":0}]}`, "spec.ingress[0].notProtocol"},
		"ports without protocol":            {`{"ingress":[{"action":"Deny","destination":{"ports":[80]}}]}`, "spec.ingress[0].destination.ports"},
		"ports with ICMP":                   {`{"ingress":[{"action":"Deny","protocol":"ICMP","source":{"notPorts":[80]}}]}`, "spec.ingress[0].source.notPorts"},
		"port 0":                            {`{"ingress":[{"action":"Deny","protocol":"TCP","destination":{"ports":[0]}}]}`, "spec.ingress[0].destination.ports[0]"},
		"ICMP without protocol":             {`{"ingress":[{"action":"Deny","icmp":{"type":8}}]}`, "spec.ingress[0].icmp"},
		"ICMP of IPv6":                      {`{"ingress":[{"action":"Deny","protocol":"ICMP","ipVersion":6}]}`, "spec.ingress[0].ipVersion"},
		"ICMP type":                         {`{"ingress":[{"action":"Deny","protocol":"ICMP","icmp":{"type":255}}]}`, "spec.ingress[0].icmp.type"},
		"ICMP code":                         {`{"ingress":[{"action":"Deny","protocol":"ICMP","icmp":{"type":3,"code":256}}]}`, "spec.ingress[0].icmp.code"},
		"ICMP code without type":            {`{"ingress":[{"action":"Deny","protocol":"ICMP","icmp":{"code":0}}]}`, "spec.ingress[0].icmp.code"},
		"not a net":                         {`{"ingress":[{"action":"Deny","source":{"nets":["10.0.0.0/33"]}}]}`, "spec.ingress[0].source.nets[0]"},
		"host bits":                         {`{"ingress":[{"action":"Deny","source":{"nets":["10.1.2.3/8"]}}]}`, "spec.ingress[0].source.nets[0]"},
		"address without length":            {`{"ingress":[{"action":"Deny","source":{"nets":["10.1.2.3"]}}]}`, "spec.ingress[0].source.nets[0]"},
		"both versions":                     {`{"ingress":[{"action":"Deny","source":{"nets":["10.0.0.0/8"]},"destination":{"notNets":["2001:db8::/32"]}}]}`, "spec.ingress[0].destination.notNets[0]"},
		"net of the other version":          {`{"ingress":[{"action":"Deny","ipVersion":6,"source":{"nets":["10.0.0.0/8"]}}]}`, "spec.ingress[0].source.nets[0]"},
		"broken selector":                   {`{"selector":"a == b"}`, "spec.selector"},
		"broken account selector":           {`{"serviceAccountSelector":"a ="}`, "spec.serviceAccountSelector"},
		"broken namespace selector":         {`{"namespaceSelector":"(a"}`, "spec.namespaceSelector"},
		"broken selector of a rule":         {`{"ingress":[{"action":"Deny","destination":{"notSelector":"has a"}}]}`, "spec.ingress[0].destination.notSelector"},
		"global() as selector":              {`{"selector":"global()"}`, "spec.selector"},
		"global() as selector of a rule":    {`{"ingress":[{"action":"Deny","source":{"selector":"global()"}}]}`, "spec.ingress[0].source.selector"},
		"global() and more":                 {`{"ingress":[{"action":"Deny","source":{"namespaceSelector":"global() || a == 'b'"}}]}`, "spec.ingress[0].source.namespaceSelector"},
		"HTTP on a deny":                    {`{"ingress":[{"action":"Deny","http":{"methods":["GET"]}}]}`, "spec.ingress[0].http"},
	}
}

// accepted are specs that Calico takes.
func accepted() map[string]string {
	return map[string]string{
		"published":              published,
		"empty":                  `{}`,
		"both ways":              `{"order":5.5,"egress":[{"action":"Allow","protocol":"SCTP","destination":{"ports":["http",1,"2:3"]}}],"ingress":[{"action":"Log"},{"action":"Pass","protocol":112}]}`,
		"IPv6":                   `{"ingress":[{"action":"Deny","ipVersion":6,"source":{"nets":["2001:db8::1/128"],"notNets":["2001:db8::/64"]}}]}`,
		"ICMP":                   `{"ingress":[{"action":"Allow","protocol":"ICMP","ipVersion":4,"icmp":{"type":8,"code":0}}]}`,
		"untracked":              `{"doNotTrack":true,"applyOnForward":true,"types":["Ingress","Egress"],"egress":[{"action":"Allow"}]}`,
		"ports by UDP":           `{"ingress":[{"action":"Deny","protocol":17,"source":{"notPorts":["1:65535"]}}]}`,
		"selectors":              `{"selector":"ibm.role in { 'worker_public', 'master_public' }","ingress":[{"action":"Allow","source":{"selector":"!has(x) || all()"}}]}`,
		"global() as namespaces": `{"ingress":[{"action":"Deny","source":{"namespaceSelector":"global()","selector":"a == 'b'"}}]}`,
		"HTTP on allow":          `{"ingress":[{"action":"Allow","http":{"methods":["GET"]}}]}`,
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range refused() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := Check("guard", spec(t, test.document))
			if len(found) == 0 || found[0].Field != test.field {
				t.Errorf("got %v, want %s", found, test.field)
			}
		})
	}
	for name, document := range accepted() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := Check("guard", spec(t, document)); len(found) > 0 {
				t.Error(found)
			}
		})
	}
}

func TestCheckNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"guard": true, "a": true, "security.guard": true, "deny-kube-node-port-services": true, strings.Repeat("a", 244): true,
		"": false, "Guard": false, "a.b.c": false, "-a": false, "a-": false, "a_b": false, ".a": false, "a/b": false, strings.Repeat("a", 245): false,
	} {
		if found := Check(name, spec(t, `{}`)); (len(found) == 0) != ok {
			t.Errorf("%q: %v", name, found)
		}
	}
}

func TestCheckNamespaced(t *testing.T) {
	t.Parallel()
	for document, field := range map[string]string{
		`{"selector":"a == 'b'"}`:            "",
		`{"ingress":[{}]}`:                   "spec.ingress[0].action",
		`{"applyOnForward":true}`:            "spec.applyOnForward",
		`{"namespaceSelector":"a == 'b'"}`:   "spec.namespaceSelector",
		`{"preDNAT":true,"doNotTrack":true}`: "spec.preDNAT",
	} {
		found := CheckNamespaced("web", spec(t, document))
		if (len(found) == 0) != (field == "") || field != "" && found[0].Field != field {
			t.Errorf("%s: %v", document, found)
		}
	}
}
