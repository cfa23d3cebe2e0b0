import {
  to = iks_network_policy.metrics
  id = "production,metrics-from-corporate"
}
