# The corporate gateway reaches the VPN server on the cluster's load balancer,
# and nobody reaches anything else.
resource "iks_inbound_guard" "vpn" {
  cluster = "production"

  pass = [{
    source_cidrs      = ["203.0.113.7/32"] # the corporate gateway
    destination_cidrs = ["169.50.1.2/32"]  # the load balancer of the VPN
    protocol          = "UDP"
    ports             = [500, 4500]
  }]

  # Who tries Telnet and remote desktops is written to the system log, then denied.
  log = [{
    protocol = "TCP"
    ports    = [23, 3389]
  }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The inbound guard is not in effect yet. Apply again to carry on."
    }
  }
}
