# Every plan and apply says whether the tunnel is up, and why not if it is not.
# A tunnel that is down is a warning here and stops nothing.
check "vpn_to_the_office" {
  data "iks_strongswan_status" "office" {
    cluster = "production"
    name    = "office"
    observe = "logs"
  }

  assert {
    condition     = data.iks_strongswan_status.office.up == true
    error_message = "The tunnel to the office is down: ${data.iks_strongswan_status.office.reason}"
  }
}

# Outside a check a postcondition stops what depends on the tunnel.
data "iks_strongswan_status" "partner" {
  cluster   = "production"
  namespace = "vpn"
  name      = "partner"
  observe   = "logs"

  lifecycle {
    postcondition {
      condition     = self.up == true && alltrue([for c in self.connections : contains(c.remote_subnets, "10.20.0.0/16") if c.up == true])
      error_message = "No tunnel leads to 10.20.0.0/16: ${self.reason}"
    }
  }
}
