data "iks_edge_nodes" "production" {
  cluster = "production"
}
