# The cluster, by name or ID, and the name of a global policy.
terraform import iks_network_policy.metrics production,metrics-from-corporate
# A policy of a namespace.
terraform import iks_network_policy.api production,shop/api-egress
# One in another tier has the tier before a dot.
terraform import iks_network_policy.metrics production,security.metrics-from-corporate
