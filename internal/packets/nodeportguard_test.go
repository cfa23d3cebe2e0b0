package packets

// Node ports of the stage, at both ends of their range and between; ports of
// its load balancers right beside the range.
var (
	nodePorts = []uint16{30000, 31080, 32767}
	beside    = []uint16{29999, 32768}
)

// everythingElse is traffic that no guard of node ports touches.
func everythingElse() []line {
	return []line{
		{from: []who{client, office}, to: web, ports: beside, without: open, with: open},
		{from: []who{client, office}, to: albs, ports: []uint16{80, 443}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour}, to: internal, ports: []uint16{80}, without: open, with: open},
		{from: []who{worker, pod}, to: master, ports: []uint16{31235}, protocols: tcp, without: open, with: open},
		{from: []who{neighbour, worker, pod}, to: workersPrivate, ports: []uint16{10250}, protocols: tcp, without: open, with: open},
		{from: []who{pod}, to: pods, ports: []uint16{8080}, without: open, with: open},
		{from: []who{pod}, to: internet, ports: []uint16{443}, protocols: tcp, without: open, with: open},
	}
}

func nodePortGuard() []scenario {
	const resource = "iks_nodeport_guard"
	return []scenario{
		{
			resource: resource, name: "closes the node ports of every worker's public interface, and nothing else",
			config: `resource "iks_nodeport_guard" "it" {
  cluster = var.cluster
}`,
			lines: append([]line{
				{from: []who{client, office}, to: workers, ports: nodePorts, without: open, with: dropped},
				{from: []who{neighbour}, to: workersPrivate, ports: nodePorts, without: open, with: open},
			}, everythingElse()...),
			keeps: []line{
				{from: []who{client}, to: workers, ports: nodePorts, protocols: tcp},
				{from: []who{client}, to: web, ports: beside, protocols: tcp},
			},
			bothDoors: true,
		},
	}
}
