data "iks_albs" "private" {
  cluster = "production"
  type    = "private"
}

output "private_ingress_addresses" {
  value = [for alb in data.iks_albs.private.albs : alb.address if alb.enabled]
}
