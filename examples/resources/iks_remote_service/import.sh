# The cluster, by name or ID, the namespace and the name of the Service.
terraform import iks_remote_service.api shop,payments,api
