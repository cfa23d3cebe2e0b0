package packets

import (
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/isolation"
)

// lives are what a cluster needs to live.
func lives() []line {
	return []line{
		{from: []who{worker}, to: master, ports: []uint16{31235}, protocols: tcp, without: open, with: open},
		{from: []who{worker}, to: workersPrivate, ports: []uint16{10250}, protocols: tcp, without: open, with: open},
		{from: []who{worker, pod}, to: server, ports: []uint16{53}, protocols: udp, without: open, with: open},
		{from: []who{pod}, to: pods, ports: []uint16{8080}, without: open, with: open},
		{from: []who{pod}, to: webName, ports: []uint16{80}, protocols: tcp, without: open, with: open},
	}
}

// alive is what either set leaves open.
func alive() []line {
	return append(lives(), []line{
		{from: []who{client}, to: workers, ports: nodePorts, without: open, with: open},
		{from: []who{client}, to: web, ports: []uint16{80}, without: open, with: open},
		{from: []who{client}, to: albs, ports: []uint16{443}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: open},
	}...)
}

// isolated is a configuration with arguments besides cluster and region.
func isolated(arguments ...string) string {
	config := "resource \"iks_network_isolation\" \"it\" {\n  cluster = var.cluster\n  region = \"us-south\"\n  confirm_seconds = 1\n"
	for _, argument := range arguments {
		config += "  " + argument + "\n"
	}
	return config + "}\n"
}

// isolatedToo is a second such resource of a configuration.
func isolatedToo(arguments ...string) string {
	return strings.Replace(isolated(arguments...), `"it"`, `"too"`, 1)
}

// table are the lines that the resource's documentation says of a network. By
// itself, nothing of them is closed.
func table(network string) []line {
	var out []line
	for _, row := range isolation.Table() {
		if row.Network != network {
			continue
		}
		l := line{to: where(row.To), ports: row.Ports, protocols: row.Protocols, without: open, with: dropped}
		if row.Open {
			l.with = open
		}
		for _, from := range row.From {
			l.from = append(l.from, who(from))
		}
		out = append(out, l)
	}
	return out
}

func networkIsolation() []scenario {
	all := []scenario{
		{
			name:     "isolates the private network and cuts nothing off that the cluster needs, after each single policy",
			config:   isolated(`network = "private"`),
			lines:    append(alive(), table("private")...),
			eachStep: alive(),
		},
		{
			name:   "lets peers on the private network talk to the workers and be talked to",
			config: isolated(`network = "private"`, `peer_cidrs = [var.neighbour_cidr]`),
			lines: []line{
				{from: []who{neighbour}, to: workersPrivate, ports: []uint16{9100}, protocols: tcp, without: open, with: open},
				{from: []who{worker, pod}, to: server, ports: []uint16{443, 8080}, protocols: tcp, without: open, with: open},
				{from: []who{otherNeighbour}, to: workersPrivate, ports: []uint16{9100}, protocols: tcp, without: open, with: dropped},
			},
		},
		{
			name:     "isolates the public network and cuts nothing off that the cluster needs, after each single policy",
			config:   isolated(`network = "public"`),
			lines:    append(alive(), table("public")...),
			eachStep: alive(),
		},
		{
			name:   "isolates both networks at once, and pods from the internet as well",
			config: isolated(`network = "private"`) + "\n" + isolatedToo(`network = "public"`),
			lines: append(alive(),
				line{from: []who{pod}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
				line{from: []who{worker, pod}, to: internet, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
				line{from: []who{pod}, to: server, ports: []uint16{443}, protocols: tcp, without: open, with: open},
				line{from: []who{pod}, to: server, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
			),
		},
		{
			name:   "sends a canary that runs for real, and takes back at once what the canary finds cut off",
			config: isolated(`network = "private"`, `canary = { image = "`+busyboxImage+`", namespace = "default" }`),
			lines: []line{
				{from: []who{pod}, to: webName, ports: []uint16{80}, protocols: tcp, without: open, with: open},
				{from: []who{pod}, to: server, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
			},
			then: canaries,
		},
	}
	for i := range all {
		all[i].resource = "iks_network_isolation"
	}
	return all
}
