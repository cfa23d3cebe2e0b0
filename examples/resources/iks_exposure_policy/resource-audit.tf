# All rules, in a cluster where much is public still: whoever breaks one is told
# so, and `violations` says how far there is to go.
resource "iks_exposure_policy" "first_look" {
  cluster = "staging"
  name    = "first-look"
  mode    = "warn"

  deny = [
    "external_ips",
    "host_network",
    "host_port",
    "node_port",
    "public_ingress",
    "public_load_balancer",
  ]

  exempt_service_accounts = ["platform/deployer"]
  private_ingress_classes = ["internal"]
}

output "still_exposed" {
  value = iks_exposure_policy.first_look.first_violations
}
