# The cluster, by name or ID, the namespace of the release and its name. Without
# a namespace, "default". All arguments are read from the release but wait_for
# and, where it is neither the builtin chart nor IBM's, the chart's source.
terraform import iks_strongswan_vpn.office production,default/vpn
