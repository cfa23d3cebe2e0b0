package inboundguard

import (
	_ "embed" // for the table
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// monitorsDate is the day as of which the table of monitors is.
const monitorsDate = "2025-10-01"

// monitorTable is described in its own first lines.
//
//go:embed monitors.txt
var monitorTable string

// documentedMonitors are the networks in the table.
func documentedMonitors() []string {
	var out []string
	for line := range strings.Lines(monitorTable) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// probed are the ports that monitors probe: HTTPS unless they are configured for HTTP.
func probed() hostguard.Ports { return hostguard.Ports{{First: 80, Last: 80}, {First: 443, Last: 443}} }

// management is what IBM's default policy allow-bigfix-port lets in: the port on
// which workers are told of updates.
func management() []traffic {
	port := hostguard.Ports{{First: 52311, Last: 52311}}
	return []traffic{{protocol: numorstring.ProtocolTCP, ports: port}, {protocol: numorstring.ProtocolUDP, ports: port}}
}
