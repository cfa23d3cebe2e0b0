# The cluster, by name or ID, the namespace and the name of the Service.
terraform import iks_private_service.api production,shop,api
