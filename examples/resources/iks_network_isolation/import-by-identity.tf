import {
  to = iks_network_isolation.private
  identity = {
    cluster_id = "c1234567890abcdefghi"
    network    = "private"
  }
}
