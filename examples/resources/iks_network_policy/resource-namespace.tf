# A policy of a namespace: the API speaks to its database and to DNS only.
resource "iks_network_policy" "api" {
  cluster   = "production"
  namespace = "shop"
  name      = "api-egress"
  order     = 500
  selector  = "app == 'api'"

  egress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      destination = { selector = "app == 'database'", ports = [5432] }
    },
    {
      action      = "Allow"
      protocol    = "UDP"
      destination = { namespace_selector = "projectcalico.org/name == 'kube-system'", ports = [53] }
    },
  ]
}
