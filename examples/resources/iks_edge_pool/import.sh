# The cluster, by name or ID, and the worker pool.
terraform import iks_edge_pool.edge production,edge
