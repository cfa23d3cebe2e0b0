# No NodePort answers on the public interfaces, except on the edge nodes.
resource "iks_nodeport_guard" "closed" {
  cluster          = "production"
  exempt_addresses = iks_edge_pool.edge.host_endpoint_addresses

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The NodePort guard is not in effect yet. Apply again to carry on."
    }
  }
}

resource "iks_edge_pool" "edge" {
  cluster     = "production"
  worker_pool = "edge"
}
