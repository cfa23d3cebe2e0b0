import {
  to = iks_private_ingress.shop
  identity = {
    cluster_id = "c1234567890abcdefghi"
    namespace  = "shop"
    name       = "shop"
  }
}
