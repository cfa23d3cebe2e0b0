# The private network: workers and pods talk to each other, to what the cluster
# needs to live, and to another cluster and the corporate network.
resource "iks_network_isolation" "private" {
  cluster    = "production"
  network    = "private"
  allow      = ["services", "vrrp"]
  peer_cidrs = ["10.184.12.0/26", "10.80.0.0/14"]
  canary     = { image = "icr.io/shop/busybox:1.37", namespace = "checks" }

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The isolation is not in effect yet. Apply again to carry on."
    }
  }
}

# The public network: nothing connects out but to the master, IBM's services and
# the VPN gateway, and anywhere over HTTPS and to DNS and storage.
resource "iks_network_isolation" "public" {
  cluster = "production"
  network = "public"
  allow   = ["services", "vpn"]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The isolation is not in effect yet. Apply again to carry on."
    }
  }
}
