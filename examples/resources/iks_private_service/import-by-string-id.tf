import {
  to = iks_private_service.api
  id = "production,shop,api"
}
