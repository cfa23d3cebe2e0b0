# Nobody connects to the workers' public interfaces but the corporate network,
# and that only to what the cluster's other policies let it.
resource "iks_inbound_guard" "corporate" {
  cluster           = "production"
  pass_source_cidrs = ["192.0.2.0/24"]

  # All public ALBs are off, so nothing is probed from outside.
  ingress_health_monitors = []

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The inbound guard is not in effect yet. Apply again to carry on."
    }
  }

  # What passes here still has to get past the NodePort guard.
  depends_on = [iks_nodeport_guard.closed]
}

resource "iks_nodeport_guard" "closed" {
  cluster = "production"
}
