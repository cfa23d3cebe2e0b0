output "edge_nodes" {
  description = "Addresses of the edge workers, per cluster."
  value       = { for name, pool in iks_edge_pool.edge : name => pool.node_addresses }
}

output "private_ingress" {
  description = "Where private Ingress is reached, per cluster: IP addresses on classic, hostnames on VPC."
  value = {
    for name, albs in iks_alb_state.private :
    name => distinct([for alb in albs.albs : alb.address])
  }
}

output "ports_that_no_policy_closes" {
  description = "Calico's failsafe ports on the public interfaces."
  value       = iks_inbound_guard.closed.not_covered_ports
}

output "private_service" {
  description = "Private address of the app on the classic cluster."
  value       = iks_private_service.shop.ip
}

output "remote_service" {
  description = "Name under which the VPC cluster reaches it."
  value       = iks_remote_service.shop.dns_name
}
