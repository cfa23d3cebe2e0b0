# A public app behind a load balancer of version 2.0, for partners alone.
resource "iks_inbound_guard" "partners" {
  cluster = "production"

  pass = [{
    source_cidrs = ["198.51.100.0/24"]
    protocol     = "TCP"
    ports        = [443]
  }]

  # No policy before DNAT sees its packets, so it is named.
  ipvs_load_balancers = [{
    address  = "169.50.1.3"
    protocol = "TCP"
    ports    = [80, 443]
  }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The inbound guard is not in effect yet. Apply again to carry on."
    }
  }
}
