# The corporate network may reach the metrics that every worker serves on port
# 9100 of its public interface, and nobody else may; every other port stays with
# IBM's own policies. (No policy closes a failsafe port of Calico's, such as SSH.)
resource "iks_network_policy" "metrics" {
  cluster  = "production"
  name     = "metrics-from-corporate"
  order    = 800
  selector = "ibm.role == 'worker_public'"

  ingress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      source      = { nets = ["192.0.2.0/24"] }
      destination = { ports = [9100] }
    },
    {
      action      = "Deny"
      protocol    = "TCP"
      destination = { ports = [9100] }
    },
  ]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The policy is not in effect yet. Apply again to carry on."
    }
  }
}
