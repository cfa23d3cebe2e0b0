variable "vpn_key" {
  description = "Pre-shared key of the tunnel, 32 random characters that the office's gateway has as well."
  type        = string
  ephemeral   = true
}

# Pods and Services of the cluster reach the office's network, and the other way
# round. The cluster calls, so nothing has to be open to the internet.
resource "iks_strongswan_vpn" "office" {
  cluster = "production"
  name    = "vpn"

  chart = { source = "builtin" }
  image = "us.icr.io/network/strongswan@sha256:6a2f0b1e5a1c7d3b9c44b2a3f1d08e6c5b7a9d2e4f60718293a4b5c6d7e8f901"

  initiate = true
  remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.0/24"] }
  local    = { subnets = ["172.30.0.0/16", "172.21.0.0/16"] }
  ike      = { proposals = ["aes256-sha256-modp2048"] }
  esp      = { proposals = ["aes256gcm128-modp2048"] }

  # Give a new key a new version: Terraform keeps no trace of the key.
  preshared_key_wo         = var.vpn_key
  preshared_key_wo_version = 1

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The VPN is not ready yet. Apply again to carry on."
    }
  }
}
