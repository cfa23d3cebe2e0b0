import {
  to = iks_remote_service.api
  id = "shop,payments,api"
}
