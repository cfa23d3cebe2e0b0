package packets

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
)

// vpnPorts are those of IKE and of ESP in UDP.
var vpnPorts = []uint16{500, 4500}

// inbound is a configuration with arguments besides the cluster, each a line.
// The stage has a load balancer on SSH's port, which no policy can close.
func inbound(arguments ...string) string {
	config := "resource \"iks_inbound_guard\" \"it\" {\n  cluster = var.cluster\n  safety_checks = \"warn\"\n"
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
}

// clustersOwn is traffic of the cluster's own, which does not come in from outside.
func clustersOwn() []line {
	return []line{
		{from: []who{pod, worker}, to: internet, ports: []uint16{443}, without: open, with: open},
		{from: []who{worker, pod}, to: master, ports: []uint16{31235}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour, worker, pod}, to: workersPrivate, ports: []uint16{10250}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: open},
		{from: []who{neighbour}, to: workersPrivate, ports: nodePorts, without: open, with: open},
		{from: []who{pod}, to: pods, ports: []uint16{8080}, without: open, with: open},
	}
}

func inboundGuard() []scenario {
	all := []scenario{
		{
			name:   "closes the public interface to everybody outside but for failsafe ports, and leaves what the cluster does itself alone",
			config: inbound("ingress_health_monitors = []"),
			lines: append(clustersOwn(), []line{
				{from: []who{client, office}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client, office}, to: web, ports: []uint16{80, 32768}, without: open, with: dropped},
				{from: []who{client}, to: database, ports: []uint16{27017}, without: open, with: dropped},
				{from: []who{client}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: dropped},
				{from: []who{client}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: database, ports: []uint16{22}, protocols: tcp, without: open, with: open},
				{from: []who{client}, to: workers, ports: []uint16{22}, protocols: tcp, without: open, with: open},
				{from: []who{client}, to: database, ports: []uint16{22}, protocols: udp, without: open, with: dropped},
				{from: []who{client}, to: workers, ports: noPorts, protocols: ping, without: open, with: open},
				// IBM's worker management would be answered, if anything served its port.
				{from: []who{client}, to: workers, ports: []uint16{52311}, protocols: tcp, without: refused, with: refused},
			}...),
			keeps: []line{
				{from: []who{client}, to: workers, ports: nodePorts, protocols: tcp},
				{from: []who{client}, to: web, ports: []uint16{80}, protocols: tcp},
			},
			then: func(t *testing.T, r *run) {
				t.Helper()
				if said := fmt.Sprint(r.workspace.Attributes("iks_inbound_guard.it")["not_covered_ports"]); !strings.Contains(said, "TCP 22 ") {
					t.Errorf("not_covered_ports is %s", said)
				}
			},
		},
		{
			name:   "passes a company on to the other policies, which keep the kubelet from it",
			config: inbound("pass_source_cidrs = [var.office_cidr]"),
			lines: []line{
				{from: []who{office}, to: workers, ports: nodePorts, without: open, with: open},
				{from: []who{office}, to: web, ports: []uint16{80}, without: open, with: open},
				{from: []who{office}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: dropped},
			},
		},
		{
			name:   "lets nobody at node ports beside an iks_nodeport_guard, a company that it passes neither",
			config: inbound("pass_source_cidrs = [var.office_cidr]") + guard(),
			lines: []line{
				{from: []who{office, client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{office}, to: web, ports: []uint16{80}, without: open, with: open},
				{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: dropped},
			},
		},
		{
			name: "before an iks_nodeport_guard takes its own away from that: whom it passes is at node ports, so the plan refuses unless it is told to warn",
			config: inbound("pass_source_cidrs = [var.office_cidr]") +
				guard("order = 1600", `safety_checks = "warn"`, "depends_on = [iks_inbound_guard.it]"),
			lines: []line{
				{from: []who{office}, to: workers, ports: nodePorts, without: open, with: open},
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
			},
			then: func(t *testing.T, r *run) {
				t.Helper()
				first := r.head + inbound("pass_source_cidrs = [var.office_cidr]")
				r.workspace.Write(first)
				r.workspace.MustApply()
				r.workspace.Write(first + guard("order = 1600"))
				if got := r.workspace.Plan(); got.ExitCode == 0 || !strings.Contains(strings.Join(got.Errors(), " "), "The guards are in the wrong order") {
					t.Errorf("the plan ends with exit code %d: %v", got.ExitCode, got.Errors())
				}
				r.workspace.Write(first)
			},
		},
		{
			name:   "closes IPv6 as well, also what another policy opens",
			config: inbound("pass_source_cidrs = [var.office_cidr]") + opensPublic,
			lines: []line{
				{from: []who{client}, to: workersIPv6Out, ports: nodePorts, without: dropped, with: dropped},
				{from: []who{client}, to: workersIPv6Out, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: workers, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{office}, to: workers, ports: []uint16{hostPort}, protocols: tcp, without: dropped, with: open},
			},
			then: func(t *testing.T, r *run) {
				t.Helper()
				r.workspace.Write(r.head + opensPublic)
				r.workspace.MustApply()
				r.check(t, "with the other policy alone", []line{
					{from: []who{client}, to: workersIPv6Out, ports: nodePorts, with: open, by: ownPods},
					{from: []who{client}, to: workersIPv6Out, ports: []uint16{hostPort}, protocols: tcp, with: open},
					{from: []who{client}, to: workers, ports: []uint16{hostPort}, protocols: tcp, with: open},
				}, line.verdictWith)
			},
		},
		{
			name:   "lets health monitors in at TCP 80 and 443, and at nothing else",
			config: inbound("ingress_health_monitors = [var.office_cidr]"),
			lines: []line{
				{from: []who{office}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: open},
				{from: []who{client}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: dropped},
				{from: []who{office}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{office}, to: web, ports: []uint16{32768}, without: open, with: dropped},
			},
		},
		{
			name:   "lets a VPN gateway in at the VPN's ports, and at nothing else",
			config: inbound(`pass = [{ source_cidrs = [var.office_cidr], destination_cidrs = [var.vpn_cidr], protocol = "UDP", ports = [500, 4500] }]`),
			lines: []line{
				{from: []who{office}, to: vpn, ports: vpnPorts, protocols: udp, without: open, with: open},
				{from: []who{office}, to: vpn, ports: vpnPorts, protocols: tcp, without: open, with: dropped},
				{from: []who{client}, to: vpn, ports: vpnPorts, without: open, with: dropped},
				{from: []who{office}, to: web, ports: []uint16{80}, without: open, with: dropped},
				{from: []who{office}, to: workers, ports: nodePorts, without: open, with: dropped},
			},
		},
		{
			name: "denies load balancers before connection tracking without a word to the replies of what the cluster asks",
			config: inbound("pass_source_cidrs = [var.office_cidr]",
				`ipvs_load_balancers = [{ address = cidrhost(var.web_cidr, 0), protocol = "TCP", ports = [80] }, { address = cidrhost(var.vpn_cidr, 0), protocol = "UDP", ports = [500, 4500] }]`),
			lines: append(clustersOwn(), []line{
				{from: []who{client}, to: vpn, ports: vpnPorts, protocols: udp, without: open, with: dropped},
				{from: []who{office}, to: vpn, ports: vpnPorts, protocols: udp, without: open, with: open},
				{from: []who{client}, to: web, ports: []uint16{80}, protocols: tcp, without: open, with: dropped},
				{from: []who{office}, to: web, ports: []uint16{80}, protocols: tcp, without: open, with: open},
			}...),
			then: untrackedDenialAlone,
		},
		{
			name:    "is renamed under a stream of packets without letting one through",
			config:  inbound("pass_source_cidrs = [var.office_cidr]"),
			changed: inbound("pass_source_cidrs = [var.office_cidr]", `name = "another-name"`),
			lines: []line{
				{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: dropped},
				{from: []who{office}, to: web, ports: []uint16{80}, without: open, with: open},
			},
		},
	}
	for i := range all {
		all[i].resource = "iks_inbound_guard"
	}
	return slices.Clip(all)
}

// untrackedDenialAlone shows what the policy before connection tracking does by
// itself: the guard's other policy, which would close the same, is gone. As a
// control it denies the whole interface then, which takes the replies with it.
func untrackedDenialAlone(t *testing.T, r *run) {
	t.Helper()
	api, err := dynamic.NewForConfig(r.stage.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	policies := api.Resource(cloud.StoredPolicies())
	if err := policies.Delete(t.Context(), cloud.StoredName("block-public-inbound"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.check(t, "with the policy before connection tracking alone", append(clustersOwn(), []line{
		{from: []who{client}, to: web, ports: []uint16{32768}, protocols: tcp, with: open},
		{from: []who{client}, to: web, ports: []uint16{80}, protocols: tcp, with: dropped},
		{from: []who{office}, to: web, ports: []uint16{80}, protocols: tcp, with: open},
		{from: []who{client}, to: web, ports: []uint16{80}, protocols: udp, with: open},
		{from: []who{client}, to: vpn, ports: vpnPorts, protocols: udp, with: dropped},
		{from: []who{office}, to: vpn, ports: vpnPorts, protocols: udp, with: open},
		{from: []who{client}, to: vpn, ports: vpnPorts, protocols: tcp, with: open},
	}...), line.verdictWith)

	wide := []byte(`{"spec": {"ingress": [{"action": "Deny", "protocol": "TCP"}, {"action": "Deny", "protocol": "UDP"}]}}`)
	if _, err := policies.Patch(t.Context(), cloud.StoredName("block-public-inbound-ipvs"), types.MergePatchType, wide, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.check(t, "with a denial of the whole interface before connection tracking", []line{
		{from: []who{pod, worker}, to: internet, ports: []uint16{443}, with: dropped},
		{from: []who{pod, worker}, to: internet, ports: []uint16{53}, protocols: udp, with: open}, // Calico's failsafe
	}, line.verdictWith)
}
