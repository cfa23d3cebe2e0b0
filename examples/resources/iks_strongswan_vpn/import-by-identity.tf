import {
  to = iks_strongswan_vpn.office
  identity = {
    cluster_id = "c1234567890abcdefghi"
    namespace  = "default"
    name       = "vpn"
  }
}
