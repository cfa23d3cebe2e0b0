import {
  to = iks_remote_service.api
  identity = {
    cluster_id = "c1234567890abcdefghi"
    namespace  = "payments"
    name       = "api"
  }
}
