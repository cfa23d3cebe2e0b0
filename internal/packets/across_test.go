package packets

// Places that the resources name.
const (
	privateAddress where = "the private service's address"
	clusterAddress where = "the remote service's address in the consumers' cluster"
)

// paymentsName is the remote service's name in the consumers' cluster.
const paymentsName where = "payments." + namespace + clusterDomain

const privateService = `resource "iks_private_service" "it" {
  cluster   = var.other_cluster
  namespace = "default"
  name      = "payments"
  selector  = { app = "app" }
  ports     = [{ port = 8443, target_port = "8080", node_port = 30443 }]
}
`

const remoteService = `
resource "iks_remote_service" "it" {
  cluster   = var.cluster
  namespace = "default"
  name      = "payments"
  ports     = [{ port = 443, target_port = 8443 }]
  endpoints = [iks_private_service.it.ip]
}
`

// acrossClusters is how the clusters of an account talk: privately.
func acrossClusters() []scenario {
	private := map[where]string{privateAddress: "iks_private_service.it.ip"}
	both := map[where]string{privateAddress: "iks_private_service.it.ip", clusterAddress: "iks_remote_service.it.cluster_ip"}
	byOther := "there-app-"
	reached := line{from: []who{pod, worker, neighbour}, to: privateAddress, ports: []uint16{8443}, protocols: tcp, without: dropped, with: open, by: byOther}
	unreached := line{from: []who{client, office}, to: privateAddress, ports: []uint16{8443}, protocols: tcp, without: dropped, with: dropped}
	byName := line{from: []who{pod}, to: paymentsName, ports: []uint16{443}, protocols: tcp, without: unnamed, with: open, by: byOther}
	byAddress := line{from: []who{pod, worker}, to: clusterAddress, ports: []uint16{443}, protocols: tcp, without: dropped, with: open, by: byOther}
	return []scenario{
		{
			resource: "iks_private_service", name: "is reached over the private network and not from the internet, but for its node port",
			config: privateService, named: private,
			lines: []line{
				reached, unreached,
				{from: []who{client}, to: othersWorkers, ports: []uint16{30443}, protocols: tcp, without: dropped, with: open, by: byOther},
			},
		},
		{
			resource: "iks_private_service", name: "is not reached from the internet at all beside an iks_nodeport_guard",
			config: privateService + `
resource "iks_nodeport_guard" "it" {
  cluster = var.other_cluster
}
`,
			named: private,
			lines: []line{
				reached, unreached,
				{from: []who{client, office}, to: othersWorkers, ports: []uint16{30443}, protocols: tcp, without: dropped, with: dropped},
			},
		},
		{
			resource: "iks_remote_service", name: "leads pods of one cluster to those of another, over the private network",
			config: privateService + remoteService, named: both,
			lines: []line{
				byName, byAddress, reached, unreached,
				{from: []who{client, office, neighbour}, to: clusterAddress, ports: []uint16{443}, protocols: tcp, without: dropped, with: dropped},
			},
		},
		{
			resource: "iks_remote_service", name: "leads there from an isolated cluster, which has the other one for a peer",
			config: privateService + remoteService + isolated(`network = "private"`, `peer_cidrs = [iks_private_service.it.ip]`),
			named:  both,
			lines: []line{
				byName, byAddress,
				{from: []who{pod, worker}, to: privateAddress, ports: []uint16{8443}, protocols: tcp, without: dropped, with: open, by: byOther},
				{from: []who{pod, worker}, to: server, ports: []uint16{8080}, protocols: tcp, without: open, with: dropped},
			},
		},
	}
}
