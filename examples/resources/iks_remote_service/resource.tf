# In the cluster "shop", clients of api.payments.svc.cluster.local reach the
# private load balancer of another cluster.
resource "iks_remote_service" "api" {
  cluster   = "shop"
  namespace = "payments"
  name      = "api"

  ports     = [{ name = "https", port = 443, app_protocol = "https" }]
  endpoints = ["10.20.30.40"]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The name api.payments does not lead to the other cluster yet. Apply again to carry on."
    }
  }
}

# A load balancer on VPC has a host name.
resource "iks_remote_service" "search" {
  cluster   = "shop"
  namespace = "payments"
  name      = "search"

  ports    = [{ port = 9200 }]
  hostname = "1a2b3c4d-us-south.lb.appdomain.cloud"

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The name search.payments does not lead to the other cluster yet. Apply again to carry on."
    }
  }
}
