# Single nodes instead of a pool, with both taints as the pattern writes them.
resource "iks_edge_pool" "nodes" {
  cluster       = "staging"
  node_names    = ["10.184.1.7", "10.184.1.9"]
  taint_effects = ["NoSchedule", "NoExecute"]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The edge nodes are not in effect yet. Apply again to carry on."
    }
  }
}
