import {
  to = iks_nodeport_guard.closed
  identity = {
    cluster_id = "c1234567890abcdefghi"
    name       = "deny-kube-node-port-services"
  }
}
