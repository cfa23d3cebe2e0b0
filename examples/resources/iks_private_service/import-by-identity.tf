import {
  to = iks_private_service.api
  identity = {
    cluster_id = "c1234567890abcdefghi"
    namespace  = "shop"
    name       = "api"
  }
}
