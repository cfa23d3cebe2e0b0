output "listens_at" {
  description = "Where cluster a waits for cluster b: an IP on classic infrastructure, a host name on VPC."
  value       = iks_strongswan_vpn.a.load_balancer_ips
}
