import {
  to = iks_edge_pool.edge
  identity = {
    cluster_id  = "c1234567890abcdefghi"
    worker_pool = "edge"
  }
}
