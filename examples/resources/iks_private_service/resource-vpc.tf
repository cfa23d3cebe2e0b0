# A network load balancer of a VPC cluster, in one zone, with a name that lasts.
resource "iks_private_service" "dns" {
  cluster   = "production-vpc"
  namespace = "infra"
  name      = "dns"
  selector  = { app = "coredns-edge" }
  zone      = "us-south-1"

  ports = [
    { name = "dns", port = 53, target_port = "dns", protocol = "UDP" },
    { name = "dns-tcp", port = 53, target_port = "dns-tcp" },
  ]

  vpc = {
    features = ["nlb"]
    subnets  = ["0717-4d7a7a2b-8a4b-4a3c-9d53-0f3a4d1c5b11"]
    name     = "infra-dns"

    health_check = {
      protocol = "tcp"
      port     = 30053
      udp_port = 30053
    }
  }

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The load balancer is not ready, or not proven to be private, yet. Apply again to carry on."
    }
  }
}

output "dns_hostname" {
  value = iks_private_service.dns.hostname
}
