# The cluster, by name or ID, and the name of the policy.
terraform import iks_nodeport_guard.closed production,deny-kube-node-port-services
