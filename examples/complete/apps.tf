# An app of the classic cluster on a private address ...
resource "iks_private_service" "shop" {
  cluster   = var.classic_cluster
  namespace = var.app.namespace
  name      = "${var.app.name}-private"
  selector  = { app = var.app.name }
  ports     = [{ name = "http", port = 80, target_port = var.app.port }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The load balancer is not ready, or not proven to be private, yet. Apply again to carry on."
    }
  }

  # Its load balancer runs on the edge workers from the start, and its NodePorts are closed.
  depends_on = [iks_edge_pool.edge, iks_nodeport_guard.closed]
}

# ... which the VPC cluster uses under a name of its own, without leaving the
# private network ...
resource "iks_remote_service" "shop" {
  cluster   = var.vpc_cluster
  namespace = var.app.namespace
  name      = "${var.app.name}-of-classic"
  endpoints = [iks_private_service.shop.ip]
  ports     = [{ name = "http", port = 80 }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The name does not lead to the other cluster yet. Apply again to carry on."
    }
  }
}

# ... and an app of the VPC cluster on a private route.
resource "iks_private_ingress" "shop" {
  cluster   = var.vpc_cluster
  namespace = var.app.namespace
  name      = var.app.name

  rules = [{
    host = "shop.example.com"
    paths = [{
      path    = "/"
      backend = { service_name = iks_remote_service.shop.name, service_port = 80 }
    }]
  }]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The Ingress has no private address yet. Apply again to carry on."
    }
  }

  # The private ALB serves it.
  depends_on = [iks_alb_state.private]
}

# Nobody makes something public tomorrow.
resource "iks_exposure_policy" "private" {
  for_each = local.clusters

  cluster = each.value

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The exposure policy of ${each.value} is not in effect yet. Apply again to carry on."
    }
  }
}
