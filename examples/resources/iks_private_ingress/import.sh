# The cluster, by name or ID, the namespace and the name of the Ingress.
terraform import iks_private_ingress.shop production,shop,shop
