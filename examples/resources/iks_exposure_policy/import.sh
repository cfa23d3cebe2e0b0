# The cluster, by name or ID, and the name of the policy.
terraform import iks_exposure_policy.private production,iks-exposure-policy
