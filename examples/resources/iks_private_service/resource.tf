# An app on a private IP of a classic cluster.
resource "iks_private_service" "api" {
  cluster   = "production"
  namespace = "shop"
  name      = "api"
  selector  = { app = "api" }

  ports = [{
    port        = 443
    target_port = 8443
  }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The load balancer is not ready, or not proven to be private, yet. Apply again to carry on."
    }
  }
}

# Its load balancer's port is private, its NodePort is not: the guard closes it.
resource "iks_nodeport_guard" "closed" {
  cluster = "production"
}

output "api_address" {
  value = iks_private_service.api.ip
}
