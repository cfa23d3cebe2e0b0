output "addresses" {
  description = "Addresses that the office's firewall sees the tunnel at, where the cluster calls through its load balancer."
  value       = iks_strongswan_vpn.office.load_balancer_ips
}
