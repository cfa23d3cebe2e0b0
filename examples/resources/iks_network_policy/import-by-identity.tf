import {
  to = iks_network_policy.metrics
  identity = {
    cluster_id = "c1234567890abcdefghi"
    name       = "metrics-from-corporate"
  }
}
