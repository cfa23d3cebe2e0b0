package networkpolicy

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func TestParsePort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"80": "80", "0080": "80", "65535": "65535", "30000:32767": "30000:32767", "80:80": "80", "http": "http", "http-2": "http-2", "8080-tcp": "8080-tcp",
		"0": "", "65536": "", "-1": "", "": "", "2:1": "", "0:5": "", "1:": "", ":1": "", "1:2:3": "", "a:b": "", "80-90": "", "80,90": "", "ht tp": "", "1.5": "",
	} {
		got, err := parsePort(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

func TestParseNet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3": "10.1.2.3/32", "10.1.2.3/32": "10.1.2.3/32", "2001:DB8::/32": "2001:db8::/32", "::1": "::1/128", "0.0.0.0/0": "0.0.0.0/0",
		"10.1.2.3/8": "", "10.0.0.0/33": "", "10.0.0": "", "": "", "fe80::1%eth0": "", "host": "", "10.0.0.0/08": "", "::ffff:10.0.0.1": "", "::ffff:10.0.0.0/104": "",
	} {
		got, err := parseNet(text)
		if (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

func TestParseProtocol(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"TCP": "TCP", "tcp": "TCP", "icmpv6": "ICMPv6", "112": "112", "6": "TCP", "0058": "ICMPv6", "256": "", "FTP": "FTP"} {
		got, err := parseProtocol(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: got %s, %v", text, got.String(), err)
		}
	}
}

// FuzzPort wants that what is taken for a port reads back as it is, and that
// Calico takes it.
func FuzzPort(f *testing.F) {
	for _, seed := range []string{"80", "30000:32767", "http", "2:1", "0", "65536", "80-90", "0080", "1:2:3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		port, err := parsePort(text)
		if err != nil {
			return
		}
		again, err := parsePort(port.String())
		if err != nil || again != port {
			t.Fatalf("%q is %s, and that is %s, %v", text, port, again, err)
		}
		spec := specOf(t, `{"ingress":[{"action":"Deny","protocol":"TCP"}]}`)
		spec.Ingress[0].Destination.Ports = append(spec.Ingress[0].Destination.Ports, port)
		if wrong := calico.Check("x", spec); len(wrong) > 0 {
			t.Fatalf("%q is taken, and Calico says %v", text, wrong)
		}
	})
}

// FuzzNet wants the same of networks, and that they contain what was written.
func FuzzNet(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "10.1.2.3", "2001:DB8::/32", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "10.1.2.3/8", "fe80::1%x", "0.0.0.0/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		net, err := parseNet(text)
		if err != nil {
			return
		}
		if again, err := parseNet(net); err != nil || again != net {
			t.Fatalf("%q is %s, and that is %s, %v", text, net, again, err)
		}
		bare, _, _ := strings.Cut(text, "/")
		if address, err := netip.ParseAddr(bare); err != nil || !netip.MustParsePrefix(net).Contains(address) {
			t.Fatalf("%q is %s", text, net)
		}
		spec := specOf(t, `{"ingress":[{"action":"Deny"}]}`)
		spec.Ingress[0].Source.Nets = []string{net}
		if wrong := calico.Check("x", spec); len(wrong) > 0 {
			t.Fatalf("%q is taken, and Calico says %v", text, wrong)
		}
	})
}

// FuzzRules takes any policy at all as an import would. What its attributes can
// say must come back the same, but for other spellings of a network, and what
// they cannot say must show.
func FuzzRules(f *testing.F) {
	for _, seed := range samples() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		spec, err := readSpec(document)
		if err != nil {
			return
		}
		m := model{}
		m.declare(spec)
		d, known, _ := m.declared()
		if !known {
			t.Fatalf("%s: something is not known", document)
		}
		if len(calico.Diff(spec, d.spec)) > 0 {
			return // not imported
		}
		again := model{}
		again.declare(d.spec)
		twice, _, _ := again.declared()
		if !calico.Equal(d.spec, twice.spec) || !slices.EqualFunc(again.Ingress.Elements(), m.Ingress.Elements(), sayTheSame) || !slices.EqualFunc(again.Egress.Elements(), m.Egress.Elements(), sayTheSame) ||
			!again.Types.Equal(m.Types) || !again.Selector.Equal(m.Selector) || !again.Order.Equal(m.Order) {
			t.Fatalf("%s: it became\n%v\nand then\n%v", document, m, again)
		}
		settled := model{}
		settled.declare(twice.spec)
		if !settled.Ingress.Equal(again.Ingress) || !settled.Egress.Equal(again.Egress) {
			t.Fatalf("%s: it became\n%v\nand is spelt otherwise each time:\n%v", document, again, settled)
		}
		for i, rule := range m.Ingress.Elements() {
			if !sameRule(rule, again.Ingress.Elements()[i]) && len(problemsOf(rule)) == 0 {
				t.Fatalf("%s: rule %d is not the same as itself: %v", document, i, rule)
			}
		}
	})
}

// samples are policies as they are found in clusters.
func samples() []string {
	return []string{
		`{"order":1100,"preDNAT":true,"applyOnForward":true,"selector":"ibm.role=='worker_public'","types":["Ingress"],"ingress":[{"action":"Deny","protocol":"TCP","destination":{"ports":["30000:32767"]}}]}`,
		`{"tier":"default","order":1500,"selector":"ibm.role == 'worker_private'","egress":[{"action":"Allow","protocol":112},{"action":"Allow","protocol":"UDP","destination":{"nets":["172.20.0.0/24"],"ports":[2040,2041]}}],"types":["Egress"]}`,
		`{"selector":"all()","namespaceSelector":"a == 'b'","serviceAccountSelector":"x in {'y'}","ingress":[{"action":"Pass","notProtocol":6,"source":{"notNets":["10.0.0.1/32"],"selector":"has(a)","notSelector":"b != 'c'","namespaceSelector":"global()"}}]}`,
		`{"ingress":[{"action":"Deny","ipVersion":6},{"action":"Allow","ipVersion":4,"source":{"nets":["10.0.0.0/8"]}},{"action":"Allow","ipVersion":4,"protocol":"ICMPv6"}]}`,
		`{"ingress":[{"action":"Allow","protocol":"ICMP","icmp":{"type":8,"code":0}},{"action":"Log","protocol":"TCP","source":{"notPorts":["http"]}}],"egress":[]}`,
		`{"ingress":[{"action":"Allow","http":{"methods":["GET"]},"ipVersion":4,"source":{"services":{"name":"x"}}}]}`,
		`{"types":["Egress","Ingress"],"selector":" "}`,
		`{"ingress":[{"action":"Allow","source":{"nets":["10.0.0.8"]}}]}`,
	}
}

// problemsOf gives what is wrong in a rule's value.
func problemsOf(rule attr.Value) []framework.Problem {
	var r reader
	r.rule(path.Empty(), rule)
	return r.problems
}

func specOf(t *testing.T, document string) calico.Spec {
	t.Helper()
	spec, err := readSpec(document)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return spec
}

// readSpec reads a policy's spec as the API gives it.
func readSpec(document string) (calico.Spec, error) {
	var spec calico.Spec
	err := json.Unmarshal([]byte(document), &spec)
	return spec, err
}
