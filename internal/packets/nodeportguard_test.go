package packets

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
)

// Node ports of the stage, at both ends of their range and between; ports of
// its load balancers right beside the range.
var (
	nodePorts = []uint16{30000, 31080, 32767}
	beside    = []uint16{29999, 32768}
)

// ownPods is what the names of the cluster's pods begin with.
const ownPods = clusterName + "-app-"

// Where daemons of every worker serve: TCP in the range of node ports, and UDP
// where over TCP metrics are.
const (
	hostPort    = 31500
	metricsPort = 9100
)

// opensPublic opens the public interface to everything, which IBM's policies do not.
const opensPublic = `
resource "iks_network_policy" "open" {
  cluster  = var.cluster
  name     = "open"
  order    = 800
  selector = "ibm.role == 'worker_public'"
  ingress  = [{ action = "Allow" }]
}
`

// untouched is traffic that no guard of node ports has to do with.
func untouched() []line {
	return []line{
		{from: []who{client, office}, to: web, ports: []uint16{80, 32768}, without: open, with: open},
		{from: []who{client, office}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: open},
		{from: []who{worker, pod}, to: master, ports: []uint16{31235}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour, worker, pod}, to: workersPrivate, ports: []uint16{10250}, protocols: tcp, without: open, with: open},
		{from: []who{client}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
		{from: []who{pod}, to: pods, ports: []uint16{8080}, without: open, with: open},
		{from: []who{pod}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
	}
}

// guard is a configuration with arguments besides the cluster, each a line.
func guard(arguments ...string) string {
	config := "resource \"iks_nodeport_guard\" \"it\" {\n  cluster = var.cluster\n"
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
}

func nodePortGuard() []scenario {
	all := []scenario{
		{
			name:   "closes node ports on the public interface of every worker, and nothing else",
			config: guard(),
			lines: append(untouched(), []line{
				{from: []who{client, office}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: web, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: web, ports: beside, without: open, with: open},
				{from: []who{neighbour, worker}, to: workersPrivate, ports: nodePorts, without: open, with: open},
			}...),
			keeps: []line{
				{from: []who{client}, to: workers, ports: nodePorts, protocols: tcp},
				{from: []who{client}, to: web, ports: beside, protocols: tcp},
			},
		},
		{
			name:   "leaves node ports open on exempt addresses: the edge workers'",
			config: guard("exempt_addresses = var.edge_addresses"),
			lines: []line{
				{from: []who{client, office}, to: edge, ports: nodePorts, without: open, with: open},
				{from: []who{client, office}, to: others, ports: nodePorts, without: open, with: dropped},
			},
		},
		{
			name:   "lets allowed sources in and nobody else",
			config: guard("allowed_source_cidrs = [var.office_cidr]"),
			lines: []line{
				{from: []who{office}, to: workers, ports: nodePorts, without: open, with: open},
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{office}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
			},
		},
		{
			name:   "leaves allowed destinations open and no other",
			config: guard("allowed_destination_cidrs = [var.first_cidr]"),
			lines: []line{
				{from: []who{client, office}, to: first, ports: nodePorts, without: open, with: open},
				{from: []who{client, office}, to: rest, ports: nodePorts, without: open, with: dropped},
			},
		},
		{
			name:   "closes the private interface where it is asked to",
			config: guard(`host_endpoint_roles = ["worker_public", "worker_private"]`),
			lines: append(untouched(), []line{
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{neighbour}, to: workersPrivate, ports: nodePorts, without: open, with: dropped},
			}...),
		},
		{
			name:   "closes the protocols that it is asked to",
			config: guard(`protocols = ["UDP"]`),
			lines: []line{
				{from: []who{client}, to: workers, ports: nodePorts, protocols: udp, without: open, with: dropped},
				{from: []who{client}, to: workers, ports: nodePorts, protocols: tcp, without: open, with: open},
			},
		},
		{
			name:   "closes 20000:32767, load balancers' own ports in it included, once they are acknowledged",
			config: guard(`port_ranges = ["20000:32767"]`, `acknowledged_load_balancer_ports = [27017, 29999]`),
			lines: append(untouched(), []line{
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: database, ports: []uint16{27017}, without: open, with: dropped},
				{from: []who{client}, to: web, ports: []uint16{29999}, without: open, with: dropped},
			}...),
		},
		{
			name:   "closes 20000:32767 and lets load balancers in it through by their addresses",
			config: guard(`port_ranges = ["20000:32767"]`, `allowed_destination_cidrs = [var.web_cidr, var.database_cidr]`),
			lines: []line{
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: database, ports: []uint16{27017}, without: open, with: open},
				{from: []who{client}, to: web, ports: beside, without: open, with: open},
			},
		},
		{
			name:   "cannot close a failsafe port, and says so in `not_covered_ports`",
			config: guard(`port_ranges = ["22", "30000:32767"]`, `safety_checks = "warn"`),
			lines: []line{
				{from: []who{client}, to: database, ports: []uint16{22}, protocols: tcp, without: open, with: open},
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: workers, ports: []uint16{22}, protocols: tcp, without: open, with: open},
			},
			then: func(t *testing.T, r *run) {
				t.Helper()
				if said := fmt.Sprint(r.workspace.Attributes("iks_nodeport_guard.it")["not_covered_ports"]); said != "[TCP 22]" {
					t.Errorf("not_covered_ports is %s", said)
				}
			},
		},
		{
			name:   "closes IPv6 altogether, also with IPv4 exemptions",
			config: guard(`host_endpoint_roles = ["worker_private"]`, `exempt_addresses = var.edge_private`),
			lines: []line{
				{from: []who{neighbour}, to: workersIPv6, ports: nodePorts, without: open, with: dropped, by: ownPods},
				{from: []who{neighbour}, to: workersIPv6, ports: []uint16{hostPort}, protocols: tcp, without: open, with: dropped},
				{from: []who{neighbour}, to: othersPrivate, ports: []uint16{hostPort, 31080}, protocols: tcp, without: open, with: dropped},
				{from: []who{neighbour}, to: edgePrivate, ports: []uint16{hostPort, 31080}, protocols: tcp, without: open, with: open},
				{from: []who{neighbour}, to: workersIPv6, ports: []uint16{10250}, protocols: tcp, without: open, with: open},
			},
			then: onlyIPv4RulesLeaveIPv6Open(neighbour, workersIPv6, othersPrivate),
		},
		{
			name:   "closes public IPv6 altogether, also with IPv4 exemptions and what another policy opens",
			config: guard("exempt_addresses = var.edge_addresses") + opensPublic,
			lines: []line{
				{from: []who{client}, to: workersIPv6Out, ports: nodePorts, without: dropped, with: dropped},
				{from: []who{client}, to: workersIPv6Out, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: others, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: edge, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: open},
			},
			then: onlyIPv4RulesLeaveIPv6Open(client, workersIPv6Out, others),
		},
		{
			name:    "is renamed under a stream of packets without letting one through",
			config:  guard(),
			changed: guard(`name = "another-name"`),
			lines: []line{
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: open},
			},
		},
	}
	for i := range all {
		all[i].resource = "iks_nodeport_guard"
	}
	return slices.Clip(all)
}

// onlyIPv4RulesLeaveIPv6Open is the control of the guard's rules for IPv6: with
// its other rules alone, which except IPv4 networks, IPv6 is open.
func onlyIPv4RulesLeaveIPv6Open(from who, six, four where) func(*testing.T, *run) {
	return func(t *testing.T, r *run) {
		t.Helper()
		onlyIPv4Rules(t, r)
		r.check(t, "with rules that except IPv4 networks alone", []line{
			{from: []who{from}, to: six, ports: nodePorts, with: open, by: ownPods},
			{from: []who{from}, to: six, ports: []uint16{hostPort}, protocols: tcp, with: open},
			{from: []who{from}, to: four, ports: []uint16{hostPort}, protocols: tcp, with: dropped},
		}, line.verdictWith)
	}
}

// onlyIPv4Rules takes the guard's rules for IPv6 away.
func onlyIPv4Rules(t *testing.T, r *run) {
	t.Helper()
	client, err := dynamic.NewForConfig(r.stage.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	policies := client.Resource(cloud.StoredPolicies())
	policy, err := policies.Get(t.Context(), cloud.StoredName("deny-kube-node-port-services"), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rules, _, err := unstructured.NestedSlice(policy.Object, "spec", "ingress")
	if err != nil {
		t.Fatal(err)
	}
	var kept []any
	for _, rule := range rules {
		fields, ok := rule.(map[string]any)
		if !ok {
			t.Fatalf("a rule is %v", rule)
		}
		if fmt.Sprint(fields["ipVersion"]) == "6" {
			continue
		}
		delete(fields, "ipVersion")
		kept = append(kept, fields)
	}
	if err := unstructured.SetNestedSlice(policy.Object, kept, "spec", "ingress"); err != nil {
		t.Fatal(err)
	}
	if _, err := policies.Update(t.Context(), policy, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
