package packets

import "github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"

// metricsRule is the policy of a port of the workers' public interface, with
// further rules.
func metricsRule(more string) string {
	return `resource "iks_network_policy" "it" {
  cluster  = var.cluster
  name     = "metrics"
  order    = 800
  selector = "ibm.role == 'worker_public'"
  ingress = [
    { action = "Allow", protocol = "TCP", destination = { ports = [9100] } },
` + more + `  ]
}`
}

func networkPolicy() []scenario {
	all := []scenario{
		{
			name: "opens a port of the workers' public interface to one company",
			config: `resource "iks_network_policy" "it" {
  cluster  = var.cluster
  name     = "metrics"
  order    = 800
  selector = "ibm.role == 'worker_public'"
  ingress = [{
    action      = "Allow"
    protocol    = "TCP"
    source      = { nets = [var.office_cidr] }
    destination = { ports = [9100] }
  }]
}`,
			lines: []line{
				{from: []who{office}, to: workers, ports: []uint16{9100}, protocols: tcp, without: dropped, with: open},
				{from: []who{client}, to: workers, ports: []uint16{9100}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{office}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
			},
		},
		{
			name:   "opens a port over IPv4 alone where it does not let neighbours find each other over IPv6 (`ICMPv6`)",
			config: metricsRule(""),
			lines: []line{
				{from: []who{client}, to: workers, ports: []uint16{9100}, protocols: tcp, without: dropped, with: open},
				{from: []who{client}, to: workersIPv6Out, ports: []uint16{9100}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: workersIPv6Out, ports: []uint16{10250}, protocols: tcp, without: dropped, with: dropped},
			},
			variants: []variant{{
				title: "with rules for `ICMPv6` 135 and 136",
				config: metricsRule(`    { action = "Allow", protocol = "ICMPv6", icmp = { type = 135 } },
    { action = "Allow", protocol = "ICMPv6", icmp = { type = 136 } },
`),
				with: []dataplane.Verdict{open, open, dropped},
			}},
		},
		{
			name: "cannot close a failsafe port",
			config: `resource "iks_network_policy" "it" {
  cluster  = var.cluster
  name     = "no-ssh"
  order    = 800
  selector = "ibm.role == 'worker_private'"
  ingress = [{
    action      = "Deny"
    protocol    = "TCP"
    destination = { ports = [22, 9100] }
  }]
}`,
			lines: []line{
				{from: []who{neighbour}, to: workersPrivate, ports: []uint16{22}, protocols: tcp, without: open, with: open},
				{from: []who{neighbour}, to: workersPrivate, ports: []uint16{9100}, protocols: tcp, without: open, with: dropped},
			},
		},
		{
			name: "closes one node port before DNAT to all but one company",
			config: `resource "iks_network_policy" "it" {
  cluster          = var.cluster
  name             = "one-node-port"
  order            = 800
  selector         = "ibm.role == 'worker_public'"
  pre_dnat         = true
  apply_on_forward = true
  ingress = [{
    action      = "Deny"
    protocol    = "TCP"
    source      = { not_nets = [var.office_cidr] }
    destination = { ports = [31080] }
  }]
}`,
			lines: []line{
				{from: []who{client}, to: workers, ports: []uint16{31080}, protocols: tcp, without: open, with: dropped},
				{from: []who{office}, to: workers, ports: []uint16{31080}, protocols: tcp, without: open, with: open},
				{from: []who{client}, to: workers, ports: []uint16{31080}, protocols: udp, without: open, with: open},
				{from: []who{client}, to: workers, ports: []uint16{30000, 32767}, without: open, with: open},
			},
		},
		{
			name: "before DNAT, an Allow also opens what normal policies close, and a Pass does not",
			config: `resource "iks_network_policy" "it" {
  cluster          = var.cluster
  name             = "final"
  order            = 800
  selector         = "ibm.role == 'worker_public'"
  pre_dnat         = true
  apply_on_forward = true
  acknowledge      = ["final_allow"]
  ingress = [
    { action = "Pass", destination = { ports = [9100] }, protocol = "TCP" },
    { action = "Allow", source = { nets = [var.office_cidr] } },
  ]
}`,
			lines: []line{
				{from: []who{office}, to: workers, ports: []uint16{10250}, protocols: tcp, without: dropped, with: open},
				{from: []who{office}, to: workers, ports: []uint16{9100}, protocols: tcp, without: dropped, with: dropped},
				{from: []who{client}, to: workers, ports: []uint16{10250, 9100}, protocols: tcp, without: dropped, with: dropped},
			},
		},
		{
			name: "lets pods of a namespace be reached by each other alone",
			config: `resource "iks_network_policy" "it" {
  cluster   = var.cluster
  namespace = "default"
  name      = "among-themselves"
  order     = 500
  selector  = "app == 'app'"
  ingress = [{
    action      = "Allow"
    protocol    = "TCP"
    source      = { selector = "app == 'app'" }
    destination = { ports = [8080] }
  }]
}`,
			lines: []line{
				{from: []who{pod}, to: pods, ports: []uint16{8080}, protocols: tcp, without: open, with: open},
				{from: []who{pod}, to: pods, ports: []uint16{8080}, protocols: udp, without: open, with: dropped},
				{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: dropped},
				{from: []who{client}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{client}, to: albs, ports: []uint16{443}, protocols: tcp, without: open, with: open},
				{from: []who{pod}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
			},
		},
		{
			name: "keeps pods from the internet",
			config: `resource "iks_network_policy" "it" {
  cluster            = var.cluster
  name               = "stay-inside"
  order              = 500
  selector           = "all()"
  namespace_selector = "projectcalico.org/name == 'default'"
  egress = [{
    action      = "Allow"
    destination = { nets = ["10.0.0.0/8", "172.16.0.0/12"] }
  }]
}`,
			changed: `resource "iks_network_policy" "it" {
  cluster            = var.cluster
  name               = "another-name"
  order              = 500
  selector           = "all()"
  namespace_selector = "projectcalico.org/name == 'default'"
  egress = [{
    action      = "Allow"
    destination = { nets = ["10.0.0.0/8", "172.16.0.0/12"] }
  }]
}`,
			lines: []line{
				{from: []who{pod}, to: internet, ports: []uint16{443, 8080}, protocols: tcp, without: open, with: dropped},
				{from: []who{pod}, to: internet, ports: []uint16{53}, protocols: udp, without: open, with: dropped},
				{from: []who{pod}, to: server, ports: []uint16{443}, protocols: tcp, without: open, with: open},
				{from: []who{pod}, to: pods, ports: []uint16{8080}, without: open, with: open},
				{from: []who{worker}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
			},
		},
		{
			name: "with apply_on_forward drops what is forwarded and no rule matches: `end_of_tier_drop`",
			config: `resource "iks_network_policy" "it" {
  cluster          = var.cluster
  name             = "forwarded"
  order            = 800
  selector         = "ibm.role == 'worker_private'"
  apply_on_forward = true
  acknowledge      = ["end_of_tier_drop"]
  ingress = [{
    action      = "Allow"
    protocol    = "TCP"
    destination = { ports = [10250] }
  }]
}`,
			lines: []line{
				{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: dropped},
				{from: []who{neighbour}, to: workersPrivate, ports: []uint16{10250, 9100}, protocols: tcp, without: open, with: open},
				{from: []who{worker, pod}, to: master, ports: []uint16{31235}, protocols: tcp, without: open, with: open},
			},
		},
	}
	for i := range all {
		all[i].resource = "iks_network_policy"
	}
	return all
}
