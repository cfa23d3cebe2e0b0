# Nobody makes a load balancer, an Ingress or an external IP public by accident.
resource "iks_exposure_policy" "private" {
  cluster           = "production"
  exempt_namespaces = ["vpn"]
  message           = "Ask the network team for an exemption."

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The exposure policy is not in effect yet. Apply again to carry on."
    }
  }
}
