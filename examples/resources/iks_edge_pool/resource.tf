# The worker pool "edge" is for networking alone: load balancers and ALBs move
# onto its nodes, everything else moves off them. Workers that are added or
# replaced later are born into it.
resource "iks_edge_pool" "edge" {
  cluster     = "production"
  worker_pool = "edge"

  drain = {
    timeout         = "10m"
    max_unavailable = 1
  }

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The edge pool is not in effect yet. Apply again to carry on."
    }
  }
}
