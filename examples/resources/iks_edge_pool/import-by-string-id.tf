import {
  to = iks_edge_pool.edge
  id = "production,edge"
}
