# The private ALBs are on, and shop.example.com is served by them alone.
resource "iks_alb_state" "private" {
  cluster = "production"
  type    = "private"
  enabled = true

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The private ALBs are not healthy yet. Apply again to carry on."
    }
  }
}

resource "iks_private_ingress" "shop" {
  cluster   = "production"
  namespace = "shop"
  name      = "shop"

  rules = [{
    host = "shop.example.com"
    paths = [
      { path = "/", backend = { service_name = "shop", service_port = 443 } },
      { path = "/api", backend = { service_name = "api", service_port = "https" } },
    ]
  }]
  tls = [{ hosts = ["shop.example.com"], secret_name = "shop-tls" }]

  depends_on = [iks_alb_state.private]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The route to the shop is not there, or not proven to be private. Apply again to carry on."
    }
  }
}
