import {
  to = iks_inbound_guard.corporate
  id = "production,block-public-inbound"
}
