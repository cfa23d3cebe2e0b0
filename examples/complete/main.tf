# Two clusters, one on classic infrastructure and one on VPC, put into the
# Containers Workload Pattern.
locals {
  clusters = {
    classic = var.classic_cluster
    vpc     = var.vpc_cluster
  }
}

# Edge workers: nodes for networking only.
resource "iks_edge_pool" "edge" {
  for_each = local.clusters

  cluster     = each.value
  worker_pool = var.edge_worker_pool

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The edge pool of ${each.value} is not in effect yet. Apply again to carry on."
    }
  }
}

# Secure workers: NodePorts are closed on every public interface, except on the
# edge workers. VPC workers have no public interface, so there is nothing to close.
resource "iks_nodeport_guard" "closed" {
  cluster          = var.classic_cluster
  exempt_addresses = iks_edge_pool.edge["classic"].host_endpoint_addresses

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The NodePort guard is not in effect yet. Apply again to carry on."
    }
  }
}

# Private ways in: the private ALBs are on ...
resource "iks_alb_state" "private" {
  for_each = local.clusters

  cluster    = each.value
  type       = "private"
  enabled    = true
  on_destroy = "restore"

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The private ALBs of ${each.value} are not healthy yet. Apply again to carry on."
    }
  }

  # Born on the edge workers rather than moved there.
  depends_on = [iks_edge_pool.edge]
}

# ... and, once they are healthy, the public ones go off.
resource "iks_alb_state" "public" {
  for_each = local.clusters

  cluster                 = each.value
  type                    = "public"
  enabled                 = false
  on_destroy              = "restore"
  allow_public_on_destroy = true

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The public ALBs of ${each.value} are not off yet. Apply again to carry on."
    }
  }

  depends_on = [iks_alb_state.private]
}

# Blocked public inbound traffic: from outside nobody connects to the workers but
# the networks in var.public_source_cidrs, and those no further than the other
# policies let them. No ALB is public, so nothing is probed from outside either.
resource "iks_inbound_guard" "closed" {
  cluster                 = var.classic_cluster
  pass_source_cidrs       = length(var.public_source_cidrs) > 0 ? var.public_source_cidrs : null
  ingress_health_monitors = []

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The inbound guard is not in effect yet. Apply again to carry on."
    }
  }

  # Last: the public ALBs are off, and what passes has to get past the NodePort guard.
  depends_on = [iks_nodeport_guard.closed, iks_alb_state.public]
}
