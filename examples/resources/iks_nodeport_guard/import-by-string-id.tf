import {
  to = iks_nodeport_guard.closed
  id = "production,deny-kube-node-port-services"
}
