import {
  to = iks_inbound_guard.corporate
  identity = {
    cluster_id = "c1234567890abcdefghi"
    name       = "block-public-inbound"
  }
}
