# Nobody on the internet can open a connection to the workers: NodePorts are
# closed, and so is everything else. The tunnel works all the same, because the
# cluster opens it: what answers a worker's own packets comes in.
resource "iks_nodeport_guard" "closed" {
  cluster = var.cluster

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The NodePorts are not closed yet. Apply again to carry on."
    }
  }
}

resource "iks_inbound_guard" "closed" {
  cluster                 = var.cluster
  ingress_health_monitors = []

  # What would pass here still has to get past the NodePort guard.
  depends_on = [iks_nodeport_guard.closed]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "Public inbound traffic is not closed yet. Apply again to carry on."
    }
  }
}

resource "iks_strongswan_vpn" "office" {
  cluster = var.cluster
  name    = "office"

  chart = { source = "builtin" }
  image = var.strongswan_image

  # The cluster calls, and no load balancer waits for calls.
  initiate     = true
  service_type = "none"

  remote = { gateway = var.office_gateway, subnets = var.office_subnets, id = "office" }
  local  = { subnets = ["172.30.0.0/16", "172.21.0.0/16"], id = "iks" }
  ike    = { proposals = ["aes256-sha256-modp2048"] }
  esp    = { proposals = ["aes256gcm128-modp2048"] }

  preshared_key_wo         = var.preshared_key
  preshared_key_wo_version = 1

  depends_on = [iks_inbound_guard.closed]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The tunnel to the office carries no packets yet. Apply again to carry on."
    }
  }
}
