# The cluster, by name or ID, and the network.
terraform import iks_network_isolation.private production,private
