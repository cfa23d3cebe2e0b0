output "not_covered_ports" {
  description = "Ports that no policy closes, because Calico keeps them open on every worker."
  value       = iks_inbound_guard.closed.not_covered_ports
}
