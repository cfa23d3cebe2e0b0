# The corporate network may reach the workers' public interfaces by SSH and
# nothing else may; every other port stays with IBM's own policies.
resource "iks_network_policy" "ssh" {
  cluster  = "production"
  name     = "ssh-from-corporate"
  order    = 800
  selector = "ibm.role == 'worker_public'"

  ingress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      source      = { nets = ["192.0.2.0/24"] }
      destination = { ports = [22] }
    },
    {
      action      = "Deny"
      protocol    = "TCP"
      destination = { ports = [22] }
    },
  ]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The policy is not in effect yet. Apply again to carry on."
    }
  }
}
