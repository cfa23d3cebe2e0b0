# The policy as the pattern was first published with: no order, a wider range,
# and the master's host endpoints as well.
resource "iks_nodeport_guard" "as_published" {
  cluster             = "staging"
  host_endpoint_roles = ["worker_public", "master_public"]
  port_ranges         = ["20000:32767"]
  evaluate_last       = true

  # The wide range reaches beyond node ports: here a load balancer for MongoDB.
  acknowledged_load_balancer_ports = [27017]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The NodePort guard is not in effect yet. Apply again to carry on."
    }
  }
}
