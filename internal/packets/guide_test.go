package packets

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

const guideFile = "../../templates/guides/proof.md.tmpl"

// TestGuide compares the guide with what the scenarios say; with -update it is
// written anew. It needs nothing that packets need.
func TestGuide(t *testing.T) {
	t.Parallel()
	want := guide()
	if slices.Contains(flag.Args(), "update") {
		if err := os.WriteFile(guideFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(guideFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("templates/guides/proof.md.tmpl is stale; write it with `go test ./internal/packets -run TestGuide -args update`, then run `make docs`:\n%s", diff)
	}
}

// Every scenario must be able to fail: with the resource left out, a probe
// that is to meet its verdict with it does not.
func TestScenariosTell(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		if !sc.tells() {
			t.Errorf("%s %s: no probe tells the resource from its absence", sc.resource, sc.name)
		}
	}
}

const guideHead = `---
page_title: "What is proven, and how"
subcategory: ""
description: |-
  What the resources do to traffic, as shown by real packets through real Calico, kube-proxy and strongSwan.
---

# What is proven, and how

A policy object in the API server proves nothing about traffic. So the provider's tests send packets. ` + "`make test`" + `, run as root, builds
a network of Linux namespaces: workers with a public and a private interface as on classic infrastructure, two routers, a client on the
internet, a company's office behind its gateway, another server of the account, and pods. On every worker run the real calico-felix and the
real kube-proxy, against the real API server of a cluster of the local IKS with its host endpoints and IBM's default policies as IBM documents
them. Pods look names up in a real CoreDNS. VPN pods and canaries run for real as well, strongSwan and busybox with the files, rights and probes
that stand in the API server. Only the cloud around is played: most pods just answer on their ports, and there is no IPVS in the kernel, so of
load balancers of version 2.0 the policies before connection tracking are shown, and not IPVS's own way of packets. IBM's chart and what its
image does beside strongSwan are played by stand-ins with the same values, objects and files; its ipsec.conf and the file of its key are run by
a real strongSwan. One thing is more than IKS has: a Service of both IP versions, so that kube-proxy serves node ports over IPv6 too, and what
closes them is seen to.

Each scenario below is a configuration that is applied with Terraform. Its probes, new connections over TCP and packets over UDP, are sent
before the apply, after it, and after the destroy, and each must meet its verdict all three times: *open* (answered), *dropped* (no answer),
*refused* (nothing serves the port), *no such name* (the cluster's DNS, a real CoreDNS, does not know it). At least one verdict of each scenario is another with the resource than without, so leaving the resource
out fails the scenario. An address that a resource is given by the cluster can only be probed after the apply and after the destroy. This page is written from the tables that the tests run.

Scenarios with Calico policies run twice, but for the one with a canary: through ` + "`projectcalico.org/v3`" + `, and through
` + "`crd.projectcalico.org/v1`" + ` on clusters without the Calico API server, with the same verdicts. The others touch no object of Calico's, so
an open or shut door makes no difference to them.

`

// guide is the page, from the scenarios.
func guide() string {
	var out strings.Builder
	out.WriteString(guideHead)
	all := scenarios()
	out.WriteString("| resource | scenario | Calico API |\n|---|---|---|\n")
	for _, sc := range all {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", sc.resource, sc.name, sc.doors())
	}
	resource := ""
	for _, sc := range all {
		if sc.resource != resource {
			resource = sc.resource
			fmt.Fprintf(&out, "\n## %s\n", resource)
		}
		sc.describe(&out)
	}
	return out.String()
}

// describe writes a scenario's part of the page.
func (sc scenario) describe(out *strings.Builder) {
	name := strings.ToUpper(sc.name[:1]) + sc.name[1:]
	fmt.Fprintf(out, "\n### %s\n\n```terraform\n%s\n```\n\n", name, formatted(sc.config))
	out.WriteString("| from | to | ports | without | with |" + sc.each(" %s |", func(v variant) string { return v.title }) +
		"\n|---|---|---|---|---|" + sc.each("%s|", func(variant) string { return "---" }) + "\n")
	for i, l := range sc.lines {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |%s\n", join(l.from), l.to, l.portsText(), l.without, l.marked(l.with),
			sc.each(" %s |", func(v variant) string { return l.marked(v.with[i]) }))
	}
	if len(sc.variants) > 0 {
		fmt.Fprintf(out, "\nThe last columns: with the same policy changed, by one more apply each.\n")
	}
	if n := len(sc.eachStep); n > 0 {
		fmt.Fprintf(out, "\nThe first %d lines are also proven after each single policy that the apply and the destroy write: an apply that is stopped anywhere does not cut them off.\n", n)
	}
	if sc.tunnel != nil {
		fmt.Fprint(out, "\nWhile the tunnel is there, every worker has a route through it to the company's network; before the apply and after the destroy none has.\n")
	}
	list(out, "Connections that are open before the apply stay open:", sc.keeps)
	list(out, "Connections that are open before the apply break:", sc.breaks)
	if sc.changed != "" {
		fmt.Fprintf(out, "\nThen, while all these probes are sent over and over and none may meet another verdict, it is changed to:\n\n```terraform\n%s\n```\n", formatted(sc.changed))
	}
}

// list writes what a list of connections is about, and the list, if there is any.
func list(out *strings.Builder, about string, connections []line) {
	if len(connections) > 0 {
		fmt.Fprintf(out, "\n%s\n\n", about)
	}
	for _, l := range connections {
		fmt.Fprintf(out, "- %s to %s, %s\n", join(l.from), l.to, l.portsText())
	}
}

// each writes something of each variant.
func (sc scenario) each(format string, of func(variant) string) string {
	text := ""
	for _, v := range sc.variants {
		text += fmt.Sprintf(format, of(v))
	}
	return text
}

// marked is a verdict, in bold if the resource makes it.
func (l line) marked(with dataplane.Verdict) string {
	if with != l.without {
		return "**" + string(with) + "**"
	}
	return string(with)
}

// formatted is a configuration as `terraform fmt` writes it.
func formatted(config string) string {
	return strings.TrimSpace(string(hclwrite.Format([]byte(config))))
}

func join(list []who) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

// portsText is such as "TCP and UDP 30000, 31080".
func (l line) portsText() string {
	protocols := "TCP and UDP"
	if l.protocols != nil {
		protocols = strings.Join(l.protocols, ", ")
	}
	if protocols == dataplane.ICMP {
		return "ICMP (ping)"
	}
	ports := make([]string, len(l.ports))
	for i, port := range l.ports {
		ports[i] = fmt.Sprint(port)
	}
	return protocols + " " + strings.Join(ports, ", ")
}
