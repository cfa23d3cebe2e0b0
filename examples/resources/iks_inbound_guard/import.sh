# The cluster, by name or ID, and the name of the policy.
terraform import iks_inbound_guard.corporate production,block-public-inbound
