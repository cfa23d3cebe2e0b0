import {
  to = iks_private_ingress.shop
  id = "production,shop,shop"
}
