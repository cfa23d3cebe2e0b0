# Two clusters of two accounts reach each other's pods. Both have IBM's default
# networks, so each shows its pods to the other under a network of its own.
locals {
  pods    = "172.30.0.0/16" # of both clusters
  pods_a  = "10.100.0.0/16" # those of cluster a, as b sees them
  pods_b  = "10.101.0.0/16" # those of cluster b, as a sees them
  ciphers = "aes256-sha256-modp2048"
}

# Cluster a listens on its load balancer ...
resource "iks_strongswan_vpn" "a" {
  provider = iks.a
  cluster  = var.cluster_a
  name     = "cluster-b"

  chart = { source = "builtin" }
  image = var.strongswan_image

  remote           = { subnets = [local.pods_b], id = "cluster-b" }
  local            = { subnets = [local.pods_a], id = "cluster-a" }
  local_subnet_nat = { (local.pods) = local.pods_a }
  pod_snat         = "false"
  ike              = { proposals = [local.ciphers] }
  esp              = { proposals = [local.ciphers] }

  preshared_key_wo         = var.preshared_key
  preshared_key_wo_version = var.preshared_key_version

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "Cluster a does not listen yet. Apply again to carry on."
    }
  }
}

# ... and cluster b calls it there.
resource "iks_strongswan_vpn" "b" {
  provider = iks.b
  cluster  = var.cluster_b
  name     = "cluster-a"

  chart = { source = "builtin" }
  image = var.strongswan_image

  initiate         = true
  service_type     = "none"
  remote           = { gateway = iks_strongswan_vpn.a.load_balancer_ips[0], subnets = [local.pods_a], id = "cluster-a" }
  local            = { subnets = [local.pods_b], id = "cluster-b" }
  local_subnet_nat = { (local.pods) = local.pods_b }
  pod_snat         = "false"
  ike              = { proposals = [local.ciphers] }
  esp              = { proposals = [local.ciphers] }

  preshared_key_wo         = var.preshared_key
  preshared_key_wo_version = var.preshared_key_version

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The tunnel to cluster a carries no packets yet. Apply again to carry on."
    }
  }
}
