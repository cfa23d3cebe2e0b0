package provider_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// policiesOfAllKinds says all that policies of the provider can say.
const policiesOfAllKinds = `
locals { inside = "projectcalico.org/name == 'default'" }

resource "iks_network_policy" "global" {
  cluster                  = "classic"
  name                     = "everything"
  order                    = 812.5
  selector                 = "app in { 'web', 'api' } && !has(internal)"
  namespace_selector       = local.inside
  service_account_selector = "team == \"shop\""
  types                    = ["Egress", "Ingress"]
  ingress = [
    { action = "Log", protocol = "TCP", source = { ports = ["1:1023"] } },
    { action = "Pass", protocol = "UDPLite" },
    { action = "Allow", protocol = "icmp", icmp = { type = 8, code = 0 } },
    { action = "Allow", protocol = 58, ip_version = 6, icmp = { type = 128 } },
    { action = "Deny", not_protocol = "112" },
    {
      action      = "Allow"
      protocol    = "tcp"
      source      = { nets = ["192.0.2.7", "10.0.0.0/8"], not_nets = ["10.9.0.0/16"], not_ports = [22] }
      destination = { ports = [443, "8000:8010", 80, "http"], not_ports = ["8005:8006"] }
    },
    { action = "Allow", source = { selector = "a == 'b'", not_selector = "has(c)", namespace_selector = local.inside } },
  ]
  egress = [
    { action = "Allow", protocol = "UDP", destination = { nets = ["2001:db8::/32"], ports = [53] } },
    { action = "Deny" },
  ]
}

resource "iks_network_policy" "before_dnat" {
  cluster          = "classic"
  name             = "before-dnat"
  order            = 1200
  selector         = "ibm.role == 'worker_public'"
  pre_dnat         = true
  apply_on_forward = true
  ingress          = [{ action = "Deny", protocol = "SCTP", destination = { ports = [9] } }]
}

resource "iks_network_policy" "untracked" {
  cluster          = "classic"
  name             = "untracked"
  selector         = "ibm.role == 'worker_public'"
  do_not_track     = true
  apply_on_forward = true
  ingress          = [{ action = "Deny", protocol = "UDP", destination = { ports = [9] } }]
  egress           = [{ action = "Deny", protocol = "UDP", source = { ports = [9] } }]
}

resource "iks_network_policy" "tiered" {
  cluster  = "classic"
  name     = "tiered"
  tier     = "calicoctls"
  selector = "all()"
  ingress  = [{ action = "Pass" }]
}

resource "iks_network_policy" "namespaced" {
  cluster                  = "classic"
  name                     = "namespaced"
  namespace                = "default"
  order                    = 3
  selector                 = "all()"
  service_account_selector = "has(team)"
  egress                   = [{ action = "Allow", protocol = 6, destination = { namespace_selector = "all()", ports = ["https"] } }]
}

resource "iks_nodeport_guard" "it" {
  cluster = "classic"
}

resource "iks_inbound_guard" "it" {
  cluster             = "classic"
  pass_source_cidrs   = ["192.0.2.0/24"]
  pass                = [{ source_cidrs = ["203.0.113.7/32"], destination_cidrs = ["169.50.1.2/32"], protocol = "UDP", ports = [500, 4500] }]
  log                 = [{ protocol = "TCP", ports = [23, "3389:3390"] }]
  ipvs_load_balancers = [{ address = "169.50.1.3", protocol = "TCP", ports = [80, 443] }]
}

resource "iks_network_isolation" "private" {
  cluster    = "classic"
  network    = "private"
  allow      = ["vrrp", "services", "vpn"]
  peer_cidrs = ["10.9.0.0/16"]
  confirm    = "none"
}

resource "iks_network_isolation" "public" {
  cluster = "classic"
  network = "public"
  allow   = ["services", "istio"]
  confirm = "none"
}
`

// importsOfAllKinds leads to what is made by hand.
func importsOfAllKinds() string {
	out := ""
	for to, id := range map[string]string{
		"iks_network_policy.global": "everything", "iks_network_policy.before_dnat": "before-dnat", "iks_network_policy.untracked": "untracked",
		"iks_network_policy.tiered": "calicoctls.tiered", "iks_network_policy.namespaced": "default/namespaced",
		"iks_nodeport_guard.it":         "deny-kube-node-port-services", // the default name
		"iks_inbound_guard.it":          "block-public-inbound",
		"iks_network_isolation.private": "private", "iks_network_isolation.public": "public",
	} {
		out += fmt.Sprintf("import {\n  to = %s\n  id = \"classic,%s\"\n}\n", to, id)
	}
	return out
}

// calicoctl reads, exports and applies what the provider has written, and
// nothing is another afterwards; what calicoctl has made is imported as it is.
func TestAccCalicoctl(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	tool := acctest.NewCalicoctl(t, c)
	const tier = "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: calicoctls}\nspec: {order: 500}\n"
	tool.Run(tier, "create", "-f", "-")
	defer tool.Run("", "delete", "tier", "calicoctls")
	strangers := policiesOf(t, c)

	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+policiesOfAllKinds)
	w.MustApply()
	w.MustPlanEmpty()
	written := policiesOf(t, c)
	ours := maps.Clone(written)
	maps.DeleteFunc(ours, func(name, _ string) bool { _, is := strangers[name]; return is })
	if len(ours) < 22 {
		t.Fatalf("only %d policies were written", len(ours))
	}

	kept := func(did string) {
		t.Helper()
		now := policiesOf(t, c)
		if len(now) != len(written) {
			t.Errorf("%s: there are %d policies, and were %d", did, len(now), len(written))
		}
		for name := range written {
			if now[name] != written[name] {
				t.Errorf("%s: %s is\n%s\nand was\n%s", did, name, now[name], written[name])
			}
		}
	}
	for _, args := range [][]string{{"-o", "yaml"}, {"-o", "yaml", "--export"}} {
		for _, p := range placesOf(ours) {
			p.run(tool, p.get(tool, args...), "apply")
		}
		kept("read with " + strings.Join(args, " ") + " and applied")
	}
	w.MustPlanEmpty()

	for _, p := range placesOf(ours) {
		exported := p.get(tool, "-o", "yaml", "--export")
		p.run(tool, exported, "delete")
		p.run(tool, unmarked(t, exported), "create")
	}
	kept("exported, removed and made")
	w = acctest.NewWorkspace(t, acctest.ProviderBlock(e)+importsOfAllKinds()+policiesOfAllKinds)
	for _, change := range w.MustApply().Planned {
		// How an isolation is confirmed stands nowhere in the cluster.
		if change.Action != "import" && !strings.HasPrefix(change.Address, "iks_network_isolation.") {
			t.Errorf("importing does %s to %s", change.Action, change.Address)
		}
	}
	w.MustPlanEmpty()
	if err := c.SetCalicoAPI(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.SetCalicoAPI(context.Background(), true); err != nil {
			t.Error(err)
		}
	}()
	w.MustPlanEmpty()
	w.MustDestroy()
	for name := range policiesOf(t, c) {
		if _, is := strangers[name]; !is {
			t.Errorf("%s is still there", name)
		}
	}
}

// policiesOf gives the specs of a cluster's stored policies by kind, namespace
// and name. The rest calicoctl rewrites: it labels policies with their tier.
func policiesOf(t *testing.T, c *localiks.Cluster) map[string]string {
	t.Helper()
	specs := map[string]string{}
	for name, object := range acctest.TakeSnapshot(t, c) {
		if strings.Contains(name, "networkpolicies/") {
			_, spec, has := strings.Cut(object, "\n \"spec\":")
			if !has {
				t.Fatalf("%s has no spec: %s", name, object)
			}
			specs[name] = spec
		}
	}
	return specs
}

// place is where policies stand.
type place struct{ kind, namespace string }

// policies of one place, by name.
type policies struct {
	place
	names []string
}

// placesOf sorts policies by where they stand, as calicoctl wants them.
func placesOf(specs map[string]string) []policies {
	names := map[place][]string{}
	for title := range specs {
		part := strings.Split(title, "/")
		at := place{kind: strings.TrimSuffix(part[0], "ies") + "y", namespace: part[1]}
		// "default." stands only in what is stored.
		names[at] = append(names[at], strings.TrimPrefix(part[2], "default."))
	}
	var out []policies
	for at, there := range names {
		out = append(out, policies{at, there})
	}
	return out
}

func (p policies) get(tool *acctest.Calicoctl, args ...string) string {
	get := append([]string{"get", p.kind}, p.names...)
	return tool.Run("", append(append(get, p.in()...), args...)...)
}

// run does something with documents, which do not name their namespace when
// they were exported.
func (p policies) run(tool *acctest.Calicoctl, documents, verb string) {
	tool.Run(documents, append([]string{verb, "-f", "-"}, p.in()...)...)
}

func (p policies) in() []string {
	if p.namespace == "" {
		return nil
	}
	return []string{"--namespace", p.namespace}
}

// unmarked takes from documents what tells of their maker.
func unmarked(t *testing.T, exported string) string {
	t.Helper()
	var documents []map[string]any
	if err := yaml.Unmarshal([]byte(exported), &documents); err != nil {
		// It is one document.
		documents = make([]map[string]any, 1)
		if err := yaml.Unmarshal([]byte(exported), &documents[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, document := range documents {
		unstructured.RemoveNestedField(document, "metadata", "labels")
		unstructured.RemoveNestedField(document, "metadata", "annotations")
	}
	out, err := yaml.Marshal(documents)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
