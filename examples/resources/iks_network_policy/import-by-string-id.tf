import {
  to = iks_network_policy.ssh
  id = "production,ssh-from-corporate"
}
