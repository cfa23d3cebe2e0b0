import {
  to = iks_network_isolation.private
  id = "production,private"
}
