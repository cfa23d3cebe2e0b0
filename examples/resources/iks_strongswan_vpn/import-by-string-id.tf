import {
  to = iks_strongswan_vpn.office
  id = "production,default/vpn"
}
