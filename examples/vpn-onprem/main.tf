# The cluster and the office reach each other through one IPsec tunnel, which the
# cluster opens. Its pods run on the edge workers, like everything that talks to
# the outside.
resource "iks_edge_pool" "edge" {
  cluster     = var.cluster
  worker_pool = var.edge_worker_pool

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The edge workers are not ready yet. Apply again to carry on."
    }
  }
}

resource "iks_strongswan_vpn" "office" {
  cluster = var.cluster
  name    = "office"

  chart         = { source = "builtin" }
  image         = var.strongswan_image
  node_selector = { dedicated = "edge" }

  initiate = true
  remote = {
    gateway = var.office_gateway
    subnets = var.office_subnets
    id      = "office"
  }
  local = {
    subnets = var.cluster_subnets
    id      = "iks"
  }
  ike = { proposals = ["aes256-sha256-modp2048"] }
  esp = { proposals = ["aes256gcm128-modp2048"] }

  preshared_key_wo         = var.preshared_key
  preshared_key_wo_version = var.preshared_key_version

  depends_on = [iks_edge_pool.edge]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The tunnel to the office carries no packets yet. Apply again to carry on."
    }
  }
}
