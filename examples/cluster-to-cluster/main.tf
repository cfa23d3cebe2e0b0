# One cluster uses another's app without leaving the private network. Both are
# served by one provider block, and one apply does it all.

# In the producer: the app on a private load balancer.
resource "iks_private_service" "api" {
  cluster   = var.producer_cluster
  namespace = var.producer_namespace
  name      = "api"
  selector  = { app = "api" }
  ports     = [{ name = "https", port = 443, target_port = 8443 }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The load balancer is not ready, or not proven to be private, yet. Apply again to carry on."
    }
  }
}

# In the consumer: a name for it. On classic infrastructure a private load
# balancer has an IP, on VPC a host name; when it changes, the name follows.
resource "iks_remote_service" "api" {
  cluster   = var.consumer_cluster
  namespace = var.consumer_namespace
  name      = "api"
  ports     = [{ name = "https", port = 443, app_protocol = "https" }]

  endpoints = iks_private_service.api.ip == null ? null : [iks_private_service.api.ip]
  hostname  = iks_private_service.api.hostname

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The name does not lead to the other cluster yet. Apply again to carry on."
    }
  }
}
