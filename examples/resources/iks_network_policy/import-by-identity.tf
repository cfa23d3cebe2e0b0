import {
  to = iks_network_policy.ssh
  identity = {
    cluster_id = "c1234567890abcdefghi"
    name       = "ssh-from-corporate"
  }
}
